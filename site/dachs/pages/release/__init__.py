"""The page of a release. This runs in the Python of DaCHS."""
