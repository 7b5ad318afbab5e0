"""What a curator does to single packets and days: seal, prove, hide and show."""

from __future__ import annotations

import re
from typing import Any, Final

from ingest.alerts.archive import Archive, Entry, printable, show_again, withheld_packets
from ingest.alerts.matching import load_matches
from ingest.alerts.pipeline.instance_tables import existing_store, opened
from ingest.alerts.pipeline.matches import update_matches
from ingest.alerts.pipeline.processing import process_new
from ingest.alerts.pipeline.records import copy_records, publish_seals
from ingest.alerts.pipeline.withholding import record_withheld
from ingest.alerts.proof import Seal, prove, seal_days
from ingest.alerts.tables import Store
from ingest.core.errors import InputError
from ingest.instance import Layout

_SHA256: Final = re.compile("[0-9a-fA-F]{64}")


def seal(layout: Layout, archive: Archive, replace: bool = False) -> list[Seal]:
    """Seal the days that are over, publish the seals if the database runs, return the new ones.

    Parameters
    ----------
    layout, archive : Layout, Archive
        The instance and its archive.
    replace : bool, optional
        Whether seals that were published may be replaced by those of the archive.

    Raises
    ------
    ArchiveError
        If a seal or the index is damaged, or others were published.
    """
    new = seal_days(archive)
    with existing_store(layout) as store:
        if store is not None:
            publish_seals(archive, store, replace)
    return new


def prove_packet(layout: Layout, archive: Archive, packet: str) -> dict[str, Any]:
    """Return the proof that a packet was received when the index says.

    Parameters
    ----------
    layout, archive : Layout, Archive
        The instance and its archive.
    packet : str
        Its number, its SHA-256, or its ivorn; for the latter the database must run.

    Raises
    ------
    InputError
        If there is no such packet, or it is not sealed yet.
    ArchiveError
        If its seal is damaged.
    """
    with existing_store(layout) as store:
        return prove(archive, find_packet(archive, store, packet))


def hide(layout: Layout, archive: Archive, packet: str, reason: str) -> Entry:
    """Withhold a packet: its rows leave the tables, its bytes and its seal remain.

    Parameters
    ----------
    layout, archive : Layout, Archive
        The instance and its archive.
    packet : str
        Its number, its SHA-256, or its ivorn.
    reason : str
        Why; it is published.

    Raises
    ------
    InputError
        If there is no such packet, or no reason.
    """
    config = load_matches()
    with opened(layout, archive) as (store, pool):
        entry = find_packet(archive, store, packet)
        record_withheld(archive, store, entry, reason)
        process_new(archive, store, pool)
        copy_records(archive, store, pool)
        update_matches(layout, archive, store, config)
    return entry


def show(layout: Layout, archive: Archive, packet: str, reason: str | None = None) -> Entry:
    """Show a packet again that was withheld; parameters and errors are those of :func:`hide`."""
    config = load_matches()
    with opened(layout, archive) as (store, pool):
        entry = find_packet(archive, store, packet)
        if all(one.entry != entry for one in withheld_packets(archive)):
            raise InputError(
                "this packet is not withheld",
                value=packet,
                expected="a packet in alerts.withheld",
                remedy="nothing has to be undone",
            )
        show_again(archive, entry, reason and printable(reason.strip()))
        process_new(archive, store, pool)
        copy_records(archive, store, pool)
        update_matches(layout, archive, store, config)
    return entry


def find_packet(archive: Archive, store: Store | None, packet: str) -> Entry:
    """Return a packet by its number, its SHA-256 or its ivorn, also if it is withheld.

    Raises
    ------
    InputError
        If there is no such packet.
    """
    entry = None
    if packet.isdecimal():
        entry = archive.entry(int(packet))
    elif _SHA256.fullmatch(packet):
        entry = next((one for one in archive.entries() if one.sha256 == packet.lower()), None)
    else:
        if store is not None and (number := store.notice_id_of(packet)) is not None:
            entry = archive.entry(number)
        for one in withheld_packets(archive):
            if entry is None and one.ivorn == packet:
                entry = one.entry
    if entry is None:
        raise InputError(
            "there is no such packet",
            value=packet,
            expected="its number (notice_id), its SHA-256, or, if the database runs, its ivorn",
            remedy="look it up in alerts.notices, or import it first",
        )
    return entry
