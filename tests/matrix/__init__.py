"""The tests on other releases of Debian: ``make matrix``, or ``python3 -m tests.matrix``.

Needs nothing but Python, so that it runs where this project is not installed.
"""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
