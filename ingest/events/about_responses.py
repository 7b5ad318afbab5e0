"""What the manifest and the texts of a release of responses say, in the form that DaCHS reads.

Its descriptor takes all from the streams of ``about.rd``, as that of a sample does, see
:mod:`ingest.events.about`. ``responses.json`` is what ``rd/km3net/products.py`` makes rows of
ObsCore from, since no product has headers that say it.
"""

from __future__ import annotations

import json

from lxml import etree

from ingest.events.about_elements import (
    ABOUT,
    add_coverage,
    add_meta,
    add_release,
    coverage_of,
    documented,
    response_facts,
    serialized,
    table_facts,
)
from ingest.events.delivery import LICENCES, ResponsesManifest, read_texts
from ingest.events.sky import detector
from ingest.instance.dachs import RESPONSES_FACTS


def about_responses(manifest: ResponsesManifest) -> dict[str, bytes]:
    """Return the files that describe a release of responses: their names and contents.

    Raises
    ------
    ingest.core.errors.ManifestError
        If the texts of the release are missing or have blanks.
    """
    root = etree.Element("resource", schema=manifest.name, resdir=".")
    _describe(etree.SubElement(root, "STREAM", id="metadata"), manifest)
    _describe_service(etree.SubElement(root, "STREAM", id="service"), manifest)
    sets = "local" if manifest.release.kind == "test" else "local,ivo_managed"
    publication = etree.SubElement(root, "STREAM", id="publication")
    etree.SubElement(publication, "publish", render="form", sets=sets)
    return {ABOUT: serialized(root), RESPONSES_FACTS: _facts(manifest)}


def _describe(stream: etree._Element, manifest: ResponsesManifest) -> None:
    """Add the metadata of the resource."""
    release, texts = manifest.release, read_texts(manifest)
    add_meta(stream, "title", release.title)
    add_meta(stream, "description", texts.description)
    add_release(stream, release)
    if release.doi is not None:
        add_meta(stream, "doi", release.doi)
    documentation = documented(texts.documentation, revisions=release.revisions)
    add_meta(stream, "_longdoc", documentation, format="rst")
    etree.SubElement(stream, "FEED", source="km3net/common#subjects")
    add_meta(
        stream,
        "rights",
        f"The files are available under the {LICENCES[release.licence]}. Please acknowledge their"
        " source and cite the accompanying publication.",
    )
    add_meta(stream, "rights.rightsURI", f"https://spdx.org/licenses/{release.licence}.html")
    add_coverage(stream, manifest)


def _describe_service(stream: etree._Element, manifest: ResponsesManifest) -> None:
    release = manifest.release
    add_meta(stream, "title", release.title)
    add_meta(stream, "shortName", release.short_name or release.name)


def _facts(manifest: ResponsesManifest) -> bytes:
    """Return what ObsCore says of the responses."""
    release = manifest.release
    facts = {
        "title": release.title,
        "reference": f"doi:{release.doi}" if release.doi else None,
        "created": release.created.isoformat(),
        "facility": detector(release.detector).facility,
        "instrument": release.instrument,
        "validity": [release.start_mjd, release.stop_mjd],
        "latitude_deg": detector(release.detector).latitude,
        "observation": manifest.observation.model_dump(mode="json"),
        "responses": response_facts(manifest),
        "tables": table_facts(manifest.tables),
        "coverage": coverage_of(manifest),
        "page": "responses/info",
    }
    return json.dumps(facts, indent=1, ensure_ascii=False).encode()
