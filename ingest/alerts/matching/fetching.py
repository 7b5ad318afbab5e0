"""Local copies of catalogues that TAP services have, such as VizieR and Simbad.

Alerts are compared with the copy, so that no service is asked when an alert arrives: none can
delay it, and none learns where an alert that is not public yet comes from.
"""

from __future__ import annotations

import io
import urllib.parse
import warnings

from ingest.alerts.matching.catalogue_settings import CatalogueSettings
from ingest.alerts.matching.catalogues import MAX_SOURCES, read_catalogue
from ingest.core import privileges
from ingest.core.errors import InputError, NoAnswerError
from ingest.core.files import atomic_write
from ingest.core.http import get


def fetch_catalogue(settings: CatalogueSettings) -> int:
    """Renew the copy of a catalogue; return the number of its sources.

    The former copy stays if the service does not answer in time, or not with a valid catalogue.

    Raises
    ------
    NoAnswerError
        If the service cannot be reached, reports an error, or does not return all rows.
    InputError
        If what it returns is not a catalogue with these columns.
    """
    assert settings.tap is not None and settings.query is not None
    asked = urllib.parse.urlencode(
        {
            "REQUEST": "doQuery",
            "LANG": "ADQL",
            "FORMAT": "application/x-votable+xml",
            "MAXREC": MAX_SOURCES,
            "QUERY": settings.query,
        }
    )
    url = f"{settings.tap.rstrip('/')}/sync?{asked}"
    content = get(url, timeout=settings.timeout)
    _check(content, settings)
    path = settings.file
    trial = path.with_name(f".{path.stem}.new.vot")
    with privileges.caller(), privileges.caller_umask():
        try:
            with atomic_write(trial) as stream:
                stream.write(content)
            sources = len(read_catalogue(settings.model_copy(update={"file": trial})).names)
            if not sources:
                raise InputError(
                    "the query finds no sources",
                    file=path,
                    value=settings.query,
                    expected="a catalogue",
                    remedy="correct the query in matches.toml",
                )
            trial.replace(path)
        finally:
            trial.unlink(missing_ok=True)
    return sources


def _check(content: bytes, settings: CatalogueSettings) -> None:
    """Raise an error unless the answer is complete."""
    # imported here because they load slowly
    from astropy.io import votable
    from pyvo.dal import DALServiceError
    from pyvo.dal.exceptions import DALFormatError, DALQueryError
    from pyvo.dal.tap import TAPResults

    assert settings.tap is not None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            results = TAPResults(votable.parse(io.BytesIO(content)), url=settings.tap)
    except (DALQueryError, DALServiceError, DALFormatError) as error:
        raise _refused(settings, str(error)) from None
    except Exception as error:  # astropy's parser raises all kinds of errors
        raise _refused(settings, f"no VOTable: {error}") from None
    if results.query_status == "OVERFLOW":
        raise _refused(settings, "not all rows were returned")


def _refused(settings: CatalogueSettings, reason: str) -> NoAnswerError:
    return NoAnswerError(
        f"the catalogue {settings.name} cannot be fetched",
        file=settings.tap,
        value=" ".join(reason.split())[:300],
        expected="a complete table",
        remedy="correct tap and query in matches.toml, or try again later",
    )
