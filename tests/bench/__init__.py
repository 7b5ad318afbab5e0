"""How fast things are, as ratios to peers in the same run: ``make bench``."""
