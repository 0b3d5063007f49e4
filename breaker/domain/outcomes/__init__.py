"""What became of sends, and what of it counts."""
