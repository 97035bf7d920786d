"""Pictures as Terracotta draws them: its stretch, colour maps, transforms and expressions."""
