"""Pictures of rasters: styles, encoders, map tiles, previews, legends, values at a point."""
