"""Getting a release's files from the first of its sources that has them."""

from __future__ import annotations

import importlib.util
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ingest.core.errors import IngestError, InputError, UnavailableError
from ingest.core.files import sha256
from ingest.core.http import open_url
from ingest.events.delivery import simulation
from ingest.events.delivery.manifest import (
    DeliveredFile,
    FolderSource,
    Manifest,
    OverlaySource,
    PackageSource,
    SimulationSource,
    Source,
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

    A simulated stand-in is made on the way, so there is nothing to compare.

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
    if file.sha256 and acquired.sha256 not in file.sha256:
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
            return kept, f"release folder, {kept}"
        case UrlSource():
            _download(source.url, kept, lambda path: verify(file, _unnamed(path)))
            return kept, source.url
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
    draft = target.with_name(f".{target.name}.download")
    try:
        with open_url(url, timeout=_PATIENCE) as reply, draft.open("wb") as out:
            for block in reply.iter_raw():
                out.write(block)
                if reply.num_bytes_downloaded > _LARGEST_DOWNLOAD:
                    raise _NotThere(f"{url} has more than {_LARGEST_DOWNLOAD >> 30} GiB")
        check(draft)
        draft.replace(target)
    except IngestError as error:
        raise _NotThere(f"{url}: {error.problem} (found {error.value})") from None
    except OSError as error:
        raise _NotThere(f"{url}: {error}") from None
    finally:
        draft.unlink(missing_ok=True)


def _in_package(source: PackageSource) -> Path:
    found = importlib.util.find_spec(source.package)
    if found is None or found.origin is None:
        raise _NotThere(f"the Python package {source.package} is not installed")
    path = Path(found.origin).parent / source.path
    if not path.is_file():
        raise _NotThere(f"the Python package {source.package} has no {source.path}")
    return path
