"""What readers say of files that cannot be opened, or break while they are read."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from ingest.core.errors import IngestError, InputError

REPAIR: Final = "fetch the file again; if it stays so, have it written again at its origin"


def unreadable(path: Path, error: OSError) -> InputError:
    """Return the error for a file that the operating system does not let us read."""
    return InputError(
        f"the file cannot be read ({error.strerror})",
        file=path,
        remedy="check that it exists and that you may read it",
    )


@contextlib.contextmanager
def damage_told(path: Path, where: str | None, form: str, claims: str) -> Iterator[None]:
    """Turn whatever a library throws at a damaged file into an InputError.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    where : str, optional
        The place in it.
    form : str
        What it should be: ``ROOT``, ``FITS``.
    claims : str
        The part of it that tells what the rest is: ``structure``, ``header``.
    """
    try:
        yield
    except IngestError:
        raise
    except Exception as error:
        raise InputError(
            f"the file is damaged or not what its {claims} claims",
            file=path,
            where=where,
            value=f"{type(error).__name__}: {' '.join(str(error).split())}",
            expected=f"a readable {form} file",
            remedy=REPAIR,
        ) from None
