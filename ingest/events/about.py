"""What the manifest and the texts of a release say, in the form that DaCHS reads.

The descriptor of a release declares its structure: columns, indices, services. All else it takes
from the streams of ``about.rd``, which is made here when the release is deployed. So a release
that is simulated, for the collaboration only, or superseded, differs in these streams alone.

``release.json`` is what ``rd/km3net/products.py`` adds to the headers of the products.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal

from lxml import etree

from ingest.core.units import gev_to_joule
from ingest.events.coverage import sky_coverage
from ingest.events.delivery import (
    Manifest,
    ResponseFile,
    ResponsesManifest,
    TableFile,
    Texts,
    read_texts,
)
from ingest.events.sky import detector
from ingest.instance.dachs import FACTS, GROUP, SIMULATED_WARNING

ABOUT: Final = "about.rd"
"""The name of the first file, in the deployed folder of a release."""
_AUTHORITY: Final = r"\getConfig{ivoa}{authority}"
_NEEDED: Final = {
    "acceptance": ("aeff", "antares-acceptance"),
    "background": ("bkgrate", "antares-background"),
}
"""The responses that the services of limits need: what each is, and its format."""
_LIMITS: Final = {
    "ps": (
        "Events and limits around a source",
        "What a sample of neutrino events says about a source, or a list of sources: the events"
        " within a radius, the expected background, the probability by chance, the interval of"
        " Feldman and Cousins, the flux and its limit for a power law in energy, and the"
        " sensitivity. Parameters: RA and DEC in degrees (ICRS), or TARGET, a name, or SOURCES, a"
        " VOTable or CSV file with sources; SR, the radius in degrees; INDEX, the spectral index"
        " or a range; CONFIDENCE.",
    ),
    "region": (
        "Events and limits in a region of the sky",
        "What a sample of neutrino events says about a region of the sky, such as that of a"
        " gravitational wave: the events inside, the expected background, the probability by"
        " chance, the interval of Feldman and Cousins, and the flux limit for a source somewhere"
        " in the region, also in bands of declination. Parameters: MOC, a coverage map, or MAP, a"
        " HEALPix file, or ALERT, an alert in this archive; CONTAINMENT, of the region of a map or"
        " an alert; INDEX, the spectral index; CONFIDENCE.",
    ),
}
"""Titles and descriptions of the services of limits, see ``rd/km3net/limits.rd``."""


@dataclass(frozen=True)
class Example:
    """An event of a release, for test queries.

    Parameters
    ----------
    event_id : str
        Its identifier.
    ra, dec : float
        Its direction, ICRS, deg.
    """

    event_id: str
    ra: float
    dec: float


@dataclass(frozen=True)
class Circumstances:
    """What the deployment of a release depends on besides its manifest.

    Parameters
    ----------
    simulated : bool
        Whether the data are a simulated stand-in.
    known_to_registries : bool
        Whether registries may have harvested a record. A release that must not have one is then
        left out of the server's own list of services as well, because otherwise DaCHS would not
        publish a deletion record.
    superseded_by : str, optional
        The release that is online and replaces it.
    example : Example, optional
        One of its events.
    repeats : tuple of str
        The releases online that have events of this one.
    """

    simulated: bool = False
    known_to_registries: bool = False
    superseded_by: str | None = None
    example: Example | None = None
    repeats: tuple[str, ...] = ()


def about(manifest: Manifest, where: Circumstances = Circumstances()) -> dict[str, bytes]:
    """Return the files that describe a release: their names and contents.

    Raises
    ------
    ingest.core.errors.ManifestError
        If the texts of the release are missing or have blanks.
    """
    return {
        ABOUT: _streams(manifest, where),
        FACTS: _facts(manifest, where),
    }


def _streams(manifest: Manifest, where: Circumstances) -> bytes:
    root = etree.Element("resource", schema=manifest.name, resdir=".")
    _protect(root, manifest)
    _describe(_stream(root, "metadata"), manifest, where)
    _describe_table(_stream(root, "table"), manifest, where)
    _open_to_queries(_stream(root, "access"), manifest)
    _describe_origin(_stream(root, "origin-columns"), manifest)
    _describe_cone(_stream(root, "cone"), manifest, where)
    _add_limits(_stream(root, "limits"), manifest, where)
    _add_test(_stream(root, "tests"), manifest, where)
    return serialized(root)


def _describe(stream: etree._Element, manifest: Manifest, where: Circumstances) -> None:
    """Add the metadata of the resource."""
    release, texts = manifest.release, read_texts(manifest)
    _protect(stream, manifest)
    add_meta(stream, "title", _marked(release.title, where))
    add_meta(stream, "description", _marked(texts.description, where))
    add_meta(stream, "creationDate", f"{release.created.isoformat()}T00:00:00Z")
    add_meta(stream, "creator", release.creator)
    add_meta(stream, "facility", detector(release.detector).telescope.partition("/")[0])
    add_meta(stream, "instrument", release.instrument)
    if release.bibcode is not None:
        add_meta(stream, "source", release.bibcode)
    for doi in dict.fromkeys((release.data_doi, release.doi)):
        if doi is not None:
            add_meta(stream, "doi", doi)
    add_meta(stream, "referenceURL", release.reference_url)
    if release.updated is not None:
        date = add_meta(stream, "date", f"{release.updated.isoformat()}T00:00:00Z")
        add_meta(date, "role", "Updated")
    if release.supersedes is not None:
        _relate(stream, "isNewVersionOf", release.supersedes)
    if where.superseded_by is not None:
        _relate(stream, "isPreviousVersionOf", where.superseded_by)
    add_meta(stream, "_longdoc", _documentation(manifest, texts, where), format="rst")
    etree.SubElement(stream, "FEED", source="km3net/common#metadata")
    _cover(stream, manifest)


def _documentation(manifest: Manifest, texts: Texts, where: Circumstances) -> str:
    """Return the documentation, with what the reader should know first and what was corrected."""
    parts = [SIMULATED_WARNING] if where.simulated else []
    if where.superseded_by is not None:
        parts.append(
            f"**This release has been replaced by** `{where.superseded_by}"
            f" </{where.superseded_by}/nu/cone/info>`__."
        )
    parts.append(texts.documentation)
    if manifest.release.revisions:
        parts.append("Revisions\n=========")
        parts.append("\n".join(f"* {one}" for one in manifest.release.revisions))
    return "\n" + "\n\n".join(parts) + "\n"


def _cover(stream: etree._Element, manifest: Manifest) -> None:
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


def _describe_table(stream: etree._Element, manifest: Manifest, where: Circumstances) -> None:
    _open_to_queries(stream, manifest)
    add_meta(stream, "title", _marked(manifest.release.title, where))
    add_meta(stream, "description", _marked(read_texts(manifest).description, where))
    if where.superseded_by is not None:
        _property(stream, "superseded_by", where.superseded_by)


def _open_to_queries(stream: etree._Element, manifest: Manifest) -> None:
    """Let everyone query a table, if the release is public; further tables need no more."""
    if manifest.is_public_today():
        etree.SubElement(stream, "adql").text = "True"


def _describe_origin(stream: etree._Element, manifest: Manifest) -> None:
    etree.SubElement(
        stream,
        "FEED",
        source="km3net/common#origin-columns",
        release=manifest.name,
        detector=manifest.release.instrument,
    )


def _describe_cone(stream: etree._Element, manifest: Manifest, where: Circumstances) -> None:
    """Add the metadata of the cone search, and where it is published."""
    release = manifest.release
    add_meta(stream, "title", _marked(release.title, where))
    add_meta(stream, "shortName", release.short_name or release.name)
    query = add_meta(stream, "testQuery", None)
    seen = manifest.observation
    ra, dec = seen.centre_ra_deg, seen.centre_dec_deg
    if where.example is not None:
        ra, dec = where.example.ra, where.example.dec
    for name, value in (("ra", f"{ra:.2f}"), ("dec", f"{dec:.2f}"), ("sr", "1")):
        add_meta(query, name, value)
    _open_service(stream, manifest, where, "scs.xml")


def _add_limits(stream: etree._Element, manifest: Manifest, where: Circumstances) -> None:
    """Add the services of limits, if the release has real data and what they need."""
    if (responses := _files_of_limits(manifest, where)) is None:
        return
    etree.SubElement(stream, "FEED", source="km3net/limits#tables")
    for name, (title, description) in _LIMITS.items():
        service = etree.SubElement(stream, "service", id=name, allowed="form,api")
        add_meta(service, "title", f"{title}: {manifest.release.title}")
        add_meta(service, "shortName", f"{manifest.name} {name}")
        add_meta(service, "description", description)
        _open_service(service, manifest, where, "api")
        etree.SubElement(service, "FEED", responses, source=f"km3net/limits#{name}")


def _files_of_limits(manifest: Manifest, where: Circumstances) -> dict[str, str] | None:
    """Return the files that the services of limits need, or None without these services."""
    found = {
        name: one.name
        for name, (response, form) in _NEEDED.items()
        for one in manifest.responses
        if one.response == response
        and (one.format == form or (one.format is None and one.name.endswith(".txt")))
    }
    return found if found.keys() == _NEEDED.keys() and not where.simulated else None


def _open_service(
    stream: etree._Element, manifest: Manifest, where: Circumstances, protocol: str
) -> None:
    """Say who may use a service, and where it is published."""
    if not manifest.is_public_today():
        etree.SubElement(stream, "limitTo").text = GROUP
    for render, sets in _publications(manifest, where, protocol):
        etree.SubElement(stream, "publish", render=render, sets=sets)


def _publications(manifest: Manifest, where: Circumstances, protocol: str) -> list[tuple[str, str]]:
    """Return the renderers and sets of a service that are published."""
    match _audience(manifest, where):
        case "registries":
            return [(protocol, "ivo_managed"), ("form", "local,ivo_managed")]
        case "visitors":
            return [("form", "local")]
        case "nobody":
            return []


def _audience(
    manifest: Manifest, where: Circumstances
) -> Literal["registries", "visitors", "nobody"]:
    """Return who gets to know of the release."""
    if not manifest.is_public_today() and not manifest.release.metadata_public:
        return "nobody"
    if where.simulated or manifest.release.kind == "test":
        return "nobody" if where.known_to_registries else "visitors"
    return "registries"


def _add_test(stream: etree._Element, manifest: Manifest, where: Circumstances) -> None:
    """Add a test of the cone search, which ``dachs test`` runs."""
    if where.example is None:
        return
    title, code = (
        "The cone search finds an event",
        f"self.assertTrue({where.example.event_id!r} in"
        " [str(value) for row in self.getVOTableRows() for value in row.values()])",
    )
    if (protection := _protection(manifest)) is not None:
        title = "The cone search is closed"
        code = f"self.assertHTTPStatus({401 if protection == 'data' else 404})"
    suite = etree.SubElement(stream, "regSuite", title=_escaped(manifest.release.title))
    test = etree.SubElement(suite, "regTest", title=title)
    url = etree.SubElement(
        test,
        "url",
        RA=f"{where.example.ra:.2f}",
        DEC=f"{where.example.dec:.2f}",
        SR="1",
        responseformat="votabletd",
    )
    url.text = "cone/scs.xml"
    etree.SubElement(test, "code").text = code


def _protect(parent: etree._Element, manifest: Manifest) -> None:
    """Say in a descriptor what is protected; ``site/dachs/patches/protected.py`` obeys it."""
    if (protection := _protection(manifest)) is not None:
        _property(parent, "protected", protection)


def _protection(manifest: Manifest) -> Literal["data", "everything"] | None:
    """Return what only members may see now."""
    if manifest.is_public_today():
        return None
    return "data" if manifest.release.metadata_public else "everything"


def _facts(manifest: Manifest, where: Circumstances) -> bytes:
    """Return what ObsCore says of a release's products besides what they say themselves."""
    protected = _protection(manifest) is not None
    facts: Mapping[str, object] = {
        "title": manifest.release.title,
        "collection": manifest.observation.collection,
        "reference": f"doi:{manifest.release.doi}" if manifest.release.doi else None,
        "detector": manifest.release.detector,
        "created": manifest.release.created.isoformat(),
        "kind": manifest.release.kind,
        "simulated": where.simulated,
        "responses": response_facts(manifest),
        "tables": table_facts(manifest.tables),
        "alert": manifest.publication.alert,
        "limits": _files_of_limits(manifest, where),
        "supersedes": manifest.release.supersedes,
        "superseded_by": where.superseded_by,
        "repeats": where.repeats,
        "coverage": coverage_of(manifest),
        "protected": protected,
        "hidden": _protection(manifest) == "everything",
        "owner": GROUP if protected else None,
        "embargo": (manifest.release.embargo_until or date.max).isoformat() if protected else None,
    }
    return json.dumps(facts, indent=1, ensure_ascii=False).encode()


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


