"""Forms that write ADQL, and its answers. This runs in the Python of DaCHS."""
