"""The description for search engines in a release's web page.

DaCHS includes a file of the release in its page (the stream ``structured-data`` of
``rd/km3net/common.rd``). The file is made from the registry record, so the server must be running.
"""

from __future__ import annotations

from ingest.core.errors import IngestError
from ingest.core.files import atomic_write
from ingest.events.delivery import load_manifest
from ingest.instance import Layout, lifecycle
from ingest.instance.dachs import is_simulated, online_releases
from ingest.publish.documents.jsonld import to_croissant, to_script
from ingest.publish.documents.serving import table_hash
from ingest.publish.documents.voresource import read_record

FILE = "structured-data.json"


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
                path.unlink(missing_ok=True)
                continue
            record = read_record(name, layout)
            text = to_script(to_croissant(record, table_hash(record, layout)))
        except (IngestError, OSError) as reason:
            path.unlink(missing_ok=True)
            problems.append(
                f"the web page of {name} has no description for search engines: {reason}"
            )
            continue
        with atomic_write(path) as stream:
            stream.write(text.encode())
        path.chmod(0o600)
        layout.account.chown(path)
    return problems
