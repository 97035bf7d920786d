"""Where water flows: directions, depressions, and what a network of flow adds up to."""
