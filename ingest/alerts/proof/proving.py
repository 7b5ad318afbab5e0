"""Proofs that a packet is covered by a seal, and the check of all seals against the index."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from ingest.alerts.archive import Archive, ArchiveError, Entry
from ingest.alerts.proof import merkle
from ingest.alerts.proof.seal import NONE, leaf, root_of
from ingest.alerts.proof.sealing import last_seal, read_seal, seal_of, seals
from ingest.core.errors import InputError

FORMAT: Final = "km3vo-alert-proof-1"
"""What the key ``format`` of a proof says."""


def prove(archive: Archive, entry: Entry) -> dict[str, Any]:
    """Return the proof that a packet was received when the index says; see ``docs/proofs.md``.

    Raises
    ------
    InputError
        If the packet is not sealed yet.
    ArchiveError
        If its seal is damaged, or does not agree with the index.
    """
    sealed = seal_of(archive, entry)
    if sealed is None:
        raise InputError(
            "this packet is not sealed yet",
            value=f"packet {entry.number}, received {entry.received}",
            expected="a packet that was received before today, UTC",
            remedy="when the day is over: km3vo alerts seal",
        )
    place = entry.number - sealed.seal.first
    if sealed.leaves[place] != leaf(entry) or root_of(sealed.leaves) != sealed.seal.root:
        raise ArchiveError(
            "the seal does not agree with the index",
            file=archive.root / "seals" / f"{sealed.seal.number}.txt",
            where=f"packet {entry.number}",
            value=sealed.leaves[place].decode(errors="backslashreplace"),
            expected=leaf(entry).decode(),
            remedy="km3vo alerts verify shows which file has changed; restore it from a backup",
        )
    path = merkle.inclusion_path([merkle.leaf_hash(one) for one in sealed.leaves], place)
    return {
        "format": FORMAT,
        "packet": {"number": entry.number, "sha256": entry.sha256, "received": entry.received},
        "place": place,
        "path": [one.hex() for one in path],
        "seal": sealed.seal.record,
        "later": [one.record for one in seals(archive, after=sealed.seal.number)],
    }


def verify_seals(archive: Archive) -> Iterator[str]:
    """Yield what is wrong with the seals of an archive, compared with one another and its index.

    Raises
    ------
    ArchiveError
        If the index is damaged.
    """
    newest = last_seal(archive)
    entries = archive.entries()
    previous, first = NONE, 1
    for number in range(1, newest.number + 1 if newest else 1):
        name = f"seal {number}"
        try:
            sealed = read_seal(archive, number)
        except ArchiveError as error:
            yield f"{name}: {error.problem}"
            return
        seal = sealed.seal
        if seal.previous != previous:
            yield f"{name}: it names another seal before it: {seal.previous}, not {previous}"
        if seal.first != first:
            yield f"{name}: it begins with packet {seal.first}, not {first}"
            return
        if root_of(sealed.leaves) != seal.root:
            yield f"{name}: its root is not that of its leaves"
        for packet, found in enumerate(sealed.leaves, seal.first):
            entry = next(entries, None)
            if entry is None or leaf(entry) != found:
                wanted = "nothing" if entry is None else leaf(entry).decode()
                text = found.decode(errors="backslashreplace")
                yield f"{name}: packet {packet} is sealed as {text}, but the index has {wanted}"
                return
        previous, first = seal.hash, seal.last + 1
