"""What a release's web pages say for search engines and for those who cite it.

The pages include a file of the release with its description for search engines (DaCHS' page of its
cone search by the stream ``structured-data`` of ``rd/km3net/common.rd``), and show the documents in
the directory ``documents`` beside it. All are made from the registry record, so the server must be
running.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from ingest.core.errors import IngestError
from ingest.core.files import atomic_write
from ingest.events.delivery import load_manifest
from ingest.instance import Layout, lifecycle
from ingest.instance.dachs import is_simulated, online_releases
from ingest.publish.documents.bibtex import to_sentence
from ingest.publish.documents.formats import DOCUMENTS
from ingest.publish.documents.jsonld import to_croissant, to_script
from ingest.publish.documents.record import ReleaseRecord
from ingest.publish.documents.serving import table_hash
from ingest.publish.documents.voresource import read_record

FILE = "structured-data.json"
FOLDER = "documents"
SENTENCE = "citation.txt"
_TARGETS = ("bibtex", "citation", "datacite")
"""The documents that people who use the data need; see :data:`~.formats.DOCUMENTS`."""


def refresh_web_pages(layout: Layout) -> list[str]:
    """Write the descriptions of all releases that are online; return the problems.

    Only what is in the registry is described: search engines must not find stand-ins, tests and
    what is not public. A problem does not prevent the server from starting; the page of that
    release has no description then.
    """
    if not lifecycle.status(layout).is_up:
        return []
    problems = []
    for name in online_releases(layout):
        path = layout.inputs / name / "data" / FILE
        try:
            manifest = load_manifest(name)
            described = manifest.is_registered() and manifest.is_public_today()
            if is_simulated(layout, name) or not described:
                _forget(path)
                continue
            record = read_record(name, layout)
            text = to_script(to_croissant(record, table_hash(record, layout)))
            documents = _documents(record)
        except (IngestError, OSError) as reason:
            _forget(path)
            problems.append(
                f"the web page of {name} has no description for search engines: {reason}"
            )
            continue
        folder = layout.account.create_directory(path.with_name(FOLDER))
        for old in set(folder.iterdir()) - {folder / file for file in documents}:
            old.unlink()
        _write(path, text, layout)
        for file, content in documents.items():
            _write(folder / file, content, layout)
    return problems


def _documents(record: ReleaseRecord) -> dict[str, str]:
    """Return the texts of the documents by their file names."""
    # DataCite describes what has a DOI
    targets = [one for one in _TARGETS if record.doi or one != "datacite"]
    texts = {form.file: form.text(record) for one in targets for form in DOCUMENTS[one]}
    return {SENTENCE: f"{to_sentence(record)}\n", **texts}


def _write(path: Path, text: str, layout: Layout) -> None:
    with atomic_write(path) as stream:
        stream.write(text.encode())
    path.chmod(0o600)
    layout.account.chown(path)


def _forget(path: Path) -> None:
    path.unlink(missing_ok=True)
    shutil.rmtree(path.with_name(FOLDER), ignore_errors=True)
