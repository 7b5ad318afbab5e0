"""From archived packets to table rows: the steps that worker processes carry out.

Data flow through them in this order only, see :func:`make_rows`::

    read_packet          bytes → notice
    store_map            sky map in the notice → archive
    use_map              stored sky map → regions, preview
    add_circle_regions   error circle → regions, for packets without a sky map
    table_rows           notice and regions → rows

A circular becomes rows at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from ingest.alerts.archive import Archive, Entry, attached_map
from ingest.alerts.notices import Circular, Notice, Regions
from ingest.alerts.pipeline.previews import draw_map
from ingest.alerts.tables import CircularRows, PacketRows, circular_rows, table_rows
from ingest.core.errors import IngestError
from ingest.core.files import read_regular


class Parser(Protocol):
    """A function such as :func:`ingest.alerts.notices.parse_packet`."""

    def __call__(
        self, content: bytes, media_type: str | None, *, max_bytes: int, topic: str | None
    ) -> Notice | Circular:
        """Return the notice or circular in the bytes of a packet."""


@dataclass(frozen=True)
class ParsedPacket:
    """A packet on its way to rows.

    Attributes
    ----------
    entry : Entry
        The packet in the archive.
    notice : Notice
        Its content.
    sky_map : str, optional
        SHA-256 of its sky map in the archive.
    regions : Regions, optional
        Its regions of 50 % and 90 % containment, once they are known.
    """

    entry: Entry
    notice: Notice
    sky_map: str | None = None
    regions: Regions | None = None


@dataclass(frozen=True)
class Refusal:
    """Why no rows can be made of a packet.

    Attributes
    ----------
    problem : str
        Without details; packets are counted by it.
    reason : str
        With all details, for the quarantine.
    """

    problem: str
    reason: str

    @classmethod
    def of(cls, error: Exception) -> Refusal:
        """Return the refusal for an error that a step raised."""
        if isinstance(error, IngestError):
            return cls(error.problem, str(error))
        if isinstance(error, MemoryError):
            return cls("it needs more memory than a packet may use", "it needs too much memory")
        problem = f"an error in km3vo ({type(error).__name__})"
        return cls(problem, f"{problem}: {error}")


@dataclass
class ChunkResult:
    """The outcome of all steps for some packets.

    Attributes
    ----------
    entries : list of Entry
        The packets, in order.
    rows : list of PacketRows or CircularRows
        The rows of those that were not refused, in order.
    refused : dict of int to Refusal
        The others, by their numbers.
    """

    entries: list[Entry]
    rows: list[PacketRows | CircularRows] = field(default_factory=list)
    refused: dict[int, Refusal] = field(default_factory=dict)

    def extend(self, other: ChunkResult) -> None:
        """Append the outcome for further packets."""
        self.entries += other.entries
        self.rows += other.rows
        self.refused |= other.refused


def make_rows(
    archive: Archive,
    entries: Sequence[Entry],
    parse: Parser,
    max_bytes: int,
    announce: Callable[[int], None] = lambda number: None,
) -> ChunkResult:
    """Carry out all steps for some packets.

    Parameters
    ----------
    archive : Archive
        Contains the packets, and receives their sky maps and previews.
    entries : sequence of Entry
        The packets.
    parse : Parser
        Parses the bytes of a packet.
    max_bytes : int
        Larger packets are refused.
    announce : callable, optional
        Called with the number of the packet that is processed next, or 0 for all at once.
    """
    result = ChunkResult(list(entries))
    parsed = []
    for entry in entries:
        announce(entry.number)
        try:
            found = read_packet(archive, entry, parse, max_bytes)
            if isinstance(found, Circular):
                result.rows.append(circular_rows(entry, found))
                continue
            packet = store_map(archive, ParsedPacket(entry, found))
            parsed.append(use_map(archive, packet))
        except Exception as error:  # any error concerns this packet alone
            result.refused[entry.number] = Refusal.of(error)
    announce(entries[0].number if len(entries) == 1 else 0)
    for packet in add_circle_regions(parsed, result.refused):
        try:
            regions = packet.regions or Regions()
            result.rows.append(table_rows(packet.entry, packet.notice, regions, packet.sky_map))
        except Exception as error:
            result.refused[packet.entry.number] = Refusal.of(error)
    result.rows.sort(key=lambda rows: rows.number)
    return result


def read_packet(archive: Archive, entry: Entry, parse: Parser, max_bytes: int) -> Notice | Circular:
    """Return the notice or circular in a packet of the archive.

    Raises
    ------
    IngestError
        If the packet is larger than `max_bytes`, is damaged, or cannot be parsed.
    """
    if entry.size > max_bytes:
        raise IngestError(
            f"larger than {max_bytes} bytes",
            value=f"{entry.size} bytes",
            remedy="if it is an alert: km3vo alerts quarantine --retry --largest MEGABYTES",
        )
    content = archive.read(entry)
    return parse(content, entry.media_type, max_bytes=max_bytes, topic=entry.topic)


def store_map(archive: Archive, packet: ParsedPacket) -> ParsedPacket:
    """Store the sky map that a packet contains, unless another one was attached to it."""
    sky_map = attached_map(archive, packet.entry)
    if sky_map is None and packet.notice.sky_map is not None:
        sky_map = archive.add_map(packet.notice.sky_map)
    return packet if sky_map is None else replace(packet, sky_map=sky_map)


def use_map(archive: Archive, packet: ParsedPacket) -> ParsedPacket:
    """Take the regions from the stored sky map of a packet, if it has one, and draw its preview.

    A map that cannot be read is no reason to refuse the packet; it becomes a remark.
    """
    if packet.sky_map is None:
        return packet
    # not at the top: it takes a second to load, and only workers need it
    from ingest.alerts.skymaps import map_regions

    content = read_regular(archive.map_path(packet.sky_map))
    try:
        packet = replace(packet, regions=map_regions(content))
        draw_map(archive, packet.entry, packet.notice, content)
    except IngestError as error:
        remark = f"the sky map cannot be read: {error.problem}"
        remarks = (*packet.notice.remarks, remark)
        packet = replace(packet, notice=packet.notice.model_copy(update={"remarks": remarks}))
    return packet


def add_circle_regions(
    packets: Sequence[ParsedPacket], refused: dict[int, Refusal]
) -> list[ParsedPacket]:
    """Compute the regions of packets without a sky map from their error circles.

    Parameters
    ----------
    packets : sequence of ParsedPacket
        The packets, in order of their numbers.
    refused : dict of int to Refusal
        Packets whose regions cannot be computed are added here.

    Returns
    -------
    list of ParsedPacket
        The other packets, in the same order.
    """
    from ingest.alerts.skymaps import circle_regions

    circles = [packet for packet in packets if packet.regions is None]
    found: dict[int, Regions] = {}
    try:
        # all at once takes a tenth of the time
        regions = circle_regions([packet.notice.position for packet in circles])
        found = {packet.entry.number: one for packet, one in zip(circles, regions, strict=True)}
    except Exception:
        for packet in circles:
            try:
                (found[packet.entry.number],) = circle_regions([packet.notice.position])
            except Exception as error:
                refused[packet.entry.number] = Refusal.of(error)
    return [
        packet if packet.regions else replace(packet, regions=found[packet.entry.number])
        for packet in packets
        if packet.entry.number not in refused
    ]
