"""A seal: what was received on a day, as one hash that cannot be replaced later.

Its text is documented in ``docs/proofs.md``; a changed byte would change every later seal.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

from ingest.alerts.archive import Entry
from ingest.alerts.proof import merkle

NONE: Final = "0" * 64
"""What the first seal has in place of the hash of the seal before."""
_KEYS: Final = ("seal", "day", "first", "packets", "root", "previous", "sealed")


@dataclass(frozen=True, slots=True)
class Seal:
    """The seal of the packets that were received on a day.

    Attributes
    ----------
    number : int
        1, 2, 3 … in the order in which they were made.
    day : str
        The day in UTC, such as ``2026-11-27``.
    first : int
        The number of the first packet that it covers.
    packets : int
        How many it covers: those from `first` on, without gaps.
    root : str
        Root of the Merkle tree of their leaves, 64 hexadecimal digits.
    previous : str
        The hash of the seal before; :data:`NONE` for the first.
    sealed : str
        When it was made, such as ``2026-11-28T00:00:30Z``.
    """

    number: int
    day: str
    first: int
    packets: int
    root: str
    previous: str
    sealed: str

    @property
    def last(self) -> int:
        """The number of the last packet that it covers."""
        return self.first + self.packets - 1

    @property
    def text(self) -> bytes:
        """What is hashed: a line for each attribute."""
        values = (self.number, self.day, self.first, self.packets, self.root, self.previous)
        lines = zip(_KEYS, (*values, self.sealed), strict=True)
        return "".join(f"{key} {value}\n" for key, value in lines).encode()

    @property
    def hash(self) -> str:
        """SHA-256 of :attr:`text`, which the next seal contains."""
        return hashlib.sha256(self.text).hexdigest()

    @property
    def record(self) -> dict[str, str | int]:
        """The attributes by the words of the text, for JSON."""
        values = (self.number, self.day, self.first, self.packets, self.root, self.previous)
        return dict(zip(_KEYS, (*values, self.sealed), strict=True))

    @classmethod
    def parse(cls, text: bytes) -> Seal:
        """Return the seal with a text.

        Raises
        ------
        ValueError
            If it is not the text of a seal, byte by byte.
        """
        words = [line.partition(" ")[2] for line in text.decode().splitlines()]
        number, day, first, packets, root, previous, sealed = words
        seal = cls(int(number), day, int(first), int(packets), root, previous, sealed)
        if seal.text != text:
            raise ValueError("the text of the seal has another form")
        return seal


def leaf(entry: Entry) -> bytes:
    """Return the leaf of a packet: its checksum, a space, and its time of receipt."""
    return f"{entry.sha256} {entry.received}".encode()


def root_of(leaves: list[bytes]) -> str:
    """Return the root of the tree of some leaves, 64 hexadecimal digits."""
    return merkle.root([merkle.leaf_hash(one) for one in leaves]).hex()
