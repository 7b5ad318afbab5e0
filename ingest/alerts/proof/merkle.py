"""Merkle trees of RFC 6962, section 2.1: the root of a list, and proofs that a leaf is in it.

``docs/proofs.md`` describes them for those who write a verifier of their own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence


def leaf_hash(content: bytes) -> bytes:
    """Return the hash of a leaf: SHA-256 of the byte 0x00 and its content."""
    return hashlib.sha256(b"\0" + content).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of a node: SHA-256 of the byte 0x01 and the hashes below it."""
    return hashlib.sha256(b"\1" + left + right).digest()


def root(leaves: Sequence[bytes]) -> bytes:
    """Return the root of a tree.

    Parameters
    ----------
    leaves : sequence of bytes
        The hashes of its leaves, in order.
    """
    if not leaves:
        return hashlib.sha256().digest()
    (top,) = list(_levels(leaves))[-1]
    return top


def inclusion_path(leaves: Sequence[bytes], place: int) -> list[bytes]:
    """Return the hashes that lead from a leaf to the root, from the bottom to the top.

    Parameters
    ----------
    leaves : sequence of bytes
        The hashes of the leaves of the tree.
    place : int
        The leaf: 0 for the first.
    """
    if not 0 <= place < len(leaves):
        raise IndexError(f"there is no leaf {place} among {len(leaves)}")
    path = []
    for level in _levels(leaves):
        if (sibling := place ^ 1) < len(level):
            path.append(level[sibling])
        place >>= 1
    return path


def root_of_path(leaf: bytes, place: int, size: int, path: Sequence[bytes]) -> bytes:
    """Return the root to which a path leads from a leaf; RFC 9162, section 2.1.3.2.

    Parameters
    ----------
    leaf : bytes
        The hash of the leaf.
    place, size : int
        Its place, 0 for the first, and the number of leaves of the tree.
    path : sequence of bytes
        As :func:`inclusion_path` returns it.

    Raises
    ------
    ValueError
        If a tree of this size has no such leaf, or its path has another length.
    """
    if not 0 <= place < size:
        raise ValueError(f"there is no leaf {place} among {size}")
    last, top = size - 1, leaf
    for one in path:
        if last == 0:
            raise ValueError("the path is too long")
        if place & 1 or place == last:
            top = node_hash(one, top)
            while place and not place & 1:
                place, last = place >> 1, last >> 1
        else:
            top = node_hash(top, one)
        place, last = place >> 1, last >> 1
    if last:
        raise ValueError("the path is too short")
    return top


def _levels(leaves: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    """Yield the hashes of each level of a tree, from the leaves to the root.

    A hash without a neighbour moves up as it is. RFC 6962 divides a list after the greatest power
    of two below its length instead, which gives the same tree.
    """
    yield leaves
    while len(leaves) > 1:
        above = [node_hash(*leaves[i : i + 2]) for i in range(0, len(leaves) - 1, 2)]
        leaves = above + list(leaves[len(above) * 2 :])
        yield leaves
