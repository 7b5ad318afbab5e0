"""Seals, proofs, and the verifier for others."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.alerts.archive.archive import Archive
from ingest.alerts.archive.packet import Packet
from ingest.alerts.proof import merkle
from ingest.alerts.proof.proving import prove, verify_seals
from ingest.alerts.proof.seal import NONE, Seal, leaf
from ingest.alerts.proof.sealing import last_seal, read_seal, seal_days, seals
from ingest.core.checkout import CHECKOUT, RD
from ingest.core.errors import InputError

VERIFIER = RD / "alerts" / "verify_alert.py"
spec = importlib.util.spec_from_file_location("verify_alert", VERIFIER)
verifier = importlib.util.module_from_spec(spec)
spec.loader.exec_module(verifier)

# The test vectors of Certificate Transparency (github.com/transparency-dev/merkle, testonly)
ENTRIES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
PATHS = {
    (0, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (5, 8): [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
}


def plain_root(leaves: list[bytes]) -> bytes:
    """Return the root as RFC 6962 defines it, by recursion."""
    if len(leaves) < 2:
        return hashlib.sha256(b"\0" + leaves[0] if leaves else b"").digest()
    split = 1 << (len(leaves) - 1).bit_length() - 1
    both = plain_root(leaves[:split]) + plain_root(leaves[split:])
    return hashlib.sha256(b"\1" + both).digest()


# -- the tree ----------------------------------------------------------------------------------


@pytest.mark.parametrize("size", range(9))
def test_roots_are_those_of_certificate_transparency(size):
    hashes = [merkle.leaf_hash(one) for one in ENTRIES[:size]]
    assert merkle.root(hashes).hex() == ROOTS[size] == plain_root(ENTRIES[:size]).hex()


@pytest.mark.parametrize(("place", "size"), PATHS)
def test_paths_are_those_of_certificate_transparency(place, size):
    hashes = [merkle.leaf_hash(one) for one in ENTRIES[:size]]
    path = merkle.inclusion_path(hashes, place)
    assert [one.hex() for one in path] == PATHS[place, size]


@settings(deadline=None, max_examples=60)
@given(st.lists(st.binary(max_size=8), min_size=1, max_size=70), st.data())
def test_each_path_leads_to_the_root_and_no_changed_one_does(contents, data):
    size = len(contents)
    hashes = [merkle.leaf_hash(one) for one in contents]
    root = merkle.root(hashes)
    assert root == plain_root(contents)
    place = data.draw(st.integers(0, size - 1), "place")
    path = merkle.inclusion_path(hashes, place)
    for found in (
        merkle.root_of_path(hashes[place], place, size, path),
        verifier.root_of(contents[place], place, size, path),
    ):
        assert found == root

    def leads(leaf_hash: bytes, place: int, size: int, path: list[bytes]) -> bool:
        try:
            return merkle.root_of_path(leaf_hash, place, size, path) == root
        except ValueError:
            return False

    assert not leads(merkle.leaf_hash(contents[place] + b"x"), place, size, path)
    assert not leads(hashes[place], place, size, [*path, root])
    assert not leads(hashes[place], -1, size, path)
    assert not leads(hashes[place], size, size, path)
    for other in range(size):
        if hashes[other] != hashes[place]:
            assert not leads(hashes[other], place, size, path)
            assert not leads(hashes[place], other, size, path)
    for number, one in enumerate(path):
        bit = data.draw(st.integers(0, 255), "bit")
        wrong = bytearray(one)
        wrong[bit // 8] ^= 1 << bit % 8
        assert not leads(
            hashes[place], place, size, [*path[:number], bytes(wrong), *path[number + 1 :]]
        )
        assert not leads(hashes[place], place, size, path[:number] + path[number + 1 :])


# -- seals -------------------------------------------------------------------------------------


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def add(archive: Archive, *times: str) -> None:
    """Archive a packet for each time of receipt."""
    for time in times:
        archive.add([Packet(f"packet {len(archive)}".encode(), "file:test", at(time))])


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path / "alerts")


def covered(archive: Archive) -> list[tuple[str, int, int]]:
    return [(one.day, one.first, one.last) for one in seals(archive)]


def test_days_are_sealed_when_they_are_over_and_chained(archive):
    assert seal_days(archive, at("2026-11-25T00:00:00")) == []
    add(archive, "2026-11-25T10:00:00", "2026-11-25T23:59:59.999999", "2026-11-26T00:00:00")
    assert seal_days(archive, at("2026-11-25T23:59:59")) == []
    (first,) = seal_days(archive, at("2026-11-26T00:00:30"))
    assert seal_days(archive, at("2026-11-26T12:00:00")) == []
    add(archive, "2026-11-29T10:00:00")
    second, third = seal_days(archive, at("2026-11-30T00:00:30"))
    assert covered(archive) == [
        ("2026-11-25", 1, 2),
        ("2026-11-26", 3, 3),
        ("2026-11-29", 4, 4),
    ]
    assert (first.previous, second.previous, third.previous) == (NONE, first.hash, second.hash)
    assert first.root == plain_root([leaf(one) for one in archive.entries()][:2]).hex()
    assert list(verify_seals(archive)) == []


def test_the_text_of_a_seal_is_as_documented():
    seal = Seal(3, "2026-11-27", 101, 42, "a" * 64, "b" * 64, "2026-11-28T00:00:30Z")
    text = (
        b"seal 3\nday 2026-11-27\nfirst 101\npackets 42\nroot " + b"a" * 64 + b"\nprevious "
        b"" + b"b" * 64 + b"\nsealed 2026-11-28T00:00:30Z\n"
    )
    assert (seal.text, seal.hash) == (text, hashlib.sha256(text).hexdigest())
    assert Seal.parse(text) == seal
    assert verifier.seal_hash(seal.record) == seal.hash
    for wrong in (text[:-1], text + b"\n", text.replace(b"42", b"042"), b"", b"\xff"):
        with pytest.raises(ValueError):
            Seal.parse(wrong)


def test_the_file_of_a_seal_has_its_text_and_its_leaves(archive):
    add(archive, "2026-11-25T10:00:00", "2026-11-25T11:00:00.5")
    (seal,) = seal_days(archive, at("2026-11-26T00:00:00"))
    names = [hashlib.sha256(f"packet {n}".encode()).hexdigest() for n in (0, 1)]
    assert (archive.root / "seals" / "1.txt").read_text() == (
        seal.text.decode() + f"\n{names[0]} 2026-11-25T10:00:00.000000Z\n"
        f"{names[1]} 2026-11-25T11:00:00.500000Z\n"
    )


def test_a_packet_that_came_late_for_its_day_is_sealed_with_a_later_one(archive):
    """A clock that was set back, or an index that was repaired, changes no sealed day."""
    add(archive, "2026-11-25T10:00:00")
    (first,) = seal_days(archive, at("2026-11-26T00:00:30"))
    add(archive, "2026-11-25T23:00:00", "2026-11-20T00:00:00")
    assert seal_days(archive, at("2026-11-26T12:00:00")) == []
    (second,) = seal_days(archive, at("2026-11-27T00:00:30"))
    assert read_seal(archive, 1).seal == first
    assert covered(archive) == [("2026-11-25", 1, 1), ("2026-11-26", 2, 3)]
    assert prove(archive, archive.entry(2))["seal"] == second.record


def test_a_clock_that_was_ahead_does_not_hold_up_later_days(archive):
    add(archive, "2026-11-25T10:00:00", "2027-11-25T10:00:00", "2026-11-25T11:00:00")
    seal_days(archive, at("2026-11-26T00:00:30"))
    assert covered(archive) == [("2026-11-25", 1, 3)]
    add(archive, "2027-11-26T10:00:00")
    assert seal_days(archive, at("2026-11-27T00:00:30")) == []
    seal_days(archive, at("2027-11-27T00:00:30"))
    add(archive, "2026-11-27T10:00:00")
    seal_days(archive, at("2026-11-28T00:00:30"))
    assert covered(archive)[1:] == [("2027-11-26", 4, 4), ("2026-11-27", 5, 5)]
    assert list(verify_seals(archive)) == []


@settings(
    deadline=None, max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(
        st.tuples(st.integers(-30, 60), st.booleans(), st.integers(-3, 30)), min_size=3, max_size=8
    )
)
def test_whatever_the_clock_does_each_packet_is_sealed_once(tmp_path_factory, steps):
    """Steps are hours between packets, whether it is sealed then, and by which clock."""
    archive = Archive(tmp_path_factory.mktemp("clock"))
    clock = at("2026-11-25T00:00:00")
    files: dict[int, bytes] = {}
    for hours, is_sealed, ahead in steps:
        clock += timedelta(hours=hours)
        add(archive, clock.replace(tzinfo=None).isoformat())
        if is_sealed:
            seal_days(archive, clock + timedelta(hours=ahead))
        for number, content in files.items():
            assert (archive.root / "seals" / f"{number}.txt").read_bytes() == content
        files = {
            one.number: (archive.root / "seals" / f"{one.number}.txt").read_bytes()
            for one in seals(archive)
        }
    seal_days(archive, clock + timedelta(days=100))
    assert list(verify_seals(archive)) == []
    assert last_seal(archive).last == len(archive)
    for entry in archive.entries():
        assert verifier.verify(prove(archive, entry), archive.read(entry))


# -- proofs ------------------------------------------------------------------------------------


@pytest.fixture
def sealed(archive) -> Archive:
    add(archive, *(f"2026-11-{25 + hour // 24}T{hour % 24:02}:00:00" for hour in range(0, 72, 7)))
    seal_days(archive, at("2026-11-28T00:00:30"))
    return archive


def changes(document, path=()):
    """Yield the places of all values in a JSON document."""
    items = document.items() if isinstance(document, dict) else enumerate(document)
    for key, value in items:
        if isinstance(value, dict | list):
            yield from changes(value, (*path, key))
        else:
            yield (*path, key), value


def test_no_value_of_a_proof_can_be_changed(sealed):
    """What a changed seal, which nothing else shows, gives is another hash."""
    entry = sealed.entry(2)
    proof = prove(sealed, entry)
    wanted = verifier.verify(proof, sealed.read(entry))
    assert sorted(wanted) == [1, 2, 3]
    assert wanted == {one.number: one.hash for one in seals(sealed)}
    places = list(changes(proof))
    assert len(places) > 25
    for place, value in places:
        changed = json.loads(json.dumps(proof))
        target = changed
        for key in place[:-1]:
            target = target[key]
        if isinstance(value, int):
            target[place[-1]] = value + 1
        else:
            target[place[-1]] = value[:-1] + ("1" if value[-1] != "1" else "2")
        try:
            found = verifier.verify(changed, sealed.read(entry))
        except verifier.Invalid:
            continue
        assert found != wanted, place
        assert found[max(found)] != wanted[max(wanted)], place


def test_the_example_of_the_documentation_is_what_is_made(archive):
    """Its hashes are those of ``sha256sum``."""
    text = (CHECKOUT / "docs" / "proofs.md").read_text()
    example = json.loads(text.partition("```json")[2].partition("```")[0])
    for name, time in (
        ("A", "2026-11-27T09:00:00"),
        ("B", "2026-11-27T12:30:00.25"),
        ("C", "2026-11-27T23:59:59.999999"),
    ):
        archive.add([Packet(f"packet {name}".encode(), "file:test", at(time))])
    (seal,) = seal_days(archive, at("2026-11-28T00:00:30"))
    assert prove(archive, archive.entry(2)) == example
    assert f"hash of the seal   {seal.hash}\n" in text
    assert all(f"{size}  {root}\n" in text for size, root in enumerate(ROOTS[1:], 1))
    for number, name in ((1, "A"), (3, "C")):
        assert f"leaf of packet {name}   {leaf(archive.entry(number)).decode()}\n" in text


def run(*words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-I", "-S", str(VERIFIER), *map(str, words)],
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_the_verifier_needs_nothing_but_the_proof_and_the_packet(sealed, tmp_path):
    entry = sealed.entry(1)
    proof, packet = tmp_path / "proof.json", tmp_path / "packet"
    proof.write_text(json.dumps(prove(sealed, entry)))
    packet.write_bytes(sealed.read(entry))
    newest = last_seal(sealed).hash
    done = run(proof, packet, "--seal", newest)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"received {entry.received}" in done.stdout
    assert newest in run(proof).stdout
    assert run(proof, packet, "--seal", "0" * 64).returncode == 1
    packet.write_bytes(b"another packet")
    done = run(proof, packet)
    assert done.returncode == 1
    assert done.stdout.startswith("NOT VALID: the packet has the SHA-256")
    for wrong in ("{}", "[]", "1", "", "{" * 100_000, '{"format": "km3vo-alert-proof-1"}'):
        proof.write_text(wrong)
        done = run(proof)
        assert (done.returncode, done.stderr) == (1, ""), wrong[:50]
    assert run(tmp_path / "none").returncode == 2


def test_a_packet_of_today_has_no_proof_yet(sealed):
    add(sealed, "2026-11-28T00:00:00")
    with pytest.raises(InputError, match="not sealed yet"):
        prove(sealed, sealed.entry(len(sealed)))


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("packets 4", "packets 5", "damaged"),
        ("day 2026-11-25", "day 2026-11-24", "seal 2: it names another seal before it"),
        ("T07:00:00", "T07:00:01", "seal 1: its root is not that of its leaves"),
        ("seal 1", "seal 7", "damaged"),
    ],
)
def test_changed_files_of_seals_are_found(sealed, old, new, problem):
    path = sealed.root / "seals" / "1.txt"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    assert problem in " ".join(verify_seals(sealed))


def test_a_changed_index_is_found(sealed):
    path = sealed.index.path
    path.write_text(path.read_text().replace("T07:00:00", "T06:00:00", 1))
    (problem,) = verify_seals(sealed)
    assert problem.startswith("seal 1: packet 2 is sealed as")
