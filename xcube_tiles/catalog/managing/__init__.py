"""Layers as a whole: copied, packed anew, described."""
