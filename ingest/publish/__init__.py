"""What goes out to the world, and the checks before it does."""
