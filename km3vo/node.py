"""A node of the Virtual Observatory with neutrino events, as an astronomer uses it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from astropy.table import QTable

from km3vo import adql, products, services
from km3vo.analysis import Sample
from km3vo.errors import BadRequestError
from km3vo.selection import Selection
from km3vo.tap import Session, Tap

if TYPE_CHECKING:
    from gammapy.data import EventList

_LOCAL: Final = ("localhost", "127.0.0.1", "::1")
_ALERT: Final = (
    *("alert_id", "stream", "event_name", "notice_type", "revision", "event_mjd", "ra", "dec"),
    *("pos_err", "pos_err_cl", "far", "energy", "signalness", "topology", "retracted"),
    *("ivorn", "notice_id"),
)
"""The columns of alerts that most users need."""


class Node:
    """Neutrino events, alerts and limits from a node of the Virtual Observatory.

    Each method sends one or a few queries and returns tables of astropy with units. What is to be
    cited is in their ``meta``, as ``reference``, ``bibcodes`` and ``how_to_cite``.

    Parameters
    ----------
    url : str
        The address of the node, such as ``http://localhost:8080`` after ``make demo``.
    timeout : float, optional
        How long to wait for an answer, in seconds.
    token : str, optional
        An access token of the collaboration's identity provider, for what is not public yet. It is
        sent to this node only, by https.

    Raises
    ------
    BadRequestError
        If the address is not one of the web, or a token would be sent without encryption.

    Examples
    --------
    >>> from km3vo import Node
    >>> node = Node("http://localhost:8080")
    >>> print(node.releases()["release", "detector", "n_events"])
     release  detector n_events
    --------- -------- --------
     ant20_01  ANTARES     8754
    evts20_01    ORCA4     2498
    evts21_01    ORCA6     2495
    evts23_01   ARCA21        1
    """

    def __init__(self, url: str, timeout: float = 120.0, token: str | None = None) -> None:
        if not isinstance(url, str) or not url.startswith(("http://", "https://")):
            raise BadRequestError(f"{url!r} is not the address of a node: https://…")
        self.url = url.rstrip("/")
        if token is not None and not (token.isascii() and token.isprintable() and token):
            raise BadRequestError("this is not a token: it has characters that no token has")
        if token and urlsplit(url).scheme != "https" and urlsplit(url).hostname not in _LOCAL:
            raise BadRequestError(f"{url!r} is no place for a token: https://…")
        self._session = Session(timeout, self.url, token)
        self._tap = Tap(self.url, self._session)

    def __repr__(self) -> str:
        return f"Node({self.url!r})"

    def releases(self) -> QTable:
        """Return the samples of events that the node publishes, one row each.

        Returns
        -------
        astropy.table.QTable
            Columns ``release``, ``title``, ``detector``, ``n_events``, ``livetime`` (s), ``t_min``
            and ``t_max`` (MJD, UTC), ``resolution`` (median angular resolution, arcsec) and
            ``reference``.

        Raises
        ------
        NodeError
            If the node does not answer.
        """
        return products.releases(self._tap)

    def events(
        self,
        release: str | None = None,
        near: Any = None,
        radius: Any = None,
        time: Sequence[Any] | None = None,
        energy: Sequence[Any] | None = None,
        columns: str | Sequence[str] | None = None,
    ) -> QTable:
        """Return events of a sample, or of all.

        Parameters
        ----------
        release : str, optional
            The sample, such as ``"ant20_01"``; if missing, the events of all samples with the
            columns that they have in common.
        near : str, astropy.coordinates.SkyCoord or astropy.table.Row, optional
            The name of an object, of an event or of an alert, a position, or a row of what
            :meth:`alerts` returns. Names that the node does not know are looked up by Sesame.
        radius : astropy.units.Quantity or float, optional
            The largest distance from the position; a number is in degrees. If missing, the events
            in the 90 % region of an alert, or within 3 degrees of anything else.
        time : pair of astropy.time.Time, optional
            First and last moment; either may be None.
        energy : pair of astropy.units.Quantity, optional
            Limits of the reconstructed energy; either may be None.
        columns : str or sequence of str, optional
            Names of columns, ``"*"`` for all, or ``"time"`` for an :class:`astropy.time.Time` in
            place of the MJD. If missing, the most useful ones.

        Returns
        -------
        astropy.table.QTable
            The events: nearest first if ``near`` has a position, with the column ``separation``;
            otherwise in the order of time.

        Raises
        ------
        BadRequestError
            If an argument is not valid, or the sample does not exist or has no energies.
        NameResolutionError
            If a name is not known.
        ServiceError
            If the node does not answer.

        Examples
        --------
        >>> from astropy.coordinates import SkyCoord
        >>> print(node.events("ant20_01", near=SkyCoord(43, 35, unit="deg"), radius=2)["id", "ra"])
           id     ra
                 deg
        ------- ----
        ANT3412 43.3
        ANT7402 43.5
        """
        table = "km3net.events" if release is None else f"{adql.name(release, 'the release')}.main"
        asked = Selection(table, self._tap)
        if time is not None:
            asked.between("time", asked.column("time.epoch"), time)
        if energy is not None:
            asked.between("energy", asked.column("phys.energy"), energy)
        if near is not None:
            asked.around(near, radius)
        found = asked.fetch(columns)
        if release is not None:
            found.meta.update(products.reference(release, self._tap))
        return found

    def alerts(
        self,
        near: Any = None,
        radius: Any = None,
        time: Sequence[Any] | None = None,
        stream: str | None = None,
        name: str | None = None,
        latest: bool = True,
        retracted: bool = False,
        columns: str | Sequence[str] | None = _ALERT,
    ) -> QTable:
        """Return alerts of KM3NeT, ANTARES, IceCube and other observatories.

        Parameters
        ----------
        near : str, astropy.coordinates.SkyCoord or astropy.table.Row, optional
            As in :meth:`events`.
        radius : astropy.units.Quantity or float, optional
            The largest distance of the best-fit position; a number is in degrees. If missing, the
            alerts whose 90 % region contains the position.
        time : pair of astropy.time.Time, optional
            First and last moment of the event; either may be None.
        stream : str, optional
            The stream, in which ``*`` stands for anything: ``"icecube*"``.
        name : str, optional
            The name of the event, in which ``*`` stands for anything.
        latest : bool, optional
            Whether to return only the newest notice of each alert. Otherwise all notices, and
            those of tests.
        retracted : bool, optional
            Whether to include retracted alerts.
        columns : str or sequence of str, optional
            As in :meth:`events`; None stands for all but the rarely needed ones.

        Returns
        -------
        astropy.table.QTable
            The alerts: nearest first if ``near`` has a position, with the column ``separation``;
            otherwise in the order of time.

        Raises
        ------
        BadRequestError
            If an argument is not valid.
        NameResolutionError
            If a name is not known.
        ServiceError
            If the node does not answer.

        Examples
        --------
        >>> print(node.alerts(near=SkyCoord(96.2, -7.8, unit="deg"))["event_name", "pos_err"])
         event_name pos_err
                      deg
        ----------- -------
        KM3-230213A     2.2
        """
        asked = Selection("alerts.latest" if latest else "alerts.notices", self._tap)
        if not retracted:
            asked.add("t.retracted = 0")
        if time is not None:
            asked.between("time", "event_mjd", time)
        if stream is not None:
            asked.add(adql.pattern("t.stream", stream))
        if name is not None:
            asked.add(adql.pattern("t.event_name", name))
        if near is not None:
            asked.containing(near, radius)
        return asked.fetch(columns)

    def limit(
        self,
        release: str,
        target: Any,
        index: float | tuple[float, float] = 2.0,
        radius: Any = None,
        confidence: float = 0.9,
    ) -> services.Limits:
        """Return what a sample says about point sources: events, background, limits.

        Parameters
        ----------
        release : str
            The sample, such as ``"ant20_01"``.
        target : str, SkyCoord or astropy.table.Table
            A name or a position, as in :meth:`events`; an array of positions; or a table of
            sources with columns ``ra`` and ``dec``, and optionally ``name``, ``radius`` and
            ``index``, for one row each.
        index : float or pair of float, optional
            The spectral index of the flux, E^-index; for a pair, a row for each index of the
            acceptance's table in this range.
        radius : astropy.units.Quantity or float, optional
            The radius around a source; a number is in degrees. If missing, the best for the index.
        confidence : float, optional
            The confidence level of interval and limit.

        Returns
        -------
        km3vo.services.Limits
            A row per source. The columns have descriptions: ``table["flux_limit"].info``. The
            events around the sources are a table of its own, ``table.events``.

        Raises
        ------
        BadRequestError
            If an argument is not valid; for lists, a row with masked values has a ``remark``.
        NameResolutionError
            If a name is not known.
        ServiceError
            If the node does not answer.
        """
        return services.limit(
            self._tap, adql.name(release, "the release"), target, index, radius, confidence
        )

    def limit_in(
        self,
        release: str,
        region: Any,
        index: float = 2.0,
        confidence: float = 0.9,
        containment: float | None = None,
    ) -> services.Limits:
        """Return what a sample says about a region of the sky, such as that of an alert.

        Parameters
        ----------
        release : str
            The sample, such as ``"ant20_01"``.
        region : mocpy.MOC, str, os.PathLike or astropy.table.Row
            A coverage map, also as text such as ``"6/1234-1236"``; the file of a sky map
            (HEALPix, FITS); the name or identifier of an alert; or a row of what :meth:`alerts`
            returns.
        index, confidence : float, optional
            As in :meth:`limit`.
        containment : float, optional
            The probability that the part of a sky map to be searched contains.

        Returns
        -------
        km3vo.services.Limits
            One row for the region; its events are in ``table.events``, its bands of declination
            in ``table.bands``.

        Raises
        ------
        BadRequestError
            If an argument is not valid.
        NameResolutionError
            If a name is not known.
        ServiceError
            If the node does not answer.
        """
        return services.limit_in(
            self._tap, adql.name(release, "the release"), region, index, confidence, containment
        )

    def event_list(self, release: str) -> EventList:
        """Return the event list of a sample as gammapy reads it.

        Parameters
        ----------
        release : str
            The sample, such as ``"ant20_01"``.

        Returns
        -------
        gammapy.data.EventList
            All events.

        Raises
        ------
        MissingPackageError
            If gammapy is not installed.
        NodeError
            If the sample does not exist, or the node does not answer.
        """
        return products.event_list(adql.name(release, "the release"), self._tap)

    def responses(self, release: str) -> dict[str, Any]:
        """Return the instrument responses of a release as gammapy reads them.

        Parameters
        ----------
        release : str
            The release, such as ``"irf_arca115"``.

        Returns
        -------
        dict of str to gammapy.irf.IRF
            By what they describe, such as ``aeff``; several of a kind by the names of their files
            without ending, such as ``bkg_mu``. The axis THETA of KM3NeT's responses is the zenith
            angle.

        Raises
        ------
        MissingPackageError
            If gammapy is not installed.
        NodeError
            If the release does not exist or has no responses in the form of GADF, or the node
            does not answer.
        """
        return products.responses(adql.name(release, "the release"), self._tap)

    def sample(self, release: str) -> Sample:
        """Return a sample with its responses, for the functions of :mod:`km3vo.analysis`.

        With it, :func:`km3vo.analysis.search` gives the numbers of :meth:`limit` without a server.

        Parameters
        ----------
        release : str
            The sample, such as ``"ant20_01"``.

        Returns
        -------
        km3vo.analysis.Sample
            Its events, acceptance and background.

        Raises
        ------
        NodeError
            If the sample does not exist or has no acceptance or background, or the node does not
            answer.
        """
        return products.sample(adql.name(release, "the release"), self._tap)

    def query(self, adql: str) -> QTable:
        """Return the answer to a query in ADQL.

        Parameters
        ----------
        adql : str
            The query; the tables are those of ``tap_schema.tables``.

        Raises
        ------
        BadRequestError
            If the node refuses the query.
        ServiceError
            If the node does not answer.
        """
        return self._tap.query(adql)
