"""A searchable registry made of our own records, as RegTAP 1.2 defines its tables.

Only the tables and columns that pyvo's search asks for. They live in the schema ``rr`` of the
test's own server, which thereby stands in for the registry that astronomers' programs ask.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lxml import etree

from ingest.publish.oai import RegistryRecord

TABLES = {
    "resource": "ivoid res_type created updated short_name res_title content_level"
    " res_description reference_url creator_seq content_type source_format source_value"
    " res_version waveband rights rights_uri region_of_regard:double",
    "capability": "ivoid cap_index:smallint cap_type cap_description standard_id",
    "interface": "ivoid cap_index:smallint intf_index:smallint intf_type intf_role access_url",
    "res_subject": "ivoid res_subject",
    "res_role": "ivoid role_name base_role",
    "res_detail": "ivoid cap_index:smallint detail_xpath detail_value",
    "table_column": "ivoid table_index:smallint name ucd",
    "stc_spatial": "ivoid coverage:smoc",
    "stc_temporal": "ivoid time_start:double time_end:double",
    "stc_spectral": "ivoid spectral_start:double spectral_end:double",
}
_TYPES = {"double": "double precision", "smallint": "smallint", "smoc": "smoc", "": "text"}
_TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"


def columns(table: str) -> list[tuple[str, str]]:
    """Return names and types of a table's columns."""
    pairs = (word.partition(":") for word in TABLES[table].split())
    return [(name, _TYPES[kind]) for name, _, kind in pairs]


def descriptor() -> str:
    """Return DaCHS' descriptor of the tables."""
    tables = "\n".join(
        f'<table id="{table}" onDisk="True" adql="True">'
        + "".join(
            f'<column name="{name}" type="{kind}" description="{name} of RegTAP">'
            + ('<values nullLiteral="-1"/>' if kind == "smallint" else "")
            + "</column>"
            for name, kind in columns(table)
        )
        + "</table>"
        for table in TABLES
    )
    makes = "".join(f'<make table="{table}"/>' for table in TABLES)
    return f"""<resource schema="rr" resdir=".">
        <meta name="title">A searchable registry</meta>
        <meta name="description">The records of this server.</meta>
        <meta name="creationDate">2026-11-21T00:00:00Z</meta>
        <meta name="subject">virtual-observatories</meta>
        {tables}
        <data id="make_tables">{makes}</data>
    </resource>"""


def rows(records: Iterable[RegistryRecord]) -> Iterator[tuple[str, dict[str, object]]]:
    """Yield the rows of all tables: the table's name, and values by column."""
    for record in records:
        if record.metadata is not None:
            yield from _rows(record.metadata)


def _rows(resource: etree._Element) -> Iterator[tuple[str, dict[str, object]]]:
    def text(path: str, inside: etree._Element = resource) -> str | None:
        found = inside.findtext(path)
        return None if found is None else " ".join(found.split())

    def joined(path: str) -> str:
        return "#".join((one.text or "").strip().lower() for one in resource.iterfind(path))

    ivoid = {"ivoid": text("identifier").lower()}
    creators = [(one.text or "").strip() for one in resource.iterfind("curation/creator/name")]
    yield (
        "resource",
        ivoid
        | {
            "res_type": resource.get(_TYPE).lower(),
            "created": resource.get("created"),
            "updated": resource.get("updated"),
            "short_name": text("shortName"),
            "res_title": text("title"),
            "content_level": joined("content/contentLevel"),
            "res_description": text("content/description"),
            "reference_url": text("content/referenceURL"),
            "creator_seq": "; ".join(creators),
            "content_type": joined("content/type"),
            "source_value": text("content/source"),
            "waveband": joined("coverage/waveband"),
            "rights": text("rights"),
        },
    )
    for one in resource.iterfind("content/subject"):
        yield "res_subject", ivoid | {"res_subject": one.text}
    for name in creators:
        yield "res_role", ivoid | {"role_name": name, "base_role": "creator"}
    for one in resource.iterfind("managedAuthority"):
        path = {"detail_xpath": "/managedAuthority", "detail_value": one.text}
        yield "res_detail", ivoid | path
    for one in resource.iterfind("altIdentifier"):
        yield "res_detail", ivoid | {"detail_xpath": "/altIdentifier", "detail_value": one.text}
    for index, capability in enumerate(resource.iterfind("capability"), 1):
        place = ivoid | {"cap_index": index}
        yield (
            "capability",
            place
            | {
                "cap_type": capability.get(_TYPE, "").lower(),
                "cap_description": text("description", capability),
                "standard_id": capability.get("standardID", "").lower() or None,
            },
        )
        for one in capability.iterfind("dataModel"):
            path = {"detail_xpath": "/capability/dataModel/@ivo-id"}
            yield "res_detail", place | path | {"detail_value": one.get("ivo-id")}
        for number, one in enumerate(capability.iterfind("interface"), 1):
            yield (
                "interface",
                place
                | {
                    "intf_index": number,
                    "intf_type": one.get(_TYPE, "").lower(),
                    "intf_role": one.get("role"),
                    "access_url": text("accessURL", one),
                },
            )
    for index, table in enumerate(resource.iterfind("tableset/schema/table"), 1):
        for one in table.iterfind("column"):
            said = {"name": text("name", one), "ucd": (text("ucd", one) or "").lower()}
            yield "table_column", ivoid | {"table_index": index} | said
    if spatial := text("coverage/spatial"):
        yield "stc_spatial", ivoid | {"coverage": spatial}
    for name, prefix in (("temporal", "time"), ("spectral", "spectral")):
        for one in resource.iterfind(f"coverage/{name}"):
            start, end = (float(word) for word in one.text.split())
            yield f"stc_{name}", ivoid | {f"{prefix}_start": start, f"{prefix}_end": end}
