"""What the manifest and the texts of a release say, in the form that DaCHS reads.

The descriptor of a release declares its structure: columns, indices, services. All else it takes
from the streams of ``about.rd``, which is made here when the release is deployed. So a release
that is simulated, for the collaboration only, or superseded, differs in these streams alone.

``release.json`` is what ``rd/km3net/products.py`` adds to the headers of the products.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal

from lxml import etree

from ingest.events.about_elements import (
    ABOUT,
    add_coverage,
    add_meta,
    add_release,
    coverage_of,
    documented,
    escaped,
    response_facts,
    serialized,
    table_facts,
)
from ingest.events.about_limits import SERVICES_OF_LIMITS, files_of_limits
from ingest.events.delivery import Manifest, Texts, read_texts
from ingest.instance.dachs import FACTS, GROUP, SIMULATED_WARNING, schema_of

_AUTHORITY: Final = r"\getConfig{ivoa}{authority}"


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
    periods : tuple of str
        The tables of its periods, if it has any, without their schema.
    """

    simulated: bool = False
    known_to_registries: bool = False
    superseded_by: str | None = None
    example: Example | None = None
    repeats: tuple[str, ...] = ()
    periods: tuple[str, ...] = ()


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
    _describe_origin(_stream(root, "origin-columns"), manifest, where)
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
    add_release(stream, release)
    if release.bibcode is not None:
        add_meta(stream, "source", release.bibcode)
    for doi in dict.fromkeys((release.data_doi, release.doi)):
        if doi is not None:
            add_meta(stream, "doi", doi)
    if release.supersedes is not None:
        _relate(stream, "isNewVersionOf", release.supersedes)
    if where.superseded_by is not None:
        _relate(stream, "isPreviousVersionOf", where.superseded_by)
    add_meta(stream, "_longdoc", _documentation(manifest, texts, where), format="rst")
    etree.SubElement(stream, "FEED", source="km3net/common#metadata")
    add_coverage(stream, manifest)


def _documentation(manifest: Manifest, texts: Texts, where: Circumstances) -> str:
    """Return the documentation, with what the reader should know first and what was corrected."""
    parts = [SIMULATED_WARNING] if where.simulated else []
    if where.superseded_by is not None:
        parts.append(
            f"**This release has been replaced by** `{where.superseded_by}"
            f" </{where.superseded_by}/nu/cone/info>`__."
        )
    return documented(*parts, texts.documentation, revisions=manifest.release.revisions)


def _describe_table(stream: etree._Element, manifest: Manifest, where: Circumstances) -> None:
    _open_to_queries(stream, manifest)
    add_meta(stream, "title", _marked(manifest.release.title, where))
    add_meta(stream, "description", _marked(read_texts(manifest).description, where))
    if where.superseded_by is not None:
        _property(stream, "superseded_by", where.superseded_by)
    if where.periods:
        schema = schema_of(manifest.name)
        _property(stream, "periods", " ".join(f"{schema}.{table}" for table in where.periods))


def _open_to_queries(stream: etree._Element, manifest: Manifest) -> None:
    """Let everyone query a table, if the release is public; further tables need no more."""
    if manifest.is_public_today():
        etree.SubElement(stream, "adql").text = "True"


def _describe_origin(stream: etree._Element, manifest: Manifest, where: Circumstances) -> None:
    etree.SubElement(
        stream,
        "FEED",
        source="km3net/common#origin-columns",
        release=manifest.name,
        detector=manifest.release.instrument,
    )
    etree.SubElement(stream, "FEED", source="km3net/common#circle-index")
    if where.periods:
        # not expanded before it is in the table, whose columns this needs
        stream.tag = "NXSTREAM"
        etree.SubElement(stream, "LFEED", source="km3net/common#periods")


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
    if (responses := files_of_limits(manifest, where.simulated)) is None:
        return
    etree.SubElement(stream, "FEED", source="km3net/limits#tables")
    for name, (title, description) in SERVICES_OF_LIMITS.items():
        service = etree.SubElement(stream, "service", id=name, allowed="form,api")
        add_meta(service, "title", f"{title}: {manifest.release.title}")
        add_meta(service, "shortName", f"{manifest.name} {name}")
        add_meta(service, "description", description)
        _open_service(service, manifest, where, "api")
        etree.SubElement(service, "FEED", responses, source=f"km3net/limits#{name}")


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
    suite = etree.SubElement(stream, "regSuite", title=escaped(manifest.release.title))
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
        "limits": files_of_limits(manifest, where.simulated),
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


def _stream(root: etree._Element, name: str) -> etree._Element:
    return etree.SubElement(root, "STREAM", id=name)


def _property(parent: etree._Element, name: str, text: str) -> None:
    etree.SubElement(parent, "property", name=name).text = text


def _relate(stream: etree._Element, relation: str, release: str) -> None:
    """Add a relation to another release, as VOResource has it."""
    element = add_meta(stream, relation, release)
    etree.SubElement(element, "meta", name="ivoId").text = f"ivo://{_AUTHORITY}/{release}/nu/cone"


def _marked(text: str, where: Circumstances) -> str:
    return f"{text} {SIMULATED_WARNING}" if where.simulated else text
