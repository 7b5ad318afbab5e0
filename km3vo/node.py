"""A node of the Virtual Observatory with neutrino events, as an astronomer uses it."""