def _stream(root: etree._Element, name: str) -> etree._Element:
    return etree.SubElement(root, "STREAM", id=name)


def serialized(root: etree._Element) -> bytes:
    """Return the content of a descriptor."""
    text: bytes = etree.tostring(root, encoding="utf-8", xml_declaration=True, pretty_print=True)
    return text


def add_meta(
    parent: etree._Element, name: str, text: str | None, **attributes: str
) -> etree._Element:
    """Add an item of metadata with a text in which DaCHS finds no macros; return it."""
    element = etree.SubElement(parent, "meta", name=name, **attributes)
    element.text = None if text is None else _escaped(text)
    return element


def _property(parent: etree._Element, name: str, text: str) -> None:
    etree.SubElement(parent, "property", name=name).text = text


def _relate(stream: etree._Element, relation: str, release: str) -> None:
    """Add a relation to another release, as VOResource has it."""
    element = add_meta(stream, relation, release)
    etree.SubElement(element, "meta", name="ivoId").text = f"ivo://{_AUTHORITY}/{release}/nu/cone"


def _marked(text: str, where: Circumstances) -> str:
    return f"{text} {SIMULATED_WARNING}" if where.simulated else text


def _escaped(text: str) -> str:
    r"""Return a text in which DaCHS finds no macros.

    It replaces ``\\`` by ``\`` twice: when it reads a stream, and when it shows the text.
    """
    return text.replace("\\", "\\" * 4)
