"""How a data product was made, as a graph. This runs in the Python of DaCHS."""

import functools
import glob
import json
import os
import textwrap
from dataclasses import dataclass

from gavo import base

_WIDTH, _LINE, _PAD, _GAP = 340, 17, 10, 26
"""Measures of the graph, in the units of its drawing."""
_MANY = 4
"""So many delivered files have a box of their own."""


@dataclass(frozen=True)
class Box:
    """A part of the graph: a file, or what was done with it."""

    kind: str
    lines: list
    y: int
    height: int


@dataclass(frozen=True)
class Provenance:
    """How the first product of a release was made.

    Attributes
    ----------
    product, software, version, command, curator : str
        What was made, with what, by whom.
    used : list of str
        The names of the delivered files.
    checksums : dict of str to str
        The SHA-256 checksums of all files, by name.
    steps : list of (str, str)
        What was done: a name, and what came of it.
    boxes : list of Box
        The graph, from the top downwards.
    """

    product: str
    software: str
    version: str
    command: str
    curator: str
    used: list
    checksums: dict
    steps: list
    boxes: list
    width: int = _WIDTH

    @property
    def height(self):
        return self.boxes[-1].y + self.boxes[-1].height + 2

    @property
    def summary(self):
        """The graph in a sentence."""
        return (
            f"{self.software} {self.version} made {self.product} from {', '.join(self.used)},"
            f" for the {self.curator}."
        )


def provenance(release):
    """Return how the first product of a release was made; None if that is not recorded."""
    folder = os.path.join(base.getConfig("inputsDir"), release.name, "data")
    paths = sorted(glob.glob(os.path.join(glob.escape(folder), "*.prov.json")))
    try:
        return _read(paths[0], os.stat(paths[0]).st_mtime_ns) if paths else None
    except (FileNotFoundError, ValueError, KeyError, StopIteration):
        return None


@functools.lru_cache(100)
def _read(path, _modified):
    with open(path, encoding="utf-8") as stream:
        document = json.load(stream)
    entities, activities = document["entity"], document["activity"]
    name, main = next(one for one in activities.items() if "km3:software" in one[1])
    product = next(
        one["prov:entity"] for one in document["wasGeneratedBy"].values()
        if one["prov:activity"] == name
    )  # fmt: skip
    used = [
        entities[one["prov:entity"]]["voprov:name"] for one in document["used"].values()
        if one["prov:activity"] == name
    ]  # fmt: skip
    agents = document.get("agent", {})
    curator = next(
        (agents[one["prov:agent"]]["voprov:name"]
         for one in document.get("wasAttributedTo", {}).values()),
        "the collaboration",
    )  # fmt: skip
    made = entities[product]["voprov:name"]
    steps = [_step(one) for key, one in sorted(activities.items()) if key != name]
    return Provenance(
        made, main["km3:software"], main["km3:version"], main["km3:command"], curator,
        used, {one["voprov:name"]: one["km3:sha256"] for one in entities.values()},
        [one for one in steps if one],
        _boxes(used, main, entities[product]),
    )  # fmt: skip


def _step(activity):
    """Return the name of a step and what came of it."""

    def number(key):
        found = activity.get(f"km3:{key}")
        return None if found is None else int(found["$"] if isinstance(found, dict) else found)

    text = activity["voprov:comment"]
    if number("read") is not None:
        return (
            activity["voprov:name"],
            f"{number('read'):,} rows read, {number('accepted'):,} accepted,"
            f" {number('rejected'):,} rejected",
        )
    if number("rows") is None:
        return activity["voprov:name"], text
    action = activity.get("km3:action", "").replace("-", " ")
    return activity[
        "voprov:name"
    ], f"{text}: {action + ', ' if action else ''}{number('rows'):,} rows"


def _boxes(used, main, product):
    shown = used if len(used) <= _MANY else [*used[: _MANY - 1], f"{len(used):,} files in all"]
    parts = [
        ("file", ["Delivered files" if len(used) > 1 else "Delivered file", *shown]),
        ("step", [f"{main['km3:software']} {main['km3:version']}",
                  *textwrap.wrap(main["km3:command"], 44)]),
        ("file", [product["voprov:name"], f"SHA-256 {product['km3:sha256'][:16]}…"]),
        ("step", ["This node", "TAP, cone search, DataLink, this page"]),
    ]  # fmt: skip
    boxes, y = [], 1
    for kind, lines in parts:
        height = 2 * _PAD + _LINE * len(lines)
        boxes.append(
            Box(kind, [textwrap.shorten(one, 48, placeholder="…") for one in lines], y, height)
        )
        y += height + _GAP
    return boxes
