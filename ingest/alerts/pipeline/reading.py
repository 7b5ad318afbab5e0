"""From packets in the archive to rows: what the worker processes do."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from ingest.alerts.archive import Archive, Entry, attached_map
from ingest.alerts.notices import Notice, Position
from ingest.core.errors import IngestError

LIMIT: Final = 16 << 20
"""bytes; a larger packet is not parsed."""


@dataclass(frozen=True)
class Steps:
    """The functions that make rows of bytes; all of them from modules, for they go to processes.

    Attributes
    ----------
    parse : callable
        Notice of the bytes of a packet and its media type.
    circle_regions : callable
        Regions of the error circles of many positions.
    map_regions : callable
        Regions of a sky map's bytes.
    rows_of : callable
        Rows of an entry, its notice, its regions, and the checksum of its sky map or None.
    draw : callable, optional
        Makes a picture of a packet's sky map; of the archive, the entry, its notice and the map.
    limit : int
        Packets of more bytes are refused.
    """

    parse: Callable[[bytes, str | None], Notice]
    circle_regions: Callable[[Sequence[Position | None]], Sequence[Any]]
    map_regions: Callable[[bytes], Any]
    rows_of: Callable[[Entry, Notice, Any, str | None], Any]
    draw: Callable[[Archive, Entry, Notice, bytes], None] | None = None
    limit: int = LIMIT


@dataclass(frozen=True)
class Refusal:
    """Why a packet could not be understood.

    Attributes
    ----------
    problem : str
        In general words, by which packets are counted.
    reason : str
        With all details.
    """

    problem: str
    reason: str

    @classmethod
    def of(cls, error: Exception) -> Refusal:
        """Return the refusal that an error stands for."""
        if isinstance(error, IngestError):
            return cls(error.problem, str(error))
        if isinstance(error, MemoryError):
            return cls("it takes more memory than a packet may", "it takes too much memory")
        kind = type(error).__name__
        return cls(f"a fault of km3vo ({kind})", f"a fault of km3vo ({kind}): {error}")


@dataclass
class Reading:
    """What became of some packets.

    Attributes
    ----------
    entries : list of Entry
        The packets, in order.
    rows : list
        The rows of those that were understood, in order, each as `Steps.rows_of` made it.
    refused : dict of int to Refusal
        The others, by their numbers.
    """

    entries: list[Entry]
    rows: list[Any] = field(default_factory=list)
    refused: dict[int, Refusal] = field(default_factory=dict)


def read(
    archive: Archive,
    entries: Sequence[Entry],
    steps: Steps,
    begin: Callable[[int], None],
    singly: bool = False,
) -> Reading:
    """Make rows of packets.

    Parameters
    ----------
    archive : Archive
        Where the packets are, and where sky maps go that come inside them.
    entries : sequence of Entry
        The packets.
    steps : Steps
        What is done with each.
    begin : callable
        Is told the number of the packet that is worked on, or 0 where it is all of them.
    singly : bool, optional
        Work on one packet after the other, so that it is always known which one it is. It
        takes longer.
    """
    reading = Reading(list(entries))
    for group in [[entry] for entry in entries] if singly else [list(entries)]:
        _read_group(archive, group, steps, begin, reading)
    begin(0)
    return reading


@dataclass
class _Understood:
    entry: Entry
    notice: Notice
    sky_map: str | None = None
    regions: Any = None


def _read_group(
    archive: Archive,
    group: list[Entry],
    steps: Steps,
    begin: Callable[[int], None],
    reading: Reading,
) -> None:
    understood = []
    for entry in group:
        begin(entry.number)
        try:
            if entry.size > steps.limit:
                raise IngestError(
                    f"larger than {steps.limit} bytes",
                    value=f"{entry.size} bytes",
                    remedy="if it is an alert: km3vo alerts quarantine --retry --largest MEGABYTES",
                )
            one = _Understood(entry, steps.parse(archive.read(entry), entry.media_type))
            _read_map(archive, one, steps)
            understood.append(one)
        except Exception as error:  # whatever it is, the other packets go on
            reading.refused[entry.number] = Refusal.of(error)
    begin(group[0].number if len(group) == 1 else 0)
    for one in _with_regions(understood, steps, reading):
        try:
            reading.rows.append(steps.rows_of(one.entry, one.notice, one.regions, one.sky_map))
        except Exception as error:
            reading.refused[one.entry.number] = Refusal.of(error)


def _read_map(archive: Archive, one: _Understood, steps: Steps) -> None:
    """Keep the map of a packet; one that cannot be read is no reason to refuse the packet."""
    one.sky_map = attached_map(archive, one.entry)
    if one.sky_map is not None:
        content = archive.map_path(one.sky_map).read_bytes()
    elif one.notice.sky_map is not None:
        content = one.notice.sky_map
        one.sky_map = archive.add_map(content)
    else:
        return
    try:
        one.regions = steps.map_regions(content)
        if steps.draw is not None:
            steps.draw(archive, one.entry, one.notice, content)
    except IngestError as error:
        remark = f"the sky map cannot be read: {error.problem}"
        one.notice = one.notice.model_copy(update={"remarks": (*one.notice.remarks, remark)})


def _with_regions(
    understood: list[_Understood], steps: Steps, reading: Reading
) -> Iterator[_Understood]:
    """Yield the packets with the regions of their circles, where they have no map."""
    circles = [one for one in understood if one.regions is None]
    try:
        # all at a time takes a tenth of the time
        found = steps.circle_regions([one.notice.position for one in circles])
        for one, regions in zip(circles, found, strict=True):
            one.regions = regions
    except Exception:
        for one in circles:
            try:
                (one.regions,) = steps.circle_regions([one.notice.position])
            except Exception as error:
                reading.refused[one.entry.number] = Refusal.of(error)
    yield from (one for one in understood if one.entry.number not in reading.refused)
