"""Catalogs in Icechunk repositories: transactions in place of locks, history, and time travel."""
