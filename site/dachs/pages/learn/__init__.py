"""The page to learn from, ``/learn``: exercises for a classroom that has only browsers.

This runs in the Python of DaCHS.
"""
