"""The packets in files, directories, archives and JSON lines.

The type of a file is recognised by its content. Nothing is unpacked to disk, memory use does not
grow with the size of a source, and everything that cannot be read is recorded in a
:class:`~ingest.alerts.archive.source_report.SourceReport`.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from ingest.alerts.archive import tar_stream
from ingest.alerts.archive.damaged_files import READ_ERRORS, TolerantReader, opener_of
from ingest.alerts.archive.packet import Packet
from ingest.alerts.archive.source_report import SourceError, SourceReport
from ingest.core import privileges
from ingest.core.errors import InputError
from ingest.core.files import open_regular

MAX_PARSED_BYTES: Final = 16 << 20
"""Larger packets are archived, but neither read into memory nor parsed."""
MAX_PACKET_BYTES: Final = 1 << 30
"""Larger files are not packets; archiving them would let an attacker fill the disk."""
MAX_NESTING: Final = 4
"""Maximum number of nested containers; a compressed file in a compressed tar archive has 3."""

LINKS: Final = "links"
DEVICES: Final = "devices, pipes or sockets"
EMPTY: Final = "empty files"

_BLOCK: Final = 1 << 20
_SMALL: Final = 1 << 16
_JSON_LINES_NAME: Final = re.compile(r"\.(jsonl|ndjson)(\.(gz|bz2|xz))?$")


def check_paths(paths: Sequence[Path]) -> None:
    """Check that all paths exist.

    Raises
    ------
    InputError
        If one does not exist, cannot be accessed, or is neither a file nor a directory.
    """
    for path in paths:
        try:
            exists = path.exists()
        except OSError as error:
            raise InputError(
                f"this path cannot be accessed: {error.strerror}",
                file=path,
                remedy="allow this account to enter its directory; nothing was imported",
            ) from None
        if not exists:
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
    paths: Iterable[Path],
    report: SourceReport,
    max_parsed_bytes: int = MAX_PARSED_BYTES,
    max_packet_bytes: int = MAX_PACKET_BYTES,
) -> Iterator[Packet]:
    """Yield the packets in files and directories, the latter sorted by name.

    Parameters
    ----------
    paths : iterable of pathlib.Path
        Files: a packet, JSON lines or a tar archive; uncompressed or compressed by gzip, bzip2 or
        xz. Directories, with their subdirectories. Symbolic links are followed if they are given
        here, but not below a directory.
    report : SourceReport
        Updated with what is found and what cannot be read. Reading continues after a problem.
    max_parsed_bytes : int, optional
        Larger packets are yielded as blocks, to be consumed before the next packet is requested.
    max_packet_bytes : int, optional
        The blocks of larger packets end with a :class:`SourceError`.

    Yields
    ------
    Packet
        With its source: ``file:NAME``, where NAME starts with the last part of the given path;
        ``tar:NAME!MEMBER``; or ``lines:NAME!LINE``.
    """
    reader = _SourceReader(report, max_parsed_bytes, max_packet_bytes)
    for path in paths:
        # resolve "." and "..", so that sources have the name of the directory
        name = path.name if path.name not in ("", "..") else path.resolve().name
        for packet in reader.read_path(path, name, follow=True):
            report.packets += 1
            yield packet


@dataclass(frozen=True)
class _SourceReader:
    report: SourceReport
    max_parsed_bytes: int
    max_packet_bytes: int

    def read_path(self, path: Path, name: str, follow: bool = False) -> Iterator[Packet]:
        """Yield the packets in a file or directory."""
        try:
            with privileges.caller():
                mode = path.stat(follow_symlinks=follow).st_mode
                children = sorted(os.listdir(path)) if stat.S_ISDIR(mode) else []
                stream = open_regular(path.resolve()) if stat.S_ISREG(mode) else None
            if stat.S_ISDIR(mode):
                for child in children:
                    yield from self.read_path(path / child, f"{name}/{child}")
            elif stream is not None:
                with stream:
                    yield from self._read_stream(stream, "file", name)
            else:
                self.report.skipped[LINKS if stat.S_ISLNK(mode) else DEVICES] += 1
        except OSError as error:
            self.report.add_problem(f"{name}: {error.strerror or error}")

    def _read_stream(self, stream: Any, kind: str, name: str, nesting: int = 0) -> Iterator[Packet]:
        """Yield the packets in an open file, up to where it is damaged."""
        reader = TolerantReader(stream)
        try:
            head = reader.peek(tar_stream.HEADER_SIZE)
            opener = self._opener_of(head, name)
            if opener is not None and nesting < MAX_NESTING:
                with opener(reader) as inner:
                    yield from self._read_stream(inner, kind, name, nesting + 1)
            elif tar_stream.is_tar(head) and nesting < MAX_NESTING:
                yield from self._read_tar(reader, name, nesting + 1)
            else:
                yield from self._read_content(reader, kind, name)
            reader.check()
        except READ_ERRORS as error:
            self._report_damage(name, reader.error or error)

    def _opener_of(self, head: bytes, name: str) -> Callable[[Any], Any] | None:
        """Return what opens a compressed file; None for other files, which are read directly."""
        try:
            return opener_of(head)
        except READ_ERRORS:
            self.report.add_problem(
                f"{name}: starts like a compressed file, but cannot be decompressed;"
                " it was archived as it is"
            )
            return None

    def _read_tar(self, stream: IO[bytes], name: str, nesting: int) -> Iterator[Packet]:
        for member, content in tar_stream.members(stream):
            if content is not None:
                yield from self._read_stream(content, "tar", f"{name}!{member.name}", nesting)
            elif not member.isdir():
                kind = LINKS if member.issym() or member.islnk() else DEVICES
                self.report.skipped[kind] += 1

    def _read_content(self, reader: TolerantReader, kind: str, name: str) -> Iterator[Packet]:
        """Yield the single packet, or the lines of JSON, that a file consists of."""
        # Nearly all packets are small, and allocating memory for the largest takes longer.
        head = reader.read(min(_SMALL, self.max_parsed_bytes + 1))
        if len(head) == _SMALL:
            head += reader.read(self.max_parsed_bytes + 1 - _SMALL)
        if _JSON_LINES_NAME.search(name) or _is_json_lines(head):
            yield from self._read_lines(TolerantReader(reader, head), name, reader)
        elif len(head) > self.max_parsed_bytes:
            yield from self._large_packet(f"{kind}:{name}", head, reader.blocks(_BLOCK))
        else:
            reader.check()
            if head:
                yield Packet(head, f"{kind}:{name}")
            else:
                self.report.skipped[EMPTY] += 1

    def _read_lines(
        self, lines: TolerantReader, name: str, reader: TolerantReader
    ) -> Iterator[Packet]:
        """Yield one packet per line; `lines` reads from `reader`, which knows of damage."""
        for number in itertools.count(1):
            line = lines.readline(self.max_parsed_bytes + 1)
            is_large = len(line) > self.max_parsed_bytes and not line.endswith(b"\n")
            if not is_large and not line.endswith(b"\n"):
                reader.check()
            if not line:
                return
            source = f"lines:{name}!{number}"
            if is_large:
                rest = _rest_of_line(lines, reader)
                yield from self._large_packet(source, line, rest)
                for _ in rest:  # what exceeds the maximum size
                    pass
            elif content := line.strip():
                yield Packet(content, source)

    def _large_packet(self, source: str, head: bytes, rest: Iterator[bytes]) -> Iterator[Packet]:
        blocks = self._limited(source, itertools.chain([head], rest))
        yield Packet(blocks, source)
        with contextlib.suppress(SourceError):
            for _ in blocks:  # if the packet was not consumed
                pass

    def _limited(self, source: str, blocks: Iterable[bytes]) -> Iterator[bytes]:
        """Yield the blocks of a large packet up to its damage or the maximum size."""
        size = 0
        try:
            for block in blocks:
                size += len(block)
                if size > self.max_packet_bytes:
                    problem = f"larger than {self.max_packet_bytes} bytes, so it is not a packet"
                    self.report.add_problem(f"{source}: {problem}")
                    raise SourceError(
                        problem, file=source, expected=f"at most {self.max_packet_bytes} bytes"
                    )
                yield block
        except READ_ERRORS as error:
            self._report_damage(source, error)
            raise SourceError(str(error), file=source) from error

    def _report_damage(self, name: str, error: Exception) -> None:
        self.report.add_problem(f"{name}: cannot be read to the end: {error}")


def _rest_of_line(lines: TolerantReader, reader: TolerantReader) -> Iterator[bytes]:
    while block := lines.readline(_BLOCK):
        yield block.removesuffix(b"\n")
        if block.endswith(b"\n"):
            return
    reader.check()


def _is_json_lines(head: bytes) -> bool:
    """Return whether a file starts with a line that is a JSON object, and another object."""
    first, _, rest = head.lstrip().partition(b"\n")
    if not (first.startswith(b"{") and rest.lstrip().startswith(b"{")):
        return False
    try:
        return isinstance(json.loads(first), dict)
    except (ValueError, RecursionError):
        return False
