"""The fields that all notices share, of a VOEvent from any collaboration."""

from __future__ import annotations

from typing import Any


def core_notice(content: bytes) -> dict[str, Any]:
    raise NotImplementedError
