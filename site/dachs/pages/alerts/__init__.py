"""The pages of the alert archive. This runs in the Python of DaCHS."""
