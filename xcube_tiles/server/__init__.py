"""The tile server: HTTP in front of `render`, and the page with the map."""
