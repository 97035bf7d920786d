"""Zonal map algebra: one value per zone, and back onto the grid."""
