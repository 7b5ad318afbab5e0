"""Acquisition of the files of a release, each from the first of its sources that has it."""

from __future__ import annotations

import contextlib
import importlib.util
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ingest.core import privileges
from ingest.core.errors import IngestError, InputError, UnavailableError
from ingest.core.files import NotRegularError, open_regular, sha256
from ingest.core.http import open_url
from ingest.events.delivery import simulation
from ingest.events.delivery.listed import (
    DeliveredFile,
    FileSource,
    FolderSource,
    OverlaySource,
    PackageSource,
    SimulationSource,
    StorageSource,
    UrlSource,
)
from ingest.events.delivery.manifest import Manifest
from ingest.events.delivery.responses import ResponsesManifest
from ingest.events.delivery.store import KeptFile

OVERLAY_VARIABLE: Final = "KM3VO_INPUTS"
_TIMEOUT = 20.0  # s without data
_LARGEST_DOWNLOAD = 4 * 2**30  # bytes


class _NotThere(Exception):
    """A source does not have the file; the next one is tried."""


@dataclass(frozen=True)
class AcquiredFile:
    """A delivered file on this machine.

    Attributes
    ----------
    path : pathlib.Path
        Its path.
    source : str
        A description of its source.
    sha256 : str
        Its checksum.
    simulated : bool
        Whether it is a simulated stand-in.
    unavailable : tuple of str
        The sources that were tried before and did not have it, with the reasons.
    """

    path: Path
    source: str
    sha256: str
    simulated: bool
    unavailable: tuple[str, ...] = ()
    remote: bool = False
    """Whether it is elsewhere, at its source: a workflow fetched it, and has not kept it."""


@dataclass(frozen=True)
class LocatedFile:
    """Where a file of a release is, which was not read yet.

    Attributes
    ----------
    location : str
        Its absolute path, or the URL from which a workflow fetches it.
    remote : bool
        Whether that is a URL.
    source : str
        A description of its source.
    """

    location: str
    remote: bool
    source: str


def overlay_directory(named: str | None) -> Path | None:
    """Return the directory with local inputs: `named`, or the one in ``KM3VO_INPUTS``.

    Raises
    ------
    InputError
        If it is not a readable directory.
    """
    text = named or os.environ.get(OVERLAY_VARIABLE)
    if not text:
        return None
    path = Path(os.path.abspath(Path(text).expanduser()))
    if not (path.is_dir() and os.access(path, os.R_OK | os.X_OK)):
        raise InputError(
            "the directory with inputs does not exist or cannot be read",
            file=path,
            remedy=f"correct INPUTS= or {OVERLAY_VARIABLE}",
        )
    return path


def acquire(
    manifest: Manifest | ResponsesManifest,
    file: DeliveredFile,
    overlay: Path | None,
    scratch: Path,
    kept: KeptFile | None = None,
) -> AcquiredFile:
    """Return the file from the first source that has it.

    A file kept from an earlier import is preferred to downloads, packages and stand-ins, but not
    to what the curator provides in a directory.

    Parameters
    ----------
    manifest : Manifest or ResponsesManifest
        The release.
    file : DeliveredFile
        The file.
    overlay : pathlib.Path, optional
        The directory of the overlay source.
    scratch : pathlib.Path
        Directory for a simulated stand-in.
    kept : KeptFile, optional
        The file as kept from an earlier import.

    Raises
    ------
    UnavailableError
        If no source has it.
    """
    unavailable: list[str] = []
    for source in file.sources:
        if kept is not None and not isinstance(source, OverlaySource | FolderSource):
            break
        simulated = isinstance(source, SimulationSource)
        try:
            # a stand-in is written below var/
            with contextlib.nullcontext() if simulated else privileges.caller():
                path, description = _fetch(source, manifest, file, overlay, scratch)
                checksum = sha256(path)
        except _NotThere as reason:
            unavailable.append(f"{source.kind}: {reason}")
            continue
        return AcquiredFile(path, description, checksum, simulated, tuple(unavailable))
    if kept is not None:
        description = "the files kept from an earlier import"
        return AcquiredFile(kept.path, description, kept.sha256, False, tuple(unavailable))
    raise _unavailable(manifest, file, unavailable)


