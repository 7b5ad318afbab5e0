"""Untrusted tar archives, read from start to end, one member at a time.

The standard library parses the headers. This module adds what it lacks: memory use does not grow
with the number of members, the size of a header is limited, and a damaged or truncated archive
raises an error instead of ending early.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from typing import IO, Final, Self

HEADER_SIZE: Final = tarfile.BLOCKSIZE
"""Number of bytes needed to recognise a tar archive."""
_MAX_EXTENSION: Final = 1 << 20
"""Maximum number of bytes of a long name or of extended attributes, which are read at once."""
_EXTENSIONS: Final = (
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
)


class TarDamageError(tarfile.ReadError):
    """The archive cannot be read beyond this point."""


def is_tar(head: bytes) -> bool:
    """Return whether a file that starts with `head` is a tar archive.

    Parameters
    ----------
    head : bytes
        The first :data:`HEADER_SIZE` bytes of the file.
    """
    try:
        tarfile.TarInfo.frombuf(head[:HEADER_SIZE], "utf-8", "surrogateescape")
    except (tarfile.TarError, ValueError):
        return False
    return True


def members(stream: IO[bytes]) -> Iterator[tuple[tarfile.TarInfo, IO[bytes] | None]]:
    """Yield the members of a tar archive with their content.

    Parameters
    ----------
    stream : file object
        The uncompressed archive; it does not have to be seekable.

    Yields
    ------
    tuple of tarfile.TarInfo and file object or None
        The content can be read until the next member is requested. It is None for members that
        are not files, such as directories and links.

    Raises
    ------
    TarDamageError
        Where the archive is damaged, or at its end if the end-of-archive marker is missing.
    """
    with _open(stream) as tar:
        while (member := _next_member(tar)) is not None:
            # The library collects all members for random access, which a stream does not offer.
            tar.members.clear()
            is_file = member.isreg() or member.type not in tarfile.SUPPORTED_TYPES
            yield member, tar.extractfile(member) if is_file else None
        if not tar.ended:
            raise TarDamageError(
                f"the end-of-archive marker is missing after {tar.offset} bytes;"
                " later members may be lost"
            )


class _TarStream(tarfile.TarFile):
    members: list[tarfile.TarInfo]
    ended = False
    """Whether the last header was an end-of-archive marker."""


class _Member(tarfile.TarInfo):
    @classmethod
    def fromtarfile(cls, tarfile: tarfile.TarFile) -> Self:
        assert isinstance(tarfile, _TarStream)
        try:
            member = super().fromtarfile(tarfile)
        except _END_MARKER:
            tarfile.ended = True
            raise
        except _BAD_HEADERS as error:
            # the library would treat it as the end of the archive
            raise TarDamageError(f"{error} after {tarfile.offset} bytes") from None
        tarfile.ended = False
        return member

    def _proc_member(self, tarfile: tarfile.TarFile) -> Self | None:
        # the library's documented hook for handling member types
        if self.type in _EXTENSIONS and self.size > _MAX_EXTENSION:
            raise TarDamageError(
                f"a name or attribute of {self.size} bytes after {tarfile.offset} bytes"
            )
        result: Self | None = super()._proc_member(tarfile)  # type: ignore[misc]
        return result


_END_MARKER = tarfile.EOFHeaderError  # type: ignore[attr-defined]
_BAD_HEADERS = (
    tarfile.InvalidHeaderError,  # type: ignore[attr-defined]
    tarfile.TruncatedHeaderError,  # type: ignore[attr-defined]
)


def _open(stream: IO[bytes]) -> _TarStream:
    try:
        # Archives may have been concatenated, so reading goes on after an end-of-archive marker.
        return _TarStream.open(
            fileobj=stream, mode="r|", tarinfo=_Member, ignore_zeros=True, errors="surrogateescape"
        )
    except Exception as error:
        raise _as_damage(error) from error


def _next_member(tar: _TarStream) -> tarfile.TarInfo | None:
    try:
        return tar.next()
    except Exception as error:  # malformed headers make the library raise almost anything
        raise _as_damage(error, tar.offset) from error


def _as_damage(error: Exception, offset: int = 0) -> TarDamageError:
    if isinstance(error, TarDamageError):
        return error
    return TarDamageError(f"{error or type(error).__name__} after {offset} bytes")
