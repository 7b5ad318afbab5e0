"""Queries of a node's TAP service, and its answers as tables."""

from __future__ import annotations

from typing import Any

import numpy as np
import requests
from astropy import units
from astropy.table import Column, MaskedColumn, QTable
from astropy.time import Time
from astropy.utils.masked import Masked
from pyvo.dal import DALAccessError, DALQueryError, DALResults, TAPService
from pyvo.utils.http import create_session

from km3vo import adql
from km3vo.errors import BadRequestError, unanswered

PATH = "/__system__/tap/run/tap"
_MOST = 1_000_000
"""The largest number of rows that is asked for; if there are more, pyvo issues a warning."""
_GEOMETRIES = ("adql:REGION", "moc", "adql:POINT", "circle", "polygon")


class Session(requests.Session):
    """A connection in which each request has a time limit.

    Parameters
    ----------
    timeout : float
        The time limit in seconds, between two packets from the server.
    url : str
        The node's address.
    token : str, optional
        The token with which to log in there, and nowhere else.
    """

    def __init__(self, timeout: float, url: str = "", token: str | None = None) -> None:
        super().__init__()
        self.headers.update(create_session().headers)
        self.timeout = timeout
        self._node, self._token = f"{url}/", token

    def request(  # type: ignore[override]
        self, method: str, url: str, *arguments: Any, **more: Any
    ) -> requests.Response:
        """Send a request, see :class:`requests.Session`."""
        if more.get("timeout") is None:
            more["timeout"] = self.timeout
        if self._token and url.startswith(self._node):
            more["auth"] = self._log_in
        return super().request(method, url, *arguments, **more)

    def _log_in(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class Tap:
    """The TAP service of a node.

    Parameters
    ----------
    url : str
        The node's address.
    session : Session
        The connection.

    Attributes
    ----------
    references : dict
        Publications to cite, by releases that were asked for.
    """

    def __init__(self, url: str, session: Session) -> None:
        self.url = url
        self.session = session
        self.service = TAPService(url + PATH, session=session)
        self.references: dict[str, list[str]] = {}
        self._columns: dict[str, dict[str, Described]] = {}

    def query(self, query: str) -> QTable:
        """Send a query and return its answer.

        Raises
        ------
        BadRequestError
            If the node refuses the query.
        ServiceError
            If the node does not answer.
        """
        try:
            answer = self.service.run_sync(query, maxrec=_MOST)
        except DALQueryError as error:
            raise BadRequestError(str(error), self.service.baseurl) from error
        except (DALAccessError, requests.RequestException) as error:
            raise unanswered(error, self.service.baseurl) from error
        table = as_table(answer)
        table.meta["query"] = query
        table.meta["node"] = self.url
        return table

    def columns(self, table: str) -> dict[str, Described]:
        """Return the columns of a table by their names, in order; none if it does not exist."""
        if table not in self._columns:
            rows = self.query(
                "SELECT column_name, ucd, xtype, principal FROM tap_schema.columns"
                f" WHERE table_name = {adql.text(table)} ORDER BY column_index"
            )
            self._columns[table] = {
                str(row["column_name"]): Described(
                    str(row["ucd"] or ""), bool(row["principal"]), str(row["xtype"] or "")
                )
                for row in rows
            }
        return self._columns[table]


class Described:
    """What is known about a column.

    Parameters
    ----------
    ucd : str
        Its meaning, as a unified content descriptor.
    principal : bool
        Whether it is one that most users need.
    xtype : str
        Its extended type, such as ``moc``.
    """

    def __init__(self, ucd: str, principal: bool, xtype: str) -> None:
        self.ucd = ucd
        self.principal = principal
        self.is_geometry = xtype in _GEOMETRIES or ucd == "pos.outline"


def find(columns: dict[str, Described], ucd: str) -> str | None:
    """Return the name of the first column with a UCD, or None."""
    return next((name for name, one in columns.items() if one.ucd == ucd), None)


def as_table(answer: DALResults) -> QTable:
    """Return the table of an answer, with units, texts as ``str``, and who is to be cited."""
    table = tidy(answer.to_qtable())
    table.meta = _cited(answer)
    return table


def tidy(table: QTable) -> QTable:
    """Return a table from a VOTable as users expect it.

    Texts are ``str``, since FITS files cannot contain objects, and only columns in which values
    are missing are masked.
    """
    for name in table.colnames:
        column = table[name]
        if np.any(getattr(column, "mask", False)):
            continue
        described, meta = column.info.description, column.info.meta
        if isinstance(column, Masked):
            column = column.unmasked
        elif isinstance(column, MaskedColumn):
            column = Column(column.data.data)
        if column.dtype.kind == "O":
            column = column.astype(str)
        table.replace_column(name, column)
        table[name].info.description, table[name].info.meta = described, meta
    return table


def add_time(table: QTable, column: str) -> None:
    """Add the column ``time``, an :class:`astropy.time.Time`, after a column of MJD in UTC."""
    time = Time(table[column].to_value(units.d), format="mjd", scale="utc")
    time.format = "isot"
    time.info.description = table[column].info.description
    table.add_column(time, name="time", index=table.colnames.index(column) + 1)


def _cited(answer: DALResults) -> dict[str, Any]:
    """Return the publications, licence and page on citing that an answer names."""
    found: dict[str, Any] = {}
    for info in _infos(answer):
        # "publication_id" in version 1.2 of the IVOA's note on the origin of data
        if info.name in ("citation", "publication_id") and info.ucd == "meta.bib.bibcode":
            found.setdefault("bibcodes", []).append(str(info.value))
        elif info.name == "citation":
            found["how_to_cite"] = str(info.value)
        elif info.name == "copyright":
            found["rights"] = " ".join(str(info.content or "").split())
        elif info.name == "rights":  # since DaCHS 2.11, which explains it in the content
            found["rights"] = " ".join(str(info.value).split())
    return found


def _infos(answer: DALResults) -> list[Any]:
    return [info for resource in answer.votable.resources for info in resource.infos]
