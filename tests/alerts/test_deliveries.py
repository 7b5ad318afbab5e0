"""Every packet of a delivery comes out, in whatever it is packed, and damage is told."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import os
import tarfile
import tracemalloc
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.alerts.archive.packet import Packet
from ingest.alerts.archive.packet_sources import Delivery, DeliveryError, check_paths, packets_in
from ingest.core.errors import InputError

PLAIN: Callable[[bytes], bytes] = bytes


def read(*paths: Path, **limits: int) -> tuple[list[Packet], Delivery]:
    delivery = Delivery()
    found = list(packets_in(paths, delivery, **limits))
    assert delivery.packets == len(found)
    return found, delivery


def is_complete(delivery: Delivery) -> bool:
    return not (delivery.incidents or delivery.left_out)


def tar_of(members: Iterable[tuple[str, bytes]], format: int = tarfile.PAX_FORMAT) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=format) as tape:
        for name, content in members:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tape.addfile(member, io.BytesIO(content))
    return stream.getvalue()


@pytest.fixture
def named(packet_files: list[Path]) -> list[tuple[str, bytes]]:
    return [(f"{file.parent.name}/{file.name}", file.read_bytes()) for file in packet_files]


def test_a_directory_is_read_in_order_with_all_below(
    packet_files: list[Path], shared_data: Path
) -> None:
    found, delivery = read(shared_data / "alerts")
    assert [packet.source for packet in found] == [
        f"file:alerts/{file.relative_to(shared_data / 'alerts')}" for file in packet_files
    ]
    assert [packet.content for packet in found] == [file.read_bytes() for file in packet_files]
    assert is_complete(delivery)


@pytest.mark.parametrize(
    ("suffix", "packed"),
    [("", PLAIN), (".gz", gzip.compress), (".bz2", bz2.compress), (".xz", lzma.compress)],
)
def test_tar_archives_are_read_in_any_compression(
    tmp_path: Path, named: list[tuple[str, bytes]], suffix: str, packed: Callable[[bytes], bytes]
) -> None:
    for format in (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        for name in (f"alerts.tar{suffix}", "no-name-for-it"):
            (tmp_path / name).write_bytes(packed(tar_of(named, format)))
            found, delivery = read(tmp_path / name)
            assert [packet.source for packet in found] == [f"tar:{name}!{one}" for one, _ in named]
            assert [packet.content for packet in found] == [content for _, content in named]
            assert is_complete(delivery)


@pytest.mark.parametrize("pack", [PLAIN, gzip.compress, bz2.compress, lzma.compress])
def test_single_files_are_read_in_any_compression(
    tmp_path: Path, contents: list[bytes], pack: Callable[[bytes], bytes]
) -> None:
    for number, content in enumerate(contents):
        (tmp_path / f"{number:03}").write_bytes(pack(content))
    found, delivery = read(*sorted(tmp_path.iterdir()))
    assert [packet.content for packet in found] == contents
    assert [packet.source for packet in found][:2] == ["file:000", "file:001"]
    assert is_complete(delivery)


def test_what_is_packed_twice_is_unpacked_twice(tmp_path: Path, contents: list[bytes]) -> None:
    inner = tar_of([("a.xml.gz", gzip.compress(contents[0])), ("b.xml", contents[1])])
    path = tmp_path / "all.tar.bz2"
    path.write_bytes(bz2.compress(tar_of([("day.tar", inner), ("c.xml", contents[2])])))
    found, delivery = read(path)
    assert [packet.content for packet in found] == contents[:3]
    assert [packet.source for packet in found] == [
        "tar:all.tar.bz2!day.tar!a.xml.gz", "tar:all.tar.bz2!day.tar!b.xml",
        "tar:all.tar.bz2!c.xml",
    ]  # fmt: skip
    assert is_complete(delivery)


def test_there_is_an_end_to_unpacking(tmp_path: Path) -> None:
    content = b"<a/>"
    for _ in range(40):
        content = gzip.compress(content)
    (tmp_path / "a").write_bytes(content)
    (packet,), delivery = read(tmp_path / "a")
    assert isinstance(packet.content, bytes) and packet.content.startswith(b"\x1f\x8b")
    assert is_complete(delivery)


@pytest.mark.parametrize("name", ["notices.jsonl", "notices.ndjson", "notices.json", "notices"])
def test_each_line_of_json_is_a_packet_with_its_own_bytes(
    tmp_path: Path, shared_data: Path, name: str
) -> None:
    notices = [
        json.dumps(json.loads(file.read_bytes())).encode()
        for file in sorted((shared_data / "alerts" / "gcn").glob("*.json"))
    ]
    for content in (b"\n".join(notices), b"\r\n\r\n".join(notices) + b"\r\n"):
        (tmp_path / name).write_bytes(content)
        found, delivery = read(tmp_path / name)
        assert [packet.content for packet in found] == notices
        assert found[0].source == f"lines:{name}!1"
        assert is_complete(delivery)


def test_a_bad_line_is_a_packet_too(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(b'{"a": 1}\n{"b": \nno\n\n{"c": 2}'))
    found, _ = read(tmp_path / "a.jsonl.gz")
    assert [packet.content for packet in found] == [b'{"a": 1}', b'{"b":', b"no", b'{"c": 2}']
    assert [packet.source[-1] for packet in found] == ["1", "2", "3", "5"]


@pytest.mark.parametrize(
    "content",
    [
        b'{\n "a": 1\n}\n',
        b'{"a": 1}\n',
        b'{"a":\n{"b": 1}}',
        b"[" * 100_000 + b"\n{",
        b'{"a":' * 100_000 + b"\n{",
        b"<a>\n{}\n{}\n</a>",
        b"\xff\xfe\0",
        b"\n\n",
    ],
)
def test_what_is_no_lines_of_json_is_one_packet(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.json").write_bytes(content)
    found, _ = read(tmp_path / "a.json")
    assert [packet.content for packet in found] == [content]


def test_links_and_devices_are_counted_and_not_read(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "a.xml").write_bytes(b"<a/>")
    (folder / "empty.xml").touch()
    (folder / "link").symlink_to("/etc/passwd")
    (folder / "loop").symlink_to(folder)
    os.mkfifo(folder / "pipe")
    found, delivery = read(folder)
    assert [packet.content for packet in found] == [b"<a/>"]
    assert delivery.left_out == {"links": 2, "devices, pipes or sockets": 1, "empty files": 1}
    assert delivery.incidents == []

    with tarfile.open(tmp_path / "a.tar", "w") as tape:
        tape.add(folder, "../../up")
        for kind in (tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.LNKTYPE):
            member = tarfile.TarInfo("/dev/sda")
            member.type, member.linkname = kind, "../../up/a.xml"
            tape.addfile(member)
    found, delivery = read(tmp_path / "a.tar")
    assert [(packet.source, packet.content) for packet in found] == [
        ("tar:a.tar!../../up/a.xml", b"<a/>")
    ]
    assert delivery.left_out == {"links": 3, "devices, pipes or sockets": 3, "empty files": 1}
    assert delivery.incidents == []
    assert {path.name for path in tmp_path.iterdir()} == {"folder", "a.tar"}


def test_a_link_that_is_named_is_followed(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_bytes(b"<a/>")
    (tmp_path / "link.xml").symlink_to(tmp_path / "a.xml")
    found, _ = read(tmp_path / "link.xml")
    assert [packet.source for packet in found] == ["file:link.xml"]


def test_a_path_that_is_not_there_is_told_first(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file or directory") as caught:
        check_paths([tmp_path, tmp_path / "none"])
    assert caught.value.file == str(tmp_path / "none")
    with pytest.raises(InputError, match="neither a file nor a directory"):
        check_paths([Path("/dev/null")])


@pytest.mark.parametrize("pack", [PLAIN, gzip.compress, bz2.compress, lzma.compress])
def test_what_comes_before_damage_is_kept(
    tmp_path: Path, named: list[tuple[str, bytes]], pack: Callable[[bytes], bytes]
) -> None:
    whole = pack(tar_of(named))
    wanted = [content for _, content in named]
    counts = set()
    for share in (0.3, 0.6, 0.9):
        (tmp_path / "cut.tar").write_bytes(whole[: int(len(whole) * share)])
        found, delivery = read(tmp_path / "cut.tar")
        assert [packet.content for packet in found] == wanted[: len(found)]
        assert len(found) < len(wanted)
        assert delivery.incidents[-1].startswith("cut.tar: ")
        counts.add(len(found))
    # bzip2 packs all of it into one block, of which nothing comes out
    assert len(counts) == (1 if pack is bz2.compress else 3)


def test_an_archive_cut_between_two_members_is_not_taken_for_a_whole_one(tmp_path: Path) -> None:
    whole = tar_of([("a", b"<a/>"), ("b", b"<b/>")], tarfile.USTAR_FORMAT)
    (tmp_path / "a.tar").write_bytes(whole[:1024])
    found, delivery = read(tmp_path / "a.tar")
    assert [packet.content for packet in found] == [b"<a/>"]
    assert delivery.incidents == [
        "a.tar: cannot be read to its end: there is no end mark after 1024 bytes;"
        " the rest may be missing"
    ]


def test_a_damaged_header_is_not_taken_for_the_end(tmp_path: Path) -> None:
    whole = bytearray(tar_of([("a", b"<a/>"), ("b", b"<b/>")], tarfile.USTAR_FORMAT))
    whole[1024:1030] = b"\xff" * 6
    (tmp_path / "a.tar").write_bytes(whole)
    found, delivery = read(tmp_path / "a.tar")
    assert [packet.content for packet in found] == [b"<a/>"]
    (incident,) = delivery.incidents
    assert incident == "a.tar: cannot be read to its end: bad checksum after 1024 bytes"


def test_archives_joined_by_cat_are_read_both(tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_bytes(tar_of([("a", b"<a/>")]) + tar_of([("b", b"<b/>")]))
    found, delivery = read(tmp_path / "a.tar")
    assert [packet.content for packet in found] == [b"<a/>", b"<b/>"]
    assert is_complete(delivery)


def test_one_bad_file_does_not_stop_the_others(tmp_path: Path) -> None:
    (tmp_path / "a.gz").write_bytes(gzip.compress(os.urandom(1000))[:500])
    (tmp_path / "b.xml").write_bytes(b"<b/>")
    (tmp_path / "c.tar").write_bytes(
        tar_of([("bad.gz", gzip.compress(b"<c/>")[:-6]), ("d.xml", b"<d/>")])
    )
    found, delivery = read(tmp_path)
    assert [packet.content for packet in found] == [b"<b/>", b"<d/>"]
    assert [incident.split(":")[0] for incident in delivery.incidents] == [
        f"{tmp_path.name}/a.gz", f"{tmp_path.name}/c.tar!bad.gz",
    ]  # fmt: skip


@pytest.mark.parametrize("magic", [b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0"])
def test_what_only_begins_as_compressed_files_do_is_kept_as_it_is(tmp_path, magic):
    content = magic + b"<VOEvent/>" * 100
    (tmp_path / "a.tar").write_bytes(tar_of([("a", content), ("b.xml", b"<b/>")]))
    found, delivery = read(tmp_path / "a.tar")
    assert [packet.content for packet in found] == [content, b"<b/>"]
    assert len(delivery.incidents) == 1
    assert "a.tar!a: begins as compressed files do" in delivery.incidents[0]


def test_a_header_cannot_ask_for_much_memory(tmp_path: Path) -> None:
    """A long name of a gigabyte, of which the library would read all there is."""
    member = tarfile.TarInfo("././@LongLink")
    member.type, member.size = tarfile.GNUTYPE_LONGNAME, 1 << 30
    zeros = gzip.compress(member.tobuf(tarfile.GNU_FORMAT) + bytes(50 << 20), 1)
    (tmp_path / "a.tar.gz").write_bytes(zeros)
    tracemalloc.start()
    found, delivery = read(tmp_path / "a.tar.gz")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found == []
    assert "a name or attribute of 1073741824 bytes" in delivery.incidents[0]
    assert peak < 10 << 20


def spaces(size: int) -> bytes:
    return b"<a>" + b" " * (size - 7) + b"</a>"


@pytest.mark.parametrize("place", ["file", "gz", "tar", "lines"])
def test_a_packet_of_100_megabytes_comes_in_pieces(tmp_path: Path, place: str) -> None:
    size = 100_000_000
    path = tmp_path / "a"
    large, small = spaces(size), b'{"a": 1}'
    if place == "file":
        path.write_bytes(large)
    elif place == "gz":
        path.write_bytes(gzip.compress(large, 1))
    elif place == "tar":
        path.write_bytes(tar_of([("large", large), ("small", small)]))
    else:
        path = tmp_path / "a.jsonl"
        path.write_bytes(large + b"\n" + small)
    del large
    delivery = Delivery()
    total, rest = 0, []
    tracemalloc.start()
    for packet in packets_in([path], delivery):
        if isinstance(packet.content, bytes):
            rest.append(packet.content)
        else:
            total += sum(map(len, packet.content))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert total == size
    assert rest == ([small] if place in ("tar", "lines") else [])
    assert is_complete(delivery)
    assert peak < 80 << 20


def test_pieces_that_nobody_wants_do_not_become_other_packets(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b'{"a": "' + b"x" * 5_000_000 + b'"}\n{"b": 1}')
    found, _ = read(tmp_path / "a.jsonl", limit=1000)
    assert found[1].content == b'{"b": 1}'
    assert len(found) == 2


def test_a_bomb_ends_at_the_ceiling(tmp_path: Path) -> None:
    bomb = gzip.compress(bytes(60 << 20))
    (tmp_path / "a.tar").write_bytes(tar_of([("bomb.gz", bomb), ("b.xml", b"<b/>")]))
    delivery = Delivery()
    seen = 0
    small = []
    for packet in packets_in([tmp_path / "a.tar"], delivery, limit=1 << 20, ceiling=5 << 20):
        if isinstance(packet.content, bytes):
            small.append(packet.content)
            continue
        with pytest.raises(DeliveryError, match="larger than 5242880 bytes"):
            for piece in packet.content:
                seen += len(piece)
    assert seen <= 5 << 20
    assert small == [b"<b/>"]
    assert delivery.incidents == ["tar:a.tar!bomb.gz: larger than 5242880 bytes: this is no packet"]


def test_damage_within_a_large_packet_is_told_to_both(tmp_path: Path) -> None:
    (tmp_path / "a.gz").write_bytes(gzip.compress(os.urandom(3 << 20))[: 2 << 20])
    delivery = Delivery()
    sources = []
    for packet in packets_in([tmp_path / "a.gz"], delivery, limit=1 << 20):
        sources.append(packet.source)
        with pytest.raises(DeliveryError):
            b"".join(packet.content)  # type: ignore[arg-type]
    assert sources == ["file:a.gz"]
    assert delivery.incidents[0].startswith("file:a.gz: cannot be read to its end: Compressed")


def test_memory_is_flat_over_the_members_of_an_archive(tmp_path: Path) -> None:
    def peak(members: int) -> int:
        path = tmp_path / "a.tar.gz"
        path.write_bytes(gzip.compress(tar_of((f"{i}.xml", b"<a/>") for i in range(members)), 1))
        tracemalloc.start()
        for _ in packets_in([path], Delivery()):
            pass
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    assert peak(8000) < peak(1000) + 100_000


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_whatever_the_bytes_nothing_is_raised(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Members of mutated archives may differ; but the reader ends, and with a report."""
    members = [(f"{i}.xml", b"<a>%d</a>" % i * 50) for i in range(5)]
    formats = st.sampled_from([tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
    content = bytearray(tar_of(members, data.draw(formats)))
    for _ in range(data.draw(st.integers(1, 5))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    pack = data.draw(st.sampled_from([PLAIN, gzip.compress, bz2.compress, lzma.compress]))
    packed = bytearray(pack(bytes(content)))
    if data.draw(st.booleans()):
        packed[data.draw(st.integers(0, len(packed) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "mutated"
    path.write_bytes(packed)
    delivery = Delivery()
    for packet in packets_in([path], delivery, limit=10_000, ceiling=100_000):
        assert packet.content
