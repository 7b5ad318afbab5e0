"""Tar archives from anybody, read from the front to the end, one member at a time.

The standard library reads them. What is added: memory stays flat over a million members, a
header cannot ask for more memory than there is, and a damaged archive does not pass for a
shorter one.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from typing import IO, Final, Self

HEADER: Final = tarfile.BLOCKSIZE
"""bytes that are needed to recognise an archive."""
_LONGEST_EXTENSION: Final = 1 << 20
"""bytes of long names and attributes, which are read at once."""
_EXTENSIONS: Final = (
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
)


class Damage(tarfile.ReadError):
    """The archive cannot be read from here on."""


def is_tape(head: bytes) -> bool:
    """Say whether a file that begins with `head`, :data:`HEADER` bytes of it, is an archive."""
    try:
        tarfile.TarInfo.frombuf(head[:HEADER], "utf-8", "surrogateescape")
    except (tarfile.TarError, ValueError):
        return False
    return True


def members(stream: IO[bytes]) -> Iterator[tuple[tarfile.TarInfo, IO[bytes] | None]]:
    """Yield the members of an archive, each with its content.

    Parameters
    ----------
    stream : file object
        The archive, not compressed; it is never sought in.

    Yields
    ------
    tuple of tarfile.TarInfo and file object
        The content can be read until the next member is asked for; None for what is no file.

    Raises
    ------
    Damage
        Where the archive is damaged, or ends without an end mark, after what came before.
    """
    with _opened(stream) as tape:
        while (member := _next(tape)) is not None:
            # Kept in case someone wants to go back; nobody can, and they would fill the memory.
            tape.members.clear()
            is_file = member.isreg() or member.type not in tarfile.SUPPORTED_TYPES
            yield member, tape.extractfile(member) if is_file else None
        if not tape.marked:
            raise Damage(f"there is no end mark after {tape.offset} bytes; the rest may be missing")


class _Tape(tarfile.TarFile):
    members: list[tarfile.TarInfo]
    marked = False
    """Whether the last thing seen was the end mark."""


class _Member(tarfile.TarInfo):
    @classmethod
    def fromtarfile(cls, tarfile: tarfile.TarFile) -> Self:
        assert isinstance(tarfile, _Tape)
        try:
            member = super().fromtarfile(tarfile)
        except _END:
            tarfile.marked = True
            raise
        except _BROKEN as error:
            # the library would take it for the end
            raise Damage(f"{error} after {tarfile.offset} bytes") from None
        tarfile.marked = False
        return member

    def _proc_member(self, tarfile: tarfile.TarFile) -> Self | None:
        # the library documents this as the place to handle types in one's own way
        if self.type in _EXTENSIONS and self.size > _LONGEST_EXTENSION:
            raise Damage(f"a name or attribute of {self.size} bytes after {tarfile.offset} bytes")
        result: Self | None = super()._proc_member(tarfile)  # type: ignore[misc]
        return result


_END = tarfile.EOFHeaderError  # type: ignore[attr-defined]
_BROKEN = (tarfile.InvalidHeaderError, tarfile.TruncatedHeaderError)  # type: ignore[attr-defined]


def _opened(stream: IO[bytes]) -> _Tape:
    try:
        # What follows an end mark is read, too: archives are joined by cat.
        return _Tape.open(
            fileobj=stream, mode="r|", tarinfo=_Member, ignore_zeros=True, errors="surrogateescape"
        )
    except Exception as error:
        raise _as_damage(error) from error


def _next(tape: _Tape) -> tarfile.TarInfo | None:
    try:
        return tape.next()
    except Exception as error:  # headers of bad will reach everything in the library
        raise _as_damage(error, tape.offset) from error


def _as_damage(error: Exception, offset: int = 0) -> Exception:
    if isinstance(error, Damage):
        return error
    return Damage(f"{error or type(error).__name__} after {offset} bytes")
