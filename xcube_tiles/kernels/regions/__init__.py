"""Connected cells of equal value."""
