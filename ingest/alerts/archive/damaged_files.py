"""Reading files that may be damaged or compressed, up to the point of the damage."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import zlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

READ_ERRORS: Final = (EOFError, OSError, zlib.error, lzma.LZMAError, tarfile.TarError)
"""What readers of damaged files and archives raise."""

_COMPRESSIONS: Final[dict[bytes, tuple[Callable[[Any], Any], Callable[[], Any]]]] = {
    b"\x1f\x8b": (gzip.open, lambda: zlib.decompressobj(zlib.MAX_WBITS + 16)),
    b"BZh": (bz2.open, bz2.BZ2Decompressor),
    b"\xfd7zXZ\0": (lzma.open, lzma.LZMADecompressor),
}
"""By signature: the function that opens a file, and one that returns a decompressor of blocks."""


def opener_of(head: bytes) -> Callable[[Any], Any] | None:
    """Return the function that opens a compressed file; None for other files.

    Parameters
    ----------
    head : bytes
        The first bytes of the file, 512 or more where it has as many.

    Raises
    ------
    EOFError, OSError, zlib.error, lzma.LZMAError
        If the file has the signature of a compressed file, but cannot be decompressed.
    """
    for signature, (opener, decompressor) in _COMPRESSIONS.items():
        if head.startswith(signature):
            decompressor().decompress(head, 1)
            return opener
    return None


class TolerantReader(io.BufferedReader):
    """A file that ends where it is damaged, after everything that precedes the damage.

    A reader that raises an error in the middle of a read would lose what it has read so far.

    Parameters
    ----------
    stream : file object
        The file; it must have the method ``read1``.
    head : bytes, optional
        What has been read from the file already; it is returned first.
    """

    def __init__(self, stream: Any, head: bytes = b"") -> None:
        self._stream = _TolerantStream(stream, head)
        super().__init__(self._stream, 1 << 16)

    @property
    def error(self) -> Exception | None:
        """The error at which the file ended; None if there was none so far."""
        return self._stream.error

    def check(self) -> None:
        """Raise the error at which the file ended, if there was one."""
        if self.error is not None:
            raise self.error

    def blocks(self, size: int) -> Iterator[bytes]:
        """Yield the rest of the file in blocks of `size` bytes, then :meth:`check`."""
        while block := self.read(size):
            yield block
        self.check()


class _TolerantStream(io.RawIOBase):
    def __init__(self, stream: Any, head: bytes) -> None:
        self._stream = stream
        self._head = io.BytesIO(head)
        self.error: Exception | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer)
        size = self._head.readinto(view)
        try:
            # after an error, those that decompress raise other errors
            while (
                self.error is None
                and size < len(view)
                and (block := self._stream.read1(len(view) - size))
            ):
                view[size : size + len(block)] = block
                size += len(block)
        except READ_ERRORS as error:
            self.error = error
        return size
