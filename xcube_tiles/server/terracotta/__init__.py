"""The HTTP interface of Terracotta over collections: its addresses, parameters and answers."""
