#!/usr/bin/env python3
"""Verify that the KM3NeT alert archive received a packet when it says.

    python3 verify_alert.py PROOF [PACKET] [--seal HASH]

PROOF is the file that ``km3vo alerts prove`` writes; PACKET is the packet itself. HASH is the hash
of a seal that you know from elsewhere, such as the column seal_hash of the table alerts.seals that
you or somebody else saved earlier: the proof is as good as this source. Without it the hashes that
follow from the proof are printed, for comparison.

The exit code is 0 if all is well, 1 if not, and 2 if the files cannot be read. Only Python's
standard library is needed, and neither a network nor the archive.
"""

import argparse
import hashlib
import json
import re
import sys

FORMAT = "km3vo-alert-proof-1"
KEYS = ("seal", "day", "first", "packets", "root", "previous", "sealed")
"""The lines of a seal's text, in their order."""


class Invalid(Exception):
    """The proof does not prove anything."""


def sha256(content):
    """Return the SHA-256 of bytes as bytes."""
    return hashlib.sha256(content).digest()


def root_of(leaf, place, size, path):
    """Return the root to which the path of a leaf leads: RFC 9162, section 2.1.3.2."""
    if not 0 <= place < size:
        raise Invalid(f"there is no leaf {place} among {size}")
    last, top = size - 1, sha256(b"\0" + leaf)
    for one in path:
        if last == 0:
            raise Invalid("the path is too long")
        if place % 2 == 1 or place == last:
            top = sha256(b"\1" + one + top)
            while place % 2 == 0 and place > 0:
                place, last = place // 2, last // 2
        else:
            top = sha256(b"\1" + top + one)
        place, last = place // 2, last // 2
    if last != 0:
        raise Invalid("the path is too short")
    return top


def seal_hash(seal):
    """Return the hash of a seal: SHA-256 of its seven lines."""
    text = "".join(f"{key} {seal[key]}\n" for key in KEYS)
    if text.count("\n") != len(KEYS):
        raise Invalid("a value of the seal has a line break")
    return sha256(text.encode()).hex()


def verify(proof, packet=None):
    """Check a proof, and return the hashes of its seals by their numbers.

    Parameters
    ----------
    proof : dict
        The content of the proof.
    packet : bytes, optional
        The packet.

    Raises
    ------
    Invalid
        If something does not agree.
    """
    if proof["format"] != FORMAT:
        raise Invalid(f"the format is {proof['format']!r}, not {FORMAT!r}")
    sha, received = proof["packet"]["sha256"], proof["packet"]["received"]
    if not re.fullmatch("[0-9a-f]{64}", sha):
        raise Invalid("sha256 is not 64 hexadecimal digits")
    if packet is not None and sha256(packet).hex() != sha:
        raise Invalid(f"the packet has the SHA-256 {sha256(packet).hex()}, the proof {sha}")
    seal = proof["seal"]
    if proof["packet"]["number"] != seal["first"] + proof["place"]:
        raise Invalid("the number of the packet is not that of its place")
    path = [bytes.fromhex(one) for one in proof["path"]]
    if any(len(one) != 32 for one in path):
        raise Invalid("a hash of the path does not have 32 bytes")
    root = root_of(f"{sha} {received}".encode(), proof["place"], seal["packets"], path)
    if root.hex() != seal["root"]:
        raise Invalid(f"the path leads to the root {root.hex()}, the seal has {seal['root']}")
    hashes = {seal["seal"]: seal_hash(seal)}
    for later in proof["later"]:
        if (later["seal"], later["first"]) != (seal["seal"] + 1, seal["first"] + seal["packets"]):
            raise Invalid(f"seal {later['seal']} does not follow seal {seal['seal']}")
        if later["previous"] != hashes[seal["seal"]]:
            raise Invalid(f"seal {later['seal']} names another seal before it")
        seal = later
        hashes[seal["seal"]] = seal_hash(seal)
    return hashes


def main():
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("proof", help="the proof, a JSON file")
    parser.add_argument("packet", nargs="?", help="the packet")
    parser.add_argument("--seal", metavar="HASH", help="the hash of a seal, from elsewhere")
    asked = parser.parse_args()
    try:
        with open(asked.proof, encoding="utf-8") as stream:
            proof = json.load(stream)
        packet = None
        if asked.packet:
            with open(asked.packet, "rb") as stream:
                packet = stream.read()
        hashes = verify(proof, packet)
        if asked.seal and asked.seal.lower() not in hashes.values():
            raise Invalid("no seal of the proof has this hash")
    except OSError as error:
        print(f"cannot be read: {error}", file=sys.stderr)
        return 2
    except Invalid as error:
        print(f"NOT VALID: {error}")
        return 1
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        print(f"NOT VALID: this is not a proof: {type(error).__name__}: {error}")
        return 1
    about, seal = proof["packet"], proof["seal"]
    print(f"valid: packet {about['number']}, SHA-256 {about['sha256']}")
    print(f"received {about['received']}, sealed {seal['sealed']} with the day {seal['day']}")
    if packet is None:
        print("The packet itself was not compared: name its file to do so.")
    newest = max(hashes)
    print(f"seal {seal['seal']}  {hashes[seal['seal']]}")
    if newest != seal["seal"]:
        print(f"seal {newest}  {hashes[newest]}")
    if asked.seal:
        print("The hash that you know is among the seals of the proof.")
    else:
        print("Compare a seal with what the archive published, or with a copy that you kept.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
