"""Getting a release's files from the first of its sources that has them."""

from __future__ import annotations

import importlib.util
import os
import stat
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyvo

from ingest import __version__
from ingest.core.errors import IngestError, InputError, UnavailableError
from ingest.core.files import atomic_write, sha256
from ingest.events.delivery import simulation
from ingest.events.delivery.manifest import (
    DeliveredFile,
    FolderSource,
    Manifest,
    OverlaySource,
    PackageSource,
    SimulationSource,
    Source,
    TapSource,
    UrlSource,
)

OVERLAY_VARIABLE: Final = "KM3VO_INPUTS"
_PATIENCE = 20.0  # s without an answer
_LARGEST_DOWNLOAD = 4 * 2**30  # bytes


class _NotThere(Exception):
    """A source does not have the file; the next one is asked."""


@dataclass(frozen=True)
class Acquired:
    """A file that was found.

    Attributes
    ----------
    path : pathlib.Path
        Where it lies now.
    source : str
        Where it came from, in words.
    sha256 : str
        Its checksum.
    simulated : bool
        Whether it is a simulated stand-in.
    refused : tuple of str
        The sources that were asked before and did not have it, with their reasons.
    """

    path: Path
    source: str
    sha256: str
    simulated: bool
    refused: tuple[str, ...] = ()


def overlay_directory(named: str | None) -> Path | None:
    """Return the directory with local inputs: `named`, or what ``KM3VO_INPUTS`` says.

    Raises
    ------
    InputError
        If it is not a directory that can be entered.
    """
    text = named or os.environ.get(OVERLAY_VARIABLE)
    if not text:
        return None
    path = Path(os.path.abspath(Path(text).expanduser()))
    if not (path.is_dir() and os.access(path, os.R_OK | os.X_OK)):
        raise InputError(
            "there is no such directory with inputs, or you may not read it",
            file=path,
            remedy=f"correct INPUTS= or {OVERLAY_VARIABLE}",
        )
    return path


def acquire(
    manifest: Manifest, file: DeliveredFile, overlay: Path | None, scratch: Path
) -> Acquired:
    """Return the file from the first source that has it.

    Parameters
    ----------
    manifest : Manifest
        The release.
    file : DeliveredFile
        The file wanted.
    overlay : pathlib.Path, optional
        The directory of the overlay source.
    scratch : pathlib.Path
        Where a simulated stand-in may be written.

    Raises
    ------
    UnavailableError
        If no source has it.
    """
    refused: list[str] = []
    for source in file.sources:
        try:
            path, words = _ask(source, manifest, file, overlay, scratch)
        except _NotThere as reason:
            refused.append(f"{source.kind}: {reason}")
            continue
        simulated = isinstance(source, SimulationSource)
        return Acquired(path, words, sha256(path), simulated, tuple(refused))
    raise UnavailableError(
        f"{file.name} of the release {manifest.name} is not to be had",
        file=manifest.folder / "release.toml",
        value="\n".join(refused),
        expected="one of these sources to have it",
        remedy=f"put the file into {manifest.folder}, or name its directory with INPUTS=",
    )


def verify(file: DeliveredFile, acquired: Acquired) -> None:
    """Compare a file with what the manifest says about it.

    Nothing is said of the contents of answers and simulations: they are made on the way.

    Raises
    ------
    InputError
        If size or checksum differ.
    """
    if acquired.simulated:
        return
    size = acquired.path.stat().st_size
    if file.size is not None and size != file.size:
        raise InputError(
            "the file has another size than the manifest says",
            file=acquired.path,
            value=f"{size} bytes",
            expected=f"{file.size} bytes",
            remedy="fetch or copy the file again",
        )
    if file.sha256 and acquired.sha256 not in file.sha256 and not _is_answer(acquired):
        raise InputError(
            "the file's checksum is not one the manifest knows",
            file=acquired.path,
            value=f"sha256 {acquired.sha256}",
            expected=" or ".join(file.sha256),
            remedy="fetch or copy the file again; if this is a new delivery on purpose,"
            " add its checksum to release.toml",
        )


