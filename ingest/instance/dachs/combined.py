"""The description of the tables that combine releases: their coverage is that of the parts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from ingest.core.files import read_regular
from ingest.core.mocs import moc_text, read_moc

NAME: Final = "about.rd"
"""The file with the stream ``coverage``, in the shared folder."""
FACTS: Final = "release.json"
"""The file with facts of a release, in its deployed folder."""
RESPONSES_FACTS: Final = "responses.json"
"""The file with facts of a release of responses, which has no events."""
_WHOLE_SKY: Final = "0/0-11 6/"
_TEMPLATE: Final = """<resource schema="{schema}" resdir=".">
  <STREAM id="coverage">
    <coverage>{parts}</coverage>
  </STREAM>
</resource>
"""


def describe(schema: str, coverages: Sequence[Mapping[str, str]]) -> bytes:
    """Return the content of the file.

    Parameters
    ----------
    schema : str
        The schema of the combined tables.
    coverages : sequence of mapping
        The coverages of the parts that they combine.
    """
    parts = {}
    if coverages:
        parts["spatial"] = _union([one["spatial"] for one in coverages])
        for name in ("temporal", "spectral"):
            ranges = [[float(word) for word in one[name].split()] for one in coverages]
            low, high = min(one[0] for one in ranges), max(one[1] for one in ranges)
            parts[name] = f"{low:.10g} {high:.10g}"
    text = "".join(f"<{name}>{value}</{name}>" for name, value in parts.items())
    return _TEMPLATE.format(schema=schema, parts=text).encode()


def facts_in(inputs: Path) -> dict[str, dict[str, Any]]:
    """Return the facts of the releases of events in an inputs directory, by their names."""
    return _facts(inputs, FACTS)


def facts_of_responses(inputs: Path) -> dict[str, dict[str, Any]]:
    """Return the facts of all releases in an inputs directory that have responses."""
    found = facts_in(inputs) | _facts(inputs, RESPONSES_FACTS)
    return {name: facts for name, facts in found.items() if facts.get("responses")}


def coverages(releases: Iterable[Mapping[str, Any]]) -> list[Mapping[str, str]]:
    """Return the coverages of the public releases with the given facts."""
    return [facts["coverage"] for facts in releases if not facts.get("protected")]


def coverages_of_responses(releases: Iterable[Mapping[str, Any]]) -> list[Mapping[str, str]]:
    """Return the coverages of the responses of public releases; some state their own."""
    return [
        one.get("coverage", facts["coverage"])
        for facts in releases
        if not facts.get("protected")
        for one in facts["responses"]
    ]


def _facts(inputs: Path, file: str) -> dict[str, dict[str, Any]]:
    return {
        path.parent.name: json.loads(read_regular(path))
        for path in sorted(inputs.glob(f"[a-z]*/{file}"))
    }


def _union(mocs: list[str]) -> str:
    mocs = list(dict.fromkeys(mocs))
    if _WHOLE_SKY in mocs or not mocs:
        return _WHOLE_SKY
    whole, *others = map(read_moc, mocs)
    for one in others:
        whole = whole.union(one)
    return moc_text(whole)
