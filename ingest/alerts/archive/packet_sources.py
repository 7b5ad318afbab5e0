"""The packets in what somebody delivers: files, directories, archives, lines of JSON.

What a file is, is told by its content. Nothing is unpacked to the disk, memory stays flat, and
what cannot be read is told in a :class:`Delivery`, never passed over.
"""

from __future__ import annotations

import bz2
import contextlib
import gzip
import io
import itertools
import json
import lzma
import os
import re
import stat
import tarfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

from ingest.alerts.archive import tar_stream
from ingest.alerts.archive.index import printable
from ingest.alerts.archive.packet import Packet
from ingest.core.errors import InputError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

LIMIT: Final = 16 << 20
"""bytes; a larger packet is kept, but not read into memory, and not parsed."""
CEILING: Final = 1 << 30
"""bytes; what is larger is no packet, but an attack on the disk."""
DEPTH: Final = 4
"""How often something may be packed: a compressed file in a compressed archive is 3."""

LINKS: Final = "links"
DEVICES: Final = "devices, pipes or sockets"
EMPTY: Final = "empty files"

_BLOCK: Final = 1 << 20
_SMALL: Final = 1 << 16
_MOST_INCIDENTS: Final = 1000
_DAMAGE: Final = (EOFError, OSError, zlib.error, lzma.LZMAError, tarfile.TarError)
_PACKED: Final[dict[bytes, tuple[Callable[[Any], Any], Callable[[], Any]]]] = {
    b"\x1f\x8b": (gzip.open, lambda: zlib.decompressobj(zlib.MAX_WBITS + 16)),
    b"BZh": (bz2.open, bz2.BZ2Decompressor),
    b"\xfd7zXZ\0": (lzma.open, lzma.LZMADecompressor),
}
"""By their first bytes: what opens such files, and what unpacks a part of one."""
_LINES_NAME: Final = re.compile(r"\.(jsonl|ndjson)(\.(gz|bz2|xz))?$")


class DeliveryError(InputError):
    """The pieces of a large packet end early; the delivery was told."""


@dataclass
class Delivery:
    """What was found, and what was not.

    Attributes
    ----------
    packets : int
        Packets so far.
    left_out : collections.Counter
        How many of what is no packet: links, devices, empty files.
    incidents : list of str
        What could not be read, and why; where a damaged archive ended.
    more_incidents : int
        How many there were beyond the first thousand.
    """

    packets: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    incidents: list[str] = field(default_factory=list)
    more_incidents: int = 0

    def tell(self, incident: str) -> None:
        """Note what could not be read."""
        if len(self.incidents) < _MOST_INCIDENTS:
            self.incidents.append(printable(incident))
        else:
            self.more_incidents += 1


def check_paths(paths: Sequence[Path]) -> None:
    """See to it that all of `paths` are there.

    Raises
    ------
    InputError
        If one is not, or is neither a file nor a directory.
    """
    for path in paths:
        try:
            there = path.exists()
        except OSError as error:
            raise InputError(
                f"it cannot be reached: {error.strerror}",
                file=path,
                remedy="allow this account to enter its directory; nothing was imported",
            ) from None
        if not there:
            raise InputError(
                "there is no such file or directory",
                file=path,
                remedy="correct the path; nothing was imported",
            )
        if not (path.is_file() or path.is_dir()):
            raise InputError(
                "this is neither a file nor a directory",
                file=path,
                remedy="name files or directories with packets; nothing was imported",
            )


def packets_in(
    paths: Iterable[Path], delivery: Delivery, limit: int = LIMIT, ceiling: int = CEILING
) -> Iterator[Packet]:
    """Yield the packets in files and directories, those of a directory sorted by name.

    Parameters
    ----------
    paths : iterable of pathlib.Path
        Files: a packet, JSON lines, a tar archive; each plain or compressed by gzip, bzip2 or
        xz. Directories, with those below them. Links are followed here, not below.
    delivery : Delivery
        Is told what is found, and what cannot be read; the rest is read nevertheless.
    limit : int, optional
        Packets of more bytes come in pieces, to be read before the next packet is asked for.
    ceiling : int, optional
        Of files with more bytes the pieces end with an error.

    Yields
    ------
    Packet
        With its source: ``file:NAME`` with the path from the last part of the one given,
        ``tar:NAME!MEMBER``, ``lines:NAME!LINE``.
    """
    reader = _Reader(delivery, limit, ceiling)
    for path in paths:
        # a directory has its own name in the sources even if it was given as "."
        name = path.name if path.name not in ("", "..") else path.resolve().name
        for packet in reader.below(path, name, follow=True):
            delivery.packets += 1
            yield packet


