"""Elements of descriptors, and facts, that releases of events and of responses have in common."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from lxml import etree

from ingest.core.units import gev_to_joule
from ingest.events.coverage import sky_coverage
from ingest.events.delivery import (
    Manifest,
    ReleaseSection,
    ResponseFile,
    ResponsesManifest,
    ResponsesSection,
    TableFile,
)
from ingest.events.sky import detector

ABOUT: Final = "about.rd"
"""The name of the first file, in the deployed folder of a release."""


def add_release(stream: etree._Element, release: ReleaseSection | ResponsesSection) -> None:
    """Add the metadata of a release that all have, except for title, description and DOI."""
    add_meta(stream, "creationDate", f"{release.created.isoformat()}T00:00:00Z")
    add_meta(stream, "creator", release.creator)
    add_meta(stream, "facility", detector(release.detector).telescope.partition("/")[0])
    add_meta(stream, "instrument", release.instrument)
    add_meta(stream, "referenceURL", release.reference_url)
    # DaCHS shows it beside its own pages
    add_meta(stream, "_related", f"/{release.name}", title="Page of the release")
    if release.updated is not None:
        date = add_meta(stream, "date", f"{release.updated.isoformat()}T00:00:00Z")
        add_meta(date, "role", "Updated")


def documented(*parts: str, revisions: Iterable[str]) -> str:
    """Return the documentation of a release, with what was corrected at the end."""
    if listed := "\n".join(f"* {one}" for one in revisions):
        parts += ("Revisions\n=========", listed)
    return "\n" + "\n\n".join(parts) + "\n"


def add_coverage(stream: etree._Element, manifest: Manifest | ResponsesManifest) -> None:
    """Add the coverage of the resource in space, time and energy."""
    element = etree.SubElement(stream, "coverage")
    for name, text in coverage_of(manifest).items():
        etree.SubElement(element, name).text = text


def coverage_of(
    manifest: Manifest | ResponsesManifest, response: ResponseFile | None = None
) -> dict[str, str]:
    """Return the coverage of a release in space, time and energy, as DaCHS reads it.

    Parameters
    ----------
    manifest : Manifest or ResponsesManifest
        The release.
    response : ResponseFile, optional
        Return the coverage of this response of the release.
    """
    release, observation = manifest.release, manifest.observation.model_dump()
    seen = {"start_mjd": release.start_mjd, "stop_mjd": release.stop_mjd, **observation}
    if response is not None:
        seen |= response.coverage.facts()
    energies = (gev_to_joule(seen["min_energy_gev"]), gev_to_joule(seen["max_energy_gev"]))
    return {
        "spatial": sky_coverage(
            seen["centre_ra_deg"], seen["centre_dec_deg"], seen["diameter_deg"]
        ),
        "temporal": f"{seen['start_mjd']:.5f} {seen['stop_mjd']:.5f}",
        "spectral": " ".join(f"{energy:.10g}" for energy in energies),
    }


def response_facts(manifest: Manifest | ResponsesManifest) -> list[dict[str, object]]:
    """Return what ObsCore says of each response, besides what holds for all of a release."""
    facts = []
    for one in manifest.responses:
        fact: dict[str, object] = {
            "name": one.name,
            "response": one.response,
            "title": one.title,
        }
        if stated := one.coverage.facts():
            fact |= {"observation": stated, "coverage": coverage_of(manifest, one)}
        facts.append(fact)
    return facts


def table_facts(tables: Iterable[TableFile]) -> list[dict[str, str]]:
    """Return what DataLink says of each file that fills a further table."""
    return [{"name": one.name, "table": one.table, "title": one.title} for one in tables]


def serialized(root: etree._Element) -> bytes:
    """Return the content of a descriptor."""
    text: bytes = etree.tostring(root, encoding="utf-8", xml_declaration=True, pretty_print=True)
    return text


def add_meta(
    parent: etree._Element, name: str, text: str | None, **attributes: str
) -> etree._Element:
    """Add an item of metadata with a text in which DaCHS finds no macros; return it."""
    element = etree.SubElement(parent, "meta", name=name, **attributes)
    element.text = None if text is None else escaped(text)
    return element


def escaped(text: str) -> str:
    r"""Return a text in which DaCHS finds no macros.

    It replaces ``\\`` by ``\`` twice: when it reads a stream, and when it shows the text.
    """
    return text.replace("\\", "\\" * 4)
