"""What a node has of a release besides its table: files, responses, whom to cite."""

from __future__ import annotations

import importlib
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode, urlsplit

import numpy as np
import requests
from astropy.table import QTable
from pyvo.dal import DALAccessError
from pyvo.dal.adhoc import DatalinkResults

from km3vo import adql
from km3vo.analysis import Acceptance, Polynomial, Sample
from km3vo.errors import BadRequestError, MissingPackageError, ServiceError, unanswered
from km3vo.tap import Tap, find

if TYPE_CHECKING:
    from gammapy.data import EventList

_LINKS: Final = "/km3net/nu/dl/dlmeta"
_GADF: Final = ".gadf.fits"
_NOT_LISTS: Final = "product_type NOT IN ('response-function', 'hea-event-bundle', 'measurements')"
"""What an event list is called differs between nodes, and will change."""


def releases(tap: Tap) -> QTable:
    """Return the samples, see :meth:`km3vo.Node.releases`."""
    return tap.query(
        "SELECT release, MIN(title) AS title, MIN(instrument) AS detector,"
        " SUM(ev_xel) AS n_events, SUM(livetime) AS livetime,"
        " MIN(t_min) AS t_min, MAX(t_max) AS t_max, MAX(s_resolution) AS resolution,"
        " MIN(reference) AS reference"
        f" FROM km3net.observations WHERE {_NOT_LISTS} GROUP BY release ORDER BY release"
    )


def reference(release: str, tap: Tap) -> dict[str, str]:
    """Return the name of a release and the publication to cite; the node is asked once."""
    if release not in tap.references:
        found = _observations(release, tap)["reference"]
        tap.references[release] = sorted({str(o) for o in found if o is not np.ma.masked and o})
    given = "; ".join(tap.references[release])
    return {"release": release} | ({"reference": given} if given else {})


def event_list(release: str, tap: Tap) -> EventList:
    """Return the event list, see :meth:`km3vo.Node.event_list`."""
    gammapy = _gammapy("data")
    with _file(_download(_event_list(release, tap), tap)) as path:
        read: EventList = gammapy.EventList.read(path)
        return read


def responses(release: str, tap: Tap) -> dict[str, Any]:
    """Return the responses, see :meth:`km3vo.Node.responses`."""
    gammapy = _gammapy("irf")
    # not the files as delivered, which may differ from the standard
    files = [(kind, url) for kind, url in _responses(release, tap) if url.endswith(_GADF)]
    if not files:
        raise BadRequestError(f"{release} has no instrument responses for gammapy", tap.url)
    kinds = Counter(kind for kind, _ in files)
    found = {}
    for kind, url in files:
        file = PurePosixPath(urlsplit(url).path).name.removesuffix(_GADF)
        with _file(_download(url, tap)) as path:
            (read,) = gammapy.load_irf_dict_from_file(path).values()
        found[kind if kinds[kind] == 1 else file] = read
    return found


def sample(release: str, tap: Tap) -> Sample:
    """Return a sample with its responses, see :meth:`km3vo.Node.sample`."""
    known = tap.columns(f"{release}.main")
    meanings = {
        "event_id": "meta.id;meta.main",
        "ra": "pos.eq.ra;meta.main",
        "dec": "pos.eq.dec;meta.main",
        "ang_err": "stat.error;pos",
        "mjd": "time.epoch",
    }
    texts = {
        qualifier: _download(url, tap).decode()
        for qualifier, url in _responses(release, tap)
        if urlsplit(url).path.endswith(".txt")
    }
    if not {"aeff", "bkgrate"} <= texts.keys():
        raise BadRequestError(f"{release} has no acceptance or no background in text form", tap.url)
    names = {key: find(known, ucd) for key, ucd in meanings.items()}
    rows = tap.query(
        f"SELECT {', '.join(f't.{name} AS {key}' for key, name in names.items())}"
        f" FROM {release}.main AS t ORDER BY {names['event_id']}"
    )
    arrays = {key: np.asarray(getattr(rows[key], "value", rows[key])) for key in names}
    resolution = _observations(release, tap)["s_resolution"][0].to_value("deg")
    return Sample(
        release=release,
        polynomial=Polynomial.from_text(texts["bkgrate"]),
        acceptance=Acceptance.from_text(texts["aeff"]),
        resolution=float(resolution),
        **arrays,
    )


def _observations(release: str, tap: Tap) -> QTable:
    return tap.query(
        "SELECT obs_publisher_did, product_subtype, s_resolution, reference"
        f" FROM km3net.observations WHERE release = {adql.text(release)} AND {_NOT_LISTS}"
        " ORDER BY obs_publisher_did"
    )


def _event_list(release: str, tap: Tap) -> str:
    """Return the address of the event list of a release."""
    found = [str(one) for one in _observations(release, tap)["obs_publisher_did"]]
    if not found:
        raise BadRequestError(f"the node has no sample {release}", tap.url)
    urls = _this(found, tap)
    if len(urls) > 1:
        raise BadRequestError(f"{release} has {len(urls)} event lists: {', '.join(urls)}", tap.url)
    return urls[0]


def _responses(release: str, tap: Tap) -> Iterator[tuple[str, str]]:
    """Yield what each response of a release describes, such as ``aeff``, and its address."""
    rows = tap.query(
        "SELECT obs_publisher_did, product_subtype FROM km3net.observations"
        f" WHERE release = {adql.text(release)} AND product_type = 'response-function'"
        " ORDER BY obs_publisher_did"
    )
    if len(rows):
        urls = _this([str(one) for one in rows["obs_publisher_did"]], tap)
        yield from zip(map(str, rows["product_subtype"]), urls, strict=True)


def _this(identifiers: list[str], tap: Tap) -> list[str]:
    """Return the addresses of products, from their DataLinks, in the same order."""
    url = f"{tap.url}{_LINKS}?{urlencode([('ID', one) for one in identifiers])}"
    try:
        links = DatalinkResults.from_result_url(url, session=tap.session)
        # not links.bysemantics, which downloads a vocabulary
        found = {str(one.id): str(one.access_url) for one in links if one.semantics == "#this"}
    except (DALAccessError, requests.RequestException) as error:
        raise unanswered(error, url) from error
    if missing := [one for one in identifiers if one not in found]:
        raise ServiceError(f"no link to {', '.join(missing)}", url)
    return [found[one] for one in identifiers]


def _download(url: str, tap: Tap) -> bytes:
    try:
        reply = tap.session.get(url)
        reply.raise_for_status()
    except requests.RequestException as error:
        raise unanswered(error, url) from error
    return reply.content


def _gammapy(module: str) -> Any:
    """Return a module of gammapy, which only some users need."""
    try:
        return importlib.import_module(f"gammapy.{module}")
    except ModuleNotFoundError as error:
        raise MissingPackageError(
            f"this needs gammapy ({error.name} is not installed): pip install 'gammapy>=2.1'"
        ) from None


@contextmanager
def _file(content: bytes) -> Iterator[str]:
    """Write a FITS file that exists until the block ends."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "product.fits"
        path.write_bytes(content)
        yield str(path)
