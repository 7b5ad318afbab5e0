"""What the services of limits share: their parameters, errors, tables and citations.

This runs in the Python of DaCHS.
"""

import datetime
import io
import math
import re

from gavo import base, rsc, rscdef

PARAMETERS = {
    "ra": "RA",
    "dec": "DEC",
    "radius": "SR",
    "index": "INDEX",
    "confidence": "CONFIDENCE",
    "containment": "CONTAINMENT",
}
"""The parameters of the services, by the arguments of the analysis."""
MOST_EVENTS = 20_000
"""The largest number of events that an answer lists."""


def given(arguments):
    """Return the parameters that a request has, by their names.

    Parameters
    ----------
    arguments : gavo.svcs.CoreArgs
        The arguments of a core.

    Raises
    ------
    gavo.base.ValidationError
        If one is NaN, which DaCHS takes for missing.
    """
    found = {name: value for name, value in arguments.args.items() if value is not None}
    for key in arguments.inputTD.inputKeys:
        raw = arguments.rawArgs.get(key.name)
        if key.name not in found and any(_says_something(one) for one in _listed(raw)):
            raise invalid(key.name, f"{_listed(raw)[-1]} is not a finite number")
        if isinstance(found.get(key.name), float) and not math.isfinite(found[key.name]):
            raise invalid(key.name, f"{found[key.name]} is not a finite number")
    return found


def _listed(raw):
    return raw if isinstance(raw, list) else [raw]


def _says_something(raw):
    return isinstance(raw, str) and raw.strip() not in ("", "__NULL__")


def invalid(parameter, text):
    """Return the error that a parameter is invalid, which names it."""
    return base.ValidationError(f"{printable(text)}.", parameter)


def printable(text):
    """Return a text without the characters that XML does not allow, which requests may contain."""
    return re.sub(r"[^\x20-\x7e\xa1-\ud7ff\ue000-\ufffd]", " ", text)


def explain(error, renamed=()):
    """Return the error that an argument of the analysis is invalid, as one of a parameter.

    Parameters
    ----------
    error : AnalysisError
        What the analysis raised.
    renamed : mapping, optional
        The parameters by arguments that differ from `PARAMETERS` in this request.
    """
    names = {**PARAMETERS, **dict(renamed)}
    return base.ValidationError(str(error), names.get(error.parameter, error.parameter))


def indices(text, sample):
    """Return the spectral indices that a parameter names: one, or those of the table in a range.

    Parameters
    ----------
    text : str
        A number, or two for a range (DALI: separated by a blank; -Inf and +Inf are open ends).
    sample : Sample
        Its acceptance has the table.
    """
    try:
        words = [float(word) for word in text.split()]
    except ValueError:
        words = []
    if len(words) not in (1, 2) or any(map(math.isnan, words)):
        raise invalid("INDEX", f"'{text[:60]}' is neither a number nor a range of two numbers")
    table = sample.acceptance.indices
    if len(words) == 1:
        if not sample.acceptance.in_range(words[0]):
            raise invalid(
                "INDEX",
                f"the spectral index {words[0]:g} is outside the table of the acceptance, which"
                f" extends from {table[0]:g} to {table[-1]:g}",
            )
        return words
    found = [float(one) for one in table if words[0] - 1e-9 <= one <= words[1] + 1e-9]
    if not found:
        raise invalid(
            "INDEX",
            f"the range '{text[:60]}' has no index of the table, which extends from"
            f" {table[0]:g} to {table[-1]:g}",
        )
    return found


def content_of(value, parameter, most):
    """Return the bytes of an uploaded file.

    Parameters
    ----------
    value : tuple, str or gavo.web.common.BinaryItem
        As DaCHS passes it: name and file of an upload, or the content of a part of a form.
    parameter : str
        Its parameter.
    most : int
        The largest size in bytes.
    """
    if isinstance(value, list):
        value = value[-1]
    if isinstance(value, tuple):
        stream = value[1]
        stream.seek(0)
        content = stream.read(most + 1)
    else:
        content = getattr(value, "original", value)
    if isinstance(content, str):
        content = content.encode("utf-8")
    if isinstance(content, io.IOBase):
        content = content.read(most + 1)
    if not isinstance(content, bytes) or not content:
        raise base.ValidationError(
            f"Send the file with the request, as {parameter}=@file with curl -F, or with"
            f" UPLOAD={parameter},param:file.",
            parameter,
        )
    if len(content) > most:
        raise invalid(parameter, f"the file has more than {most} bytes, which is the limit")
    return content


def table(definition, columns, query_meta):
    """Return a table, of as many rows as the request wants.

    Parameters
    ----------
    definition : gavo.rscdef.TableDef
        Its columns.
    columns : mapping
        Their values by name; what is not finite becomes NULL.
    query_meta : gavo.svcs.QueryMeta
        What DaCHS knows of the request.
    """
    values = [_plain(column, columns[column.name]) for column in definition.columns]
    names = [column.name for column in definition.columns]
    rows = [dict(zip(names, row, strict=True)) for row in zip(*values, strict=True)]
    most = query_meta["dbLimit"] or len(rows)
    made = rsc.TableForDef(definition, rows=rows[:most])
    made.setMeta("_queryStatus", "OK" if len(rows) <= most else "OVERFLOW")
    return made


def _plain(column, values):
    found = values.tolist() if hasattr(values, "tolist") else values
    convert = int if column.type == "integer" else (lambda one: one)
    return [
        None if one is None or (isinstance(one, float) and not math.isfinite(one)) else convert(one)
        for one in found
    ]


def answer(service, primary, others, notes):
    """Return the answer of a service: several tables, with what cites them.

    Parameters
    ----------
    service : gavo.svcs.Service
        The service.
    primary : gavo.rsc.BaseTable
        The table that formats with only one table contain.
    others : list of gavo.rsc.BaseTable
        Further tables.
    notes : mapping
        Names and values of further INFO elements.
    """
    tables = [primary, *others]
    description = base.makeStruct(
        rscdef.DataDescriptor,
        makes=[
            base.makeStruct(
                rscdef.Make,
                table=one.tableDef,
                rowmaker=base.makeStruct(rscdef.RowmakerDef),
                role="primary" if one is primary else one.tableDef.id,
            )
            for one in tables
        ],
        parent_=service.rd,
    )
    description.setMetaParent(service)
    data = rsc.Data(description, {one.tableDef.id: one for one in tables})
    for name, value, text in _origin(service):
        data.addMeta("info", text, infoName=name, infoValue=value)
    for name, value in notes.items():
        data.addMeta("info", "", infoName=name, infoValue=str(value))
    return data


def _origin(service):
    """Yield name, value and explanation of INFO elements about the origin, as DALI clients read.

    The names are those of the IVOA's note Data Origin in the Virtual Observatory 1.1. DaCHS itself
    adds the citation, from the metadata ``source``.
    """
    now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    yield "request_date", now, "When this was computed."
    for name, key, text in (
        ("ivoid", "identifier", "The registry record of the service."),
        ("publisher", "publisher", "Who publishes the data."),
        ("creator", "creator.name", "Who made the data. Please cite the publication."),
        ("rights_uri", "rights.rightsURI", "The licence of the data."),
        ("citation", "doi", "Please cite this publication."),
    ):
        for found in service.iterMeta(key, propagate=True):
            value = found.getContent("text", macroPackage=service)
            yield name, f"doi:{value.removeprefix('doi:')}" if key == "doi" else value, text
