"""Small VOEvents in the form of streams of which no real packets are delivered."""

from __future__ import annotations

from xml.sax.saxutils import escape, quoteattr

NAMESPACE = "http://www.ivoa.net/xml/VOEvent/v2.0"


def param(name: str, value: str | None, **attributes: str) -> str:
    """Return a Param; `description` becomes its Description."""
    description = attributes.pop("description", None)
    if value is not None:
        attributes["value"] = value
    written = "".join(f" {key}={quoteattr(text)}" for key, text in attributes.items())
    inside = "" if description is None else f"<Description>{escape(description)}</Description>"
    return f"<Param name={quoteattr(name)}{written}>{inside}</Param>"


def group(name: str, *params: str) -> str:
    return f"<Group name={quoteattr(name)}>{''.join(params)}</Group>"


def where_when(
    time: str | None = "2020-01-02T03:04:05",
    ra: str | None = "150.5",
    dec: str | None = "-20.25",
    radius: str | None = "1.5",
    system: str | None = "UTC-FK5-GEO",
    unit: str = "deg",
    more: str = "",
    description: str = "source_object",
) -> str:
    names = "" if system is None else f' coord_system_id="{system}"'
    position = ""
    if ra is not None or dec is not None:
        error = "" if radius is None else f"<Error2Radius>{radius}</Error2Radius>"
        position = (
            f'<Position2D unit="{unit}"><Name1>RA</Name1><Name2>Dec</Name2><Value2>'
            f"<C1>{ra}</C1><C2>{dec}</C2></Value2>{error}{more}</Position2D>"
        )
    when = "" if time is None else f"<TimeInstant><ISOTime>{time}</ISOTime></TimeInstant>"
    return (
        "<WhereWhen><ObsDataLocation>"
        '<ObservatoryLocation><AstroCoordSystem id="UTC-GEOD-TOPO"/>'
        '<AstroCoords coord_system_id="UTC-GEOD-TOPO"><Time><TimeInstant>'
        "<ISOTime>1999-01-01T00:00:00</ISOTime></TimeInstant></Time>"
        '<Position2D unit="deg"><Value2><C1>15.9</C1><C2>36.3</C2></Value2></Position2D>'
        "</AstroCoords></ObservatoryLocation>"
        f"<ObservationLocation><AstroCoords{names}><Time>{when}</Time>{position}</AstroCoords>"
        "</ObservationLocation></ObsDataLocation>"
        f"<Description>The RA,Dec coordinates are of the type: {description}.</Description>"
        "</WhereWhen>"
    )


def voevent(
    *what: str,
    ivorn: str = "ivo://example.org/stream#1",
    role: str = "observation",
    version: str = "2.0",
    where: str | None = None,
    citations: tuple[tuple[str, str], ...] = (),
    rest: str = "",
    namespace: str | None = NAMESPACE,
    prefix: str = "voe",
) -> bytes:
    """Return a packet; without a namespace it has no prefix either."""
    tag = "VOEvent" if namespace is None or not prefix else f"{prefix}:VOEvent"
    binding = f"xmlns:{prefix}" if prefix else "xmlns"
    declared = "" if namespace is None else f' {binding}="{namespace}"'
    cited = "".join(f'<EventIVORN cite="{kind}">{of}</EventIVORN>' for kind, of in citations)
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<{tag}{declared} ivorn={quoteattr(ivorn)}'
        f' role="{role}" version="{version}"><Who><Date>2020-01-02T03:05:00</Date></Who>'
        f"<What>{''.join(what)}</What>{where_when() if where is None else where}"
        f"{f'<Citations>{cited}</Citations>' if cited else ''}{rest}</{tag}>"
    ).encode()


def icecube(kind: str = "GOLD", rev: int = 0, **flags: str) -> bytes:
    """Return a track alert in the manner of GCN's AMON stream; `flags` are those of Trigger_ID."""
    return voevent(
        param("Packet_Type", "173" if kind == "GOLD" else "174"),
        param("Pkt_Ser_Num", "9"),
        param("AMON_ID", "13700012345678", ucd="meta.id"),
        param("run_id", "137000"),
        param("event_id", "12345678"),
        param("Rev", str(rev)),
        param("signalness", "0.5", ucd="stat.probability"),
        param("FAR", "2.0", unit="yr^-1"),
        param("energy", "150.5", unit="TeV"),
        param("src_error_90", "1.5", unit="deg", description="statistical only, (90% containment)"),
        param("src_error_50", "0.6", unit="deg", description="statistical only, (50% containment)"),
        group("Trigger_ID", *(param(name, value) for name, value in flags.items())),
        ivorn=f"ivo://nasa.gsfc.gcn/AMON#ICECUBE_{kind}_Event2021-01-01T00:00:00.00_24_137000_012345678_{rev}",
    )