def locate(
    manifest: Manifest, file: DeliveredFile, overlay: Path | None, scratch: Path
) -> LocatedFile:
    """Return where a workflow finds a file: the first of its sources that may have it.

    Parameters are those of :func:`acquire`. Nothing is downloaded; a URL is not tried.

    Raises
    ------
    UnavailableError
        If no source has it; a workflow uses no stand-ins.
    """
    unavailable: list[str] = []
    for source in file.sources:
        try:
            match source:
                case UrlSource() | StorageSource():
                    return LocatedFile(source.url, True, source.url)
                case SimulationSource():
                    raise _NotThere("a workflow converts no stand-ins")
                case _:
                    path, description = _fetch(source, manifest, file, overlay, scratch)
                    return LocatedFile(str(path), False, description)
        except _NotThere as reason:
            unavailable.append(f"{source.kind}: {reason}")
    raise _unavailable(manifest, file, unavailable)


def _unavailable(
    manifest: Manifest | ResponsesManifest, file: DeliveredFile, reasons: list[str]
) -> UnavailableError:
    return UnavailableError(
        f"{file.name} of the release {manifest.name} is not available",
        file=manifest.path,
        value="\n".join(reasons),
        expected="one of these sources to have it",
        remedy=f"put the file into {manifest.folder}, or name its directory with INPUTS=",
    )


def verify(file: DeliveredFile, acquired: AcquiredFile) -> None:
    """Compare size and checksum of a file with the manifest, except for a simulated stand-in.

    Raises
    ------
    InputError
        If they differ.
    """
    if acquired.simulated:
        return
    with privileges.reading(acquired.path):
        size = acquired.path.stat().st_size
    if file.size is not None and size != file.size:
        raise InputError(
            "the size of the file differs from the manifest",
            file=acquired.path,
            value=f"{size} bytes",
            expected=f"{file.size} bytes",
            remedy="fetch or copy the file again",
        )
    if file.sha256 and acquired.sha256 not in file.sha256:
        raise InputError(
            "the checksum of the file is not in the manifest",
            file=acquired.path,
            value=f"sha256 {acquired.sha256}",
            expected=" or ".join(file.sha256),
            remedy="fetch or copy the file again; if this is a new delivery, add its checksum to"
            " the manifest, release.toml or responses.toml",
        )


def _fetch(
    source: FileSource,
    manifest: Manifest | ResponsesManifest,
    file: DeliveredFile,
    overlay: Path | None,
    scratch: Path,
) -> tuple[Path, str]:
    """Return the file from a source, and a description of the source."""
    in_folder = manifest.folder / file.name
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
            if not _is_readable(in_folder):
                raise _NotThere(f"no {in_folder}")
            return in_folder, f"release folder, {in_folder}"
        case UrlSource():
            _download(source.url, in_folder, lambda path: _verify_download(file, path))
            return in_folder, source.url
        case PackageSource():
            return _find_in_package(source), f"Python package {source.package}"
        case StorageSource():
            raise _NotThere(f"{source.url} is fetched by a workflow: make import WORKFLOW=local")
        case SimulationSource():
            if isinstance(manifest, ResponsesManifest):
                raise _NotThere("instrument responses have no stand-in")
            path = simulation.write_stand_in(manifest, file, source.seed, scratch)
            return path, f"SIMULATED stand-in, seed {source.seed}"


def _is_readable(path: Path) -> bool:
    """Return whether the file exists.

    Raises
    ------
    InputError
        If it exists but cannot be read: using another source would hide that.
    """
    try:
        open_regular(path).close()
    except NotRegularError as error:
        raise InputError(
            error.strerror,
            file=path,
            expected="a delivered file",
            remedy="replace it by the file, or remove it so that the next source is tried",
        ) from None
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise InputError(
            f"the file cannot be read ({error.strerror})",
            file=path,
            remedy="make it readable, or remove it so that the next source is tried",
        ) from None
    return True


def _verify_download(file: DeliveredFile, path: Path) -> None:
    verify(file, AcquiredFile(path, "download", sha256(path), simulated=False))


def _download(url: str, target: Path, check: Callable[[Path], None]) -> None:
    """Download a file; one that fails `check` is discarded and counts as missing."""
    draft = target.with_name(f".{target.name}.download")
    try:
        with open_url(url, timeout=_TIMEOUT) as reply, draft.open("wb") as out:
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


def _find_in_package(source: PackageSource) -> Path:
    found = importlib.util.find_spec(source.package)
    if found is None or found.origin is None:
        raise _NotThere(f"the Python package {source.package} is not installed")
    path = Path(found.origin).parent / source.path
    if not path.is_file():
        raise _NotThere(f"the Python package {source.package} has no {source.path}")
    return path
