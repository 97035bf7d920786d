"""Statistics of zones: states of blocks that merge, and what is made of them."""