@dataclass(frozen=True)
class _Reader:
    delivery: Delivery
    limit: int
    ceiling: int

    def below(self, path: Path, name: str, follow: bool = False) -> Iterator[Packet]:
        try:
            mode = path.stat(follow_symlinks=follow).st_mode
            if stat.S_ISDIR(mode):
                for child in sorted(os.listdir(path)):
                    yield from self.below(path / child, f"{name}/{child}")
            elif stat.S_ISREG(mode):
                with path.open("rb") as stream:
                    yield from self.within(stream, "file", name)
            else:
                self.delivery.left_out[LINKS if stat.S_ISLNK(mode) else DEVICES] += 1
        except OSError as error:
            self.delivery.tell(f"{name}: {error.strerror or error}")

    def within(self, stream: Any, kind: str, name: str, depth: int = 0) -> Iterator[Packet]:
        """Yield the packets in an open file, which is damaged from some point on, maybe."""
        whole = _Input(stream)
        try:
            head = whole.peek(tar_stream.HEADER)
            opener = self._opener(head, name)
            if opener is not None and depth < DEPTH:
                with opener(whole) as inner:
                    yield from self.within(inner, kind, name, depth + 1)
            elif tar_stream.is_tape(head) and depth < DEPTH:
                yield from self._members(whole, name, depth + 1)
            else:
                yield from self._content(whole, kind, name)
            whole.check()
        except _DAMAGE as error:
            self.delivery.tell(f"{name}: cannot be read to its end: {whole.error or error}")

    def _opener(self, head: bytes, name: str) -> Callable[[Any], Any] | None:
        """Return what opens a compressed file; None for others, as they are kept as they are."""
        for magic, (opener, unpacker) in _PACKED.items():
            if head.startswith(magic):
                try:
                    unpacker().decompress(head, 1)
                except _DAMAGE:
                    self.delivery.tell(
                        f"{name}: begins as compressed files do, but cannot be unpacked;"
                        " it was kept as it is"
                    )
                    return None
                return opener
        return None

    def _members(self, stream: IO[bytes], name: str, depth: int) -> Iterator[Packet]:
        for member, inner in tar_stream.members(stream):
            if inner is not None:
                yield from self.within(inner, "tar", f"{name}!{member.name}", depth)
            elif not member.isdir():
                kind = LINKS if member.issym() or member.islnk() else DEVICES
                self.delivery.left_out[kind] += 1

    def _content(self, whole: _Input, kind: str, name: str) -> Iterator[Packet]:
        # nearly all are small, and room for the largest takes longer to get than to fill
        head = whole.read(min(_SMALL, self.limit + 1))
        if len(head) == _SMALL:
            head += whole.read(self.limit + 1 - _SMALL)
        if _LINES_NAME.search(name) or _is_lines(head):
            yield from self._lines(_Input(whole, head), name, whole)
            return
        if len(head) > self.limit:
            rest = itertools.chain(iter(lambda: whole.read(_BLOCK), b""), _checked(whole))
            yield from self._large(f"{kind}:{name}", head, rest)
            return
        whole.check()
        if head:
            yield Packet(head, f"{kind}:{name}")
        else:
            self.delivery.left_out[EMPTY] += 1

    def _lines(self, lines: _Input, name: str, whole: _Input) -> Iterator[Packet]:
        for number in itertools.count(1):
            line = lines.readline(self.limit + 1)
            ended = line.endswith(b"\n")
            if not ended and len(line) <= self.limit:
                whole.check()
            if not line:
                return
            source = f"lines:{name}!{number}"
            if not ended and len(line) > self.limit:
                rest = _rest_of_line(lines, whole)
                yield from self._large(source, line, rest)
                for _ in rest:  # beyond the ceiling
                    pass
            elif content := line.strip():
                yield Packet(content, source)

    def _large(self, source: str, head: bytes, rest: Iterator[bytes]) -> Iterator[Packet]:
        pieces = self._pieces(source, head, rest)
        yield Packet(pieces, source)
        with contextlib.suppress(DeliveryError):
            for _ in pieces:  # who does not want them
                pass

    def _pieces(self, source: str, head: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
        size = 0
        try:
            for piece in itertools.chain([head], rest):
                size += len(piece)
                if size > self.ceiling:
                    raise DeliveryError(f"larger than {self.ceiling} bytes: this is no packet")
                yield piece
        except DeliveryError as error:
            self.delivery.tell(f"{source}: {error}")
            raise
        except _DAMAGE as error:
            self.delivery.tell(f"{source}: cannot be read to its end: {error}")
            raise DeliveryError(str(error), file=source) from error


class _Input(io.BufferedReader):
    """A file that ends where it is damaged, after all that comes before.

    A reader that raises in the middle of a read would take along what it had read.

    Parameters
    ----------
    stream : file object
        The file; it must have ``read1``.
    head : bytes, optional
        What was read from it already, and is to come first.
    """

    def __init__(self, stream: Any, head: bytes = b"") -> None:
        self._source = _Source(stream, head)
        super().__init__(self._source, 1 << 16)

    @property
    def error(self) -> Exception | None:
        """What is the matter with the file, if its damage was reached."""
        return self._source.error

    def check(self) -> None:
        """Raise the error, if there is one."""
        if self.error is not None:
            raise self.error


class _Source(io.RawIOBase):
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
            while size < len(view) and (piece := self._stream.read1(len(view) - size)):
                view[size : size + len(piece)] = piece
                size += len(piece)
        except _DAMAGE as error:
            self.error = error
        return size


def _checked(whole: _Input) -> Iterator[bytes]:
    """Yield nothing, but raise at the end what is the matter."""
    whole.check()
    yield from ()


def _rest_of_line(lines: _Input, whole: _Input) -> Iterator[bytes]:
    while piece := lines.readline(_BLOCK):
        yield piece.removesuffix(b"\n")
        if piece.endswith(b"\n"):
            return
    whole.check()


def _is_lines(head: bytes) -> bool:
    """Say whether several JSON objects stand below each other: no single one begins so."""
    first, _, rest = head.lstrip().partition(b"\n")
    if not (first.startswith(b"{") and rest.lstrip().startswith(b"{")):
        return False
    try:
        return isinstance(json.loads(first), dict)
    except (ValueError, RecursionError):
        return False
