"""The sky view and the data it draws. This runs in the Python of DaCHS."""
