"""Where water flows on a terrain."""
