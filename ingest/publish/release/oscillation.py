"""The draft of a release of the binned data of an oscillation analysis, from its delivered files.

Such a release has no events but three tables; what the files do not say is left as a blank.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from string import Template
from typing import Final

from ingest.core.checkout import INPUTS, RD
from ingest.core.configuration import BLANK
from ingest.core.errors import InputError
from ingest.core.files import sha256
from ingest.publish.release import facts
from ingest.publish.release.places import write

_FORMAT: Final = "oscillation-root"
_PARTS: Final = ("data", "muons", "neutrinos")
_TITLE: Final = "Binned data, muons and response of the oscillation analysis"
_EXTRACT: Final = "An extract of the data, to try the import with. "


def draft_oscillation(
    name: str,
    files: Sequence[Path],
    title: str | None = None,
    instrument: str | None = None,
    doi: str | None = None,
) -> tuple[Path, ...]:
    """Write manifest, texts and descriptor of a release of binned data.

    A file that lacks bins is an extract: its release is a test, which is never registered.

    Parameters
    ----------
    name : str
        The release.
    files : sequence of pathlib.Path
        The ROOT file and, if that has no axes, the JSON file with the edges of the bins.
    title, instrument, doi : str, optional
        Facts; a blank is left for each that is not given.

    Returns
    -------
    tuple of pathlib.Path
        The files.

    Raises
    ------
    ingest.core.errors.InputError
        If the files are damaged, or not these.
    """
    from ingest.events.tables import read_table  # loads slowly

    root, bins = _sorted(files)
    tables = {part: read_table(root, _FORMAT, part, bins) for part in _PARTS}
    data = tables["data"].rows
    is_extract = any(table.is_extract for table in tables.values())
    name_of = instrument or f"{BLANK} the detector as in papers, such as ORCA6"
    values = {
        "name": name,
        "title": title or f"{BLANK} its title",
        "created": datetime.now(UTC).date().isoformat(),
        "kind": "test" if is_extract else "sample",
        "doi": _doi(doi),
        "detector": "arca" if name_of.startswith("ARCA") else "orca",
        "instrument": name_of,
        "min_energy": f"{data['energy_lo'].min():g}",
        "max_energy": f"{data['energy_hi'].max():g}",
        "events": f"{data['n_events'].sum():,.0f}",
        "extract": _EXTRACT if is_extract else "",
        "tables": "\n".join(_table(part, root, bins) for part in _PARTS),
    }
    folder = INPUTS / name
    places = {
        "oscillation.rst": folder / "description.rst",
        "oscillation.rd": RD / name / "nu.rd",
        # last: without a manifest there is no release
        "oscillation.toml": folder / "responses.toml",
    }
    for template, path in places.items():
        text = resources.files(__package__).joinpath("templates", template).read_text("utf-8")
        write(path, Template(text).substitute(values))
    return tuple(places.values())


def _sorted(files: Sequence[Path]) -> tuple[Path, Path | None]:
    """Return the ROOT file, and the JSON file if there is one."""
    root = [one for one in files if one.suffix == ".root"]
    bins = [one for one in files if one.suffix == ".json"]
    if len(root) != 1 or len(bins) > 1 or len(root) + len(bins) != len(files):
        raise InputError(
            "these are not the files of an oscillation analysis",
            value=", ".join(one.name for one in files),
            expected="one ROOT file, and a JSON file with the bins if it has no axes",
            remedy="correct --from",
        )
    return root[0], bins[0] if bins else None


def _doi(given: str | None) -> str:
    key = "doi" if given and given.startswith("10.") else "no_doi"
    return f"{key} = {facts.as_toml(given or f'{BLANK} why there is none, or doi').as_string()}"


def _table(part: str, root: Path, bins: Path | None) -> str:
    """Return the entry of a table in the manifest."""
    lines = [
        "",
        "[[tables]]",
        f'name = "{root.name}"',
        f'table = "{part}"',
        f'format = "{_FORMAT}"',
        f'part = "{part}"',
        f'title = "{_TITLE}"',
        f'sha256 = ["{sha256(root)}"]',
    ]
    if bins is not None:
        lines.append(f'bins = {{ name = "{bins.name}", sha256 = ["{sha256(bins)}"] }}')
    return "\n".join(lines)
