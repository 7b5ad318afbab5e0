"""Every packet in a source is found, however it is packed, and damage is reported."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import os
import random
import tarfile
import tracemalloc
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.alerts.archive.packet import Packet
from ingest.alerts.archive.packet_sources import check_paths, packets_in
from ingest.alerts.archive.source_report import SourceError, SourceReport
from ingest.core.errors import InputError

PLAIN: Callable[[bytes], bytes] = bytes


def read(*paths: Path, **limits: int) -> tuple[list[Packet], SourceReport]:
    report = SourceReport()
    found = list(packets_in(paths, report, **limits))
    assert report.packets == len(found)
    return found, report


def is_read_completely(report: SourceReport) -> bool:
    return not (report.problems or report.skipped)


def tar_of(members: Iterable[tuple[str, bytes]], format: int = tarfile.PAX_FORMAT) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=format) as tar:
        for name, content in members:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return stream.getvalue()


@pytest.fixture
def named(packet_files: list[Path]) -> list[tuple[str, bytes]]:
    return [(f"{file.parent.name}/{file.name}", file.read_bytes()) for file in packet_files]


def test_a_directory_is_read_in_order_with_its_subdirectories(
    packet_files: list[Path], delivered: Path
) -> None:
    found, report = read(delivered / "alerts")
    assert [packet.source for packet in found] == [
        f"file:alerts/{file.relative_to(delivered / 'alerts')}" for file in packet_files
    ]
    assert [packet.content for packet in found] == [file.read_bytes() for file in packet_files]
    assert is_read_completely(report)


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
            found, report = read(tmp_path / name)
            assert [packet.source for packet in found] == [f"tar:{name}!{one}" for one, _ in named]
            assert [packet.content for packet in found] == [content for _, content in named]
            assert is_read_completely(report)


@pytest.mark.parametrize("pack", [PLAIN, gzip.compress, bz2.compress, lzma.compress])
def test_single_files_are_read_in_any_compression(
    tmp_path: Path, contents: list[bytes], pack: Callable[[bytes], bytes]
) -> None:
    for number, content in enumerate(contents):
        (tmp_path / f"{number:03}").write_bytes(pack(content))
    found, report = read(*sorted(tmp_path.iterdir()))
    assert [packet.content for packet in found] == contents
    assert [packet.source for packet in found][:2] == ["file:000", "file:001"]
    assert is_read_completely(report)


def test_nested_archives_and_compressions_are_unpacked(
    tmp_path: Path, contents: list[bytes]
) -> None:
    inner = tar_of([("a.xml.gz", gzip.compress(contents[0])), ("b.xml", contents[1])])
    path = tmp_path / "all.tar.bz2"
    path.write_bytes(bz2.compress(tar_of([("day.tar", inner), ("c.xml", contents[2])])))
    found, report = read(path)
    assert [packet.content for packet in found] == contents[:3]
    assert [packet.source for packet in found] == [
        "tar:all.tar.bz2!day.tar!a.xml.gz", "tar:all.tar.bz2!day.tar!b.xml",
        "tar:all.tar.bz2!c.xml",
    ]  # fmt: skip
    assert is_read_completely(report)


def test_the_depth_of_unpacking_is_limited(tmp_path: Path) -> None:
    content = b"<a/>"
    for _ in range(40):
        content = gzip.compress(content)
    (tmp_path / "a").write_bytes(content)
    (packet,), report = read(tmp_path / "a")
    assert isinstance(packet.content, bytes) and packet.content.startswith(b"\x1f\x8b")
    assert is_read_completely(report)


@pytest.mark.parametrize("name", ["notices.jsonl", "notices.ndjson", "notices.json", "notices"])
def test_each_line_of_json_is_a_packet_with_its_own_bytes(
    tmp_path: Path, delivered: Path, name: str
) -> None:
    notices = [
        json.dumps(json.loads(file.read_bytes())).encode()
        for file in sorted((delivered / "alerts" / "gcn").glob("*.json"))
    ]
    for content in (b"\n".join(notices), b"\r\n\r\n".join(notices) + b"\r\n"):
        (tmp_path / name).write_bytes(content)
        found, report = read(tmp_path / name)
        assert [packet.content for packet in found] == notices
        assert found[0].source == f"lines:{name}!1"
        assert is_read_completely(report)


def test_an_invalid_line_is_a_packet_too(tmp_path: Path) -> None:
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
def test_a_file_that_is_not_json_lines_is_one_packet(tmp_path: Path, content: bytes) -> None:
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
    found, report = read(folder)
    assert [packet.content for packet in found] == [b"<a/>"]
    assert report.skipped == {"links": 2, "devices, pipes or sockets": 1, "empty files": 1}
    assert report.problems == []

    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        tar.add(folder, "../../up")
        for kind in (tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.LNKTYPE):
            member = tarfile.TarInfo("/dev/sda")
            member.type, member.linkname = kind, "../../up/a.xml"
            tar.addfile(member)
    found, report = read(tmp_path / "a.tar")
    assert [(packet.source, packet.content) for packet in found] == [
        ("tar:a.tar!../../up/a.xml", b"<a/>")
    ]
    assert report.skipped == {"links": 3, "devices, pipes or sockets": 3, "empty files": 1}
    assert report.problems == []
    assert {path.name for path in tmp_path.iterdir()} == {"folder", "a.tar"}


def test_a_link_that_is_given_as_path_is_followed(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_bytes(b"<a/>")
    (tmp_path / "link.xml").symlink_to(tmp_path / "a.xml")
    found, _ = read(tmp_path / "link.xml")
    assert [packet.source for packet in found] == ["file:link.xml"]


def test_paths_that_do_not_exist_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file or directory") as caught:
        check_paths([tmp_path, tmp_path / "none"])
    assert caught.value.file == str(tmp_path / "none")
    with pytest.raises(InputError, match="neither a file nor a directory"):
        check_paths([Path("/dev/null")])


@pytest.mark.parametrize("pack", [PLAIN, gzip.compress, bz2.compress, lzma.compress])
def test_packets_before_the_damage_are_read(
    tmp_path: Path, named: list[tuple[str, bytes]], pack: Callable[[bytes], bytes]
) -> None:
    whole = pack(tar_of(named))
    wanted = [content for _, content in named]
    counts = set()
    for share in (0.3, 0.6, 0.9):
        (tmp_path / "cut.tar").write_bytes(whole[: int(len(whole) * share)])
        found, report = read(tmp_path / "cut.tar")
        assert [packet.content for packet in found] == wanted[: len(found)]
        assert len(found) < len(wanted)
        assert report.problems[-1].startswith("cut.tar: ")
        counts.add(len(found))
    # bzip2 packs all of it into one block, of which nothing comes out
    assert len(counts) == (1 if pack is bz2.compress else 3)


def test_an_archive_cut_between_two_members_is_reported_as_truncated(tmp_path: Path) -> None:
    whole = tar_of([("a", b"<a/>"), ("b", b"<b/>")], tarfile.USTAR_FORMAT)
    (tmp_path / "a.tar").write_bytes(whole[:1024])
    found, report = read(tmp_path / "a.tar")
    assert [packet.content for packet in found] == [b"<a/>"]
    assert report.problems == [
        "a.tar: cannot be read to the end: the end-of-archive marker is missing after 1024 bytes;"
        " later members may be lost"
    ]


def test_a_damaged_header_is_not_taken_for_the_end_of_the_archive(tmp_path: Path) -> None:
    whole = bytearray(tar_of([("a", b"<a/>"), ("b", b"<b/>")], tarfile.USTAR_FORMAT))
    whole[1024:1030] = b"\xff" * 6
    (tmp_path / "a.tar").write_bytes(whole)
    found, report = read(tmp_path / "a.tar")
    assert [packet.content for packet in found] == [b"<a/>"]
    (problem,) = report.problems
    assert problem == "a.tar: cannot be read to the end: bad checksum after 1024 bytes"


def test_concatenated_archives_are_both_read(tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_bytes(tar_of([("a", b"<a/>")]) + tar_of([("b", b"<b/>")]))
    found, report = read(tmp_path / "a.tar")
    assert [packet.content for packet in found] == [b"<a/>", b"<b/>"]
    assert is_read_completely(report)


def test_one_bad_file_does_not_stop_the_others(tmp_path: Path) -> None:
    (tmp_path / "a.gz").write_bytes(gzip.compress(os.urandom(1000))[:500])
    (tmp_path / "b.xml").write_bytes(b"<b/>")
    (tmp_path / "c.tar").write_bytes(
        tar_of([("bad.gz", gzip.compress(b"<c/>")[:-6]), ("d.xml", b"<d/>")])
    )
    found, report = read(tmp_path)
    assert [packet.content for packet in found] == [b"<b/>", b"<d/>"]
    assert [problem.split(":")[0] for problem in report.problems] == [
        f"{tmp_path.name}/a.gz", f"{tmp_path.name}/c.tar!bad.gz",
    ]  # fmt: skip


@pytest.mark.parametrize("magic", [b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0"])
def test_a_file_with_only_the_signature_of_a_compressed_file_is_archived_as_it_is(tmp_path, magic):
    content = magic + b"<VOEvent/>" * 100
    (tmp_path / "a.tar").write_bytes(tar_of([("a", content), ("b.xml", b"<b/>")]))
    found, report = read(tmp_path / "a.tar")
    assert [packet.content for packet in found] == [content, b"<b/>"]
    assert len(report.problems) == 1
    assert (
        "a.tar!a: starts like a compressed file, but cannot be decompressed" in report.problems[0]
    )


def test_the_size_of_a_header_is_limited(tmp_path: Path) -> None:
    """The library would read the whole file as a long name of one gigabyte."""
    member = tarfile.TarInfo("././@LongLink")
    member.type, member.size = tarfile.GNUTYPE_LONGNAME, 1 << 30
    zeros = gzip.compress(member.tobuf(tarfile.GNU_FORMAT) + bytes(50 << 20), 1)
    (tmp_path / "a.tar.gz").write_bytes(zeros)
    tracemalloc.start()
    found, report = read(tmp_path / "a.tar.gz")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found == []
    assert "a name or attribute of 1073741824 bytes" in report.problems[0]
    assert peak < 10 << 20


def spaces(size: int) -> bytes:
    return b"<a>" + b" " * (size - 7) + b"</a>"


@pytest.mark.parametrize("place", ["file", "gz", "tar", "lines"])
def test_a_packet_of_100_megabytes_is_read_in_blocks(tmp_path: Path, place: str) -> None:
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
    report = SourceReport()
    total, rest = 0, []
    tracemalloc.start()
    for packet in packets_in([path], report):
        if isinstance(packet.content, bytes):
            rest.append(packet.content)
        else:
            total += sum(map(len, packet.content))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert total == size
    assert rest == ([small] if place in ("tar", "lines") else [])
    assert is_read_completely(report)
    assert peak < 80 << 20


def test_blocks_that_are_not_consumed_do_not_become_other_packets(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b'{"a": "' + b"x" * 5_000_000 + b'"}\n{"b": 1}')
    found, _ = read(tmp_path / "a.jsonl", max_parsed_bytes=1000)
    assert found[1].content == b'{"b": 1}'
    assert len(found) == 2


def test_a_decompression_bomb_ends_at_the_maximum_size(tmp_path: Path) -> None:
    bomb = gzip.compress(bytes(60 << 20))
    (tmp_path / "a.tar").write_bytes(tar_of([("bomb.gz", bomb), ("b.xml", b"<b/>")]))
    report = SourceReport()
    seen = 0
    small = []
    for packet in packets_in(
        [tmp_path / "a.tar"], report, max_parsed_bytes=1 << 20, max_packet_bytes=5 << 20
    ):
        if isinstance(packet.content, bytes):
            small.append(packet.content)
            continue
        with pytest.raises(SourceError, match="larger than 5242880 bytes"):
            for block in packet.content:
                seen += len(block)
    assert seen <= 5 << 20
    assert small == [b"<b/>"]
    assert report.problems == [
        "tar:a.tar!bomb.gz: larger than 5242880 bytes, so it is not a packet"
    ]


def test_damage_within_a_large_packet_is_reported_and_raised(tmp_path: Path) -> None:
    (tmp_path / "a.gz").write_bytes(gzip.compress(os.urandom(3 << 20))[: 2 << 20])
    report = SourceReport()
    sources = []
    for packet in packets_in([tmp_path / "a.gz"], report, max_parsed_bytes=1 << 20):
        sources.append(packet.source)
        with pytest.raises(SourceError):
            b"".join(packet.content)  # type: ignore[arg-type]
    assert sources == ["file:a.gz"]
    assert report.problems[0].startswith("file:a.gz: cannot be read to the end: Compressed")


def test_memory_does_not_grow_with_the_members_of_an_archive(tmp_path: Path) -> None:
    def peak(members: int) -> int:
        path = tmp_path / "a.tar.gz"
        # what cannot be compressed, so that also the smaller archive fills all buffers
        texts = [b"<a>%d</a>" % i + random.Random(i).randbytes(256) for i in range(members)]
        path.write_bytes(gzip.compress(tar_of((f"{i}.xml", t) for i, t in enumerate(texts)), 1))
        tracemalloc.start()
        for _ in packets_in([path], SourceReport()):
            pass
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    assert peak(8000) < peak(1000) + 100_000


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_no_mutated_archive_raises_an_error(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """The members of a mutated archive may differ, but the reader ends with a report."""
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
    report = SourceReport()
    for packet in packets_in([path], report, max_parsed_bytes=10_000, max_packet_bytes=100_000):
        assert packet.content
