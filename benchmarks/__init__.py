"""Side-by-side measurements against other implementations, as ratios."""