def _ask(
    source: Source, manifest: Manifest, file: DeliveredFile, overlay: Path | None, scratch: Path
) -> tuple[Path, str]:
    """Return a source's file and its origin in words, or raise _NotThere."""
    kept = manifest.folder / file.name
    match source:
        case OverlaySource():
            if overlay is None:
                raise _NotThere("no INPUTS directory was named")
            places = (overlay / manifest.name / file.name, overlay / file.name)
            path = next((place for place in places if _is_readable(place)), None)
            if path is None:
                raise _NotThere(f"no {places[0]}")
            return path, f"INPUTS directory, {path}"
        case FolderSource():
            if not _is_readable(kept):
                raise _NotThere(f"no {kept}")
            return kept, f"release folder, {kept}" + (_answer_mark(kept) or "")
        case UrlSource():
            _download(source.url, kept, lambda path: verify(file, _unnamed(path)))
            return kept, source.url
        case TapSource():
            _query(source, kept)
            return kept, f"{source.url} ({source.query})"
        case PackageSource():
            return _in_package(source), f"Python package {source.package}"
        case SimulationSource():
            path = simulation.write_stand_in(manifest, file, source.seed, scratch)
            return path, f"SIMULATED stand-in, seed {source.seed}"


def _is_readable(path: Path) -> bool:
    """Say whether there is a file.

    Raises
    ------
    InputError
        If there is one that cannot be read: to take another source then would hide it.
    """
    try:
        # a pipe or device would make us wait without an end
        if not stat.S_ISREG(path.stat().st_mode):
            raise InputError(
                "this is not a file",
                file=path,
                expected="a delivered file",
                remedy="put the file in its place, or remove it to have the next source asked",
            )
        path.open("rb").close()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise InputError(
            f"the file cannot be read ({error.strerror})",
            file=path,
            remedy="make it readable for you, or remove it to have the next source asked",
        ) from None
    return True


def _unnamed(path: Path) -> Acquired:
    return Acquired(path, "", sha256(path), simulated=False)


def _download(url: str, target: Path, check: Callable[[Path], None]) -> None:
    """Fetch a file; what does not pass `check` counts as not there and is not kept."""
    request = urllib.request.Request(url, headers={"User-Agent": f"km3net-vo/{__version__}"})
    draft = target.with_name(f".{target.name}.download")
    try:
        with urllib.request.urlopen(request, timeout=_PATIENCE) as reply, draft.open("wb") as out:
            size = 0
            while block := reply.read(1 << 20):
                size += len(block)
                if size > _LARGEST_DOWNLOAD:
                    raise _NotThere(f"{url} does not end")
                out.write(block)
        check(draft)
        draft.replace(target)
    except IngestError as error:
        raise _NotThere(f"{url}: {error.problem} (found {error.value})") from None
    except (OSError, ValueError) as error:
        raise _NotThere(f"{url}: {getattr(error, 'reason', error)}") from None
    finally:
        draft.unlink(missing_ok=True)


_ANSWER = b"# answer of "


def _query(source: TapSource, target: Path) -> None:
    """Ask the predecessor's TAP service, and write its answer in the form of the public file."""
    try:
        service = pyvo.dal.TAPService(source.url)
        service._session.request = _with_timeout(service._session.request)
        answer = service.run_sync(source.query, maxrec=10_000_000).to_table()
        answer.sort("id")
        lines = [
            f"{row['decl']}\t{row['ra']}\t{row['nhit']}\t{row['beta']}\t{row['mjd']}\n"
            for row in answer
        ]
        names = [str(name) for name in answer["id"]]
    except Exception as error:  # whatever a foreign server makes pyvo raise: it has no answer
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise _NotThere(f"{source.url}: {reason[:300]}") from None
    if names != [f"ANT{number:04d}" for number in range(1, len(names) + 1)] or not names:
        raise _NotThere(f"{source.url}: its events are not numbered ANT0001, ANT0002, …")
    with atomic_write(target) as stream:
        stream.write(_ANSWER + f"{source.url} to {source.query}\n".encode())
        stream.write(b"# Decl(deg)\tRA(deg)\tNhit\tBeta(deg)\tMJD\n")
        stream.write("".join(lines).encode())


def _with_timeout(request: Callable[..., object]) -> Callable[..., object]:
    def patient(*args: object, **kwargs: object) -> object:
        return request(*args, **{"timeout": _PATIENCE, **kwargs})

    return patient


def _answer_mark(path: Path) -> str | None:
    """Return the origin of a file that was written from a service's answer, or None."""
    with path.open("rb") as stream:
        first = stream.readline(500)
    if not first.startswith(_ANSWER):
        return None
    return " (" + first[2:].decode("utf-8", "replace").strip() + ")"


def _is_answer(acquired: Acquired) -> bool:
    return _answer_mark(acquired.path) is not None


def _in_package(source: PackageSource) -> Path:
    found = importlib.util.find_spec(source.package)
    if found is None or found.origin is None:
        raise _NotThere(f"the Python package {source.package} is not installed")
    path = Path(found.origin).parent / source.path
    if not path.is_file():
        raise _NotThere(f"the Python package {source.package} has no {source.path}")
    return path
