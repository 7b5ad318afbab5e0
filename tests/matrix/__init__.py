"""The tests on other releases of Debian: ``make matrix``, or ``python -m tests.matrix``."""
