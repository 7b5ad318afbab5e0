"""How long operations report their progress."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

ProgressCallback: TypeAlias = Callable[[int], None]
"""Called repeatedly with the number of items (events, files, packets) done so far."""
