"""The OpenAPI document of the services, made from their descriptors whenever it is requested.

What a parameter is called and means, and its values, are in the descriptors and not repeated here;
only the parameters of TAP, which its standard defines, are in ``tap_operations.py``.

Runs inside DaCHS, under Debian's Python.
"""

import hashlib
import json
import os

from gavo import base, utils
from gavo.web import grend
from twisted.internet import threads
from twisted.web import server

tap, _ = utils.loadPythonModule("tap_operations", relativeTo=os.path.abspath(__file__))

MEDIA_TYPE = "application/openapi+json;version=3.1"
"""As the IETF's draft on media types of REST APIs defines it."""
RENDERERS = ("scs.xml", "api", "dlmeta")
NUMBERS = ("double precision", "real", "float")
INTEGERS = ("integer", "smallint", "bigint")
PRODUCT = """
    SELECT obs_publisher_did FROM km3net.observations
    WHERE embargo IS NULL AND (release = %(release)s OR %(release)s = 'km3net')
    ORDER BY obs_publisher_did LIMIT 1"""
NOTICE = "SELECT max(notice_id)::text FROM alerts.latest"


class MainPage(grend.ServiceBasedPage):
    """The document."""

    name = "custom"

    @classmethod
    def isBrowseable(cls, service):
        return False

    def render(self, request):
        # In a thread, because descriptors may have to be read, and the database is asked.
        made = threads.deferToThread(_text)
        made.addCallback(_send, request)
        made.addErrback(_failed, request)
        return server.NOT_DONE_YET


def _send(text, request):
    request.setHeader("Content-Type", MEDIA_TYPE)
    request.setHeader("Cache-Control", "public, no-cache")
    if not request.setETag(b'"%s"' % hashlib.sha256(text).hexdigest()[:32].encode()):
        request.write(text)
    request.finish()


def _failed(failure, request):
    base.ui.notifyFailure(failure)
    if not request.finished:
        request.setResponseCode(500)
        request.setHeader("Content-Type", "text/plain; charset=utf-8")
        request.write(b"The description of the services is not available at the moment.\n")
        request.finish()


def _text():
    return json.dumps(document(), indent=1, ensure_ascii=False).encode()


def document():
    """Return the OpenAPI document of all public services."""
    paths, tags = {}, []
    for rd in _descriptors():
        operations = dict(_operations(rd))
        if operations:
            paths.update(operations)
            tags.append(_tag(rd))
    service = base.resolveCrossId("//tap#run")
    paths.update(tap.operations(_formats(_parameter_keys(service, "sync"))))
    tags.append({"name": tap.TAG, "description": _meta(service, "description")})
    found = {
        "openapi": "3.1.0",
        "info": {
            "title": base.getConfig("web", "sitename"),
            "description": "Queries of this node of the Virtual Observatory. All services answer"
            " with VOTables unless another format is requested; errors are VOTables with a message."
            " Angles are in degrees (ICRS), times are MJD in UTC.",
            "license": {"name": "CC BY 4.0", "identifier": "CC-BY-4.0"},
            "contact": _contact(service),
        },
        "servers": [{"url": base.makeAbsoluteURL("").rstrip("/")}],
        "tags": tags,
        "paths": paths,
        "externalDocs": {
            "description": "The same services, described as IVOA registry records",
            "url": base.makeAbsoluteURL("oai.xml?verb=ListRecords&metadataPrefix=ivo_vor"),
        },
    }
    _share_answers(found)
    content = json.dumps(found, sort_keys=True).encode()
    found["info"]["version"] = hashlib.sha256(content).hexdigest()[:12]
    return found


def _share_answers(found):
    """Write the answers that operations have in common once, and refer to them."""
    shared, names = {}, {}
    for methods in found["paths"].values():
        for method, operation in methods.items():
            if method in ("get", "post", "delete"):
                for status, answer in operation["responses"].items():
                    if status not in ("200", "4XX"):
                        continue
                    text = json.dumps(answer, sort_keys=True)
                    kind = "Error" if status == "4XX" else "Answer"
                    name = names.setdefault(text, f"{kind}{len(names) + 1}")
                    shared[name] = answer
                    operation["responses"][status] = {"$ref": f"#/components/responses/{name}"}
    found["components"] = {"responses": shared}


def _descriptors():
    """Yield the descriptors that are deployed, except for those of protected releases."""
    folder = base.getConfig("inputsDir")
    for name in sorted(os.listdir(folder)):
        if os.path.exists(os.path.join(folder, name, "nu.rd")):
            rd = base.caches.getRD(f"{name}/nu")
            if not rd.getProperty("protected", None):
                yield rd


def _operations(rd):
    """Yield paths and operations of the registered services of a descriptor, and of DataLink."""
    for service in rd.services:
        published = {one.render for one in service.publications} | {"dlmeta"}
        for renderer in RENDERERS:
            if renderer in service.allowed and renderer in published:
                yield _path(service, renderer), _operation(rd, service, renderer)


def _path(service, renderer):
    return "/" + service.getURL(renderer, absolute=False).strip("/").partition("?")[0]


def _operation(rd, service, renderer):
    keys = _parameter_keys(service, renderer)
    example = _example(rd, service)
    described = {
        "operationId": f"{rd.sourceId.replace('/', '_')}_{service.id}",
        "summary": _meta(service, "title"),
        "description": _meta(service, "description"),
        "tags": [_tag(rd)["name"]],
    }
    uploads = [key for key in keys if key.type == "file"]
    get = described | {
        "parameters": [_parameter(key, example) for key in keys if key.type != "file"]
    }
    columns = [_column(one) for one in service.getCurOutputFields() or ()]
    if columns:
        get["x-columns"] = columns
    get["responses"] = tap.responses(_formats(keys))
    methods = {"get": get}
    if uploads:
        methods["post"] = described | {
            "operationId": f"{described['operationId']}_post",
            "responses": tap.responses(_formats(keys)),
            "requestBody": {"content": {"multipart/form-data": {"schema": _form(keys)}}},
        }
    return methods


def _parameter_keys(service, renderer):
    return list(service.getInputKeysFor(renderer))


def _parameter(key, example):
    name = key.name
    found = {
        "name": name.upper() if name in ("responseformat", "maxrec", "verb") else name,
        "in": "query",
        "required": bool(key.required),
        "description": _description(key),
        "schema": _schema(key),
    }
    if name.lower() in example:
        found["example"] = _typed(key, example[name.lower()])
    return found


def _form(keys):
    """Return the schema of a request that uploads files."""
    properties = {key.name: _schema(key) | {"description": _description(key)} for key in keys}
    return {"type": "object", "properties": properties}


def _schema(key):
    """Return the JSON schema of a parameter."""
    if key.type.endswith("[2]"):
        schema = {"type": "string", "pattern": r"^\S+ \S+$"}
    elif key.type in NUMBERS:
        schema = {"type": "number"}
    elif key.type in INTEGERS:
        schema = {"type": "integer"}
    elif key.type == "file":
        schema = {"type": "string", "contentMediaType": "application/octet-stream"}
    else:
        schema = {"type": "string"}
    if key.values:
        options = [one.content_ for one in key.values.options or ()]
        limits = {
            "minimum": key.values.min,
            "maximum": key.values.max,
            # DaCHS lists some names of formats several times
            "enum": list(dict.fromkeys(_typed(key, one) for one in options)) or None,
        }
        schema.update((name, value) for name, value in limits.items() if value is not None)
    default = _default(key)
    if default is not None:
        schema["default"] = _typed(key, default)
    schema.update(
        (name, value) for name, value in (("x-unit", key.unit), ("x-ucd", key.ucd)) if value
    )
    return {"type": "array", "items": schema} if key.multiplicity == "multiple" else schema


def _default(key):
    if key.values and key.values.default is not None:
        return key.values.default
    return key.value if isinstance(key.value, int | float | str) and key.value != "" else None


def _typed(key, text):
    """Return a value as JSON has it."""
    if key.multiplicity == "multiple":
        return [text]
    if key.type in NUMBERS:
        return float(text)
    return int(text) if key.type in INTEGERS else str(text)


def _description(key):
    text = " ".join((key.description or key.tablehead or "").split())
    if key.type.endswith("[2]"):
        text += " Two numbers separated by a blank: the limits of an interval."
    return f"{text} Unit: {key.unit}." if key.unit else text


def _column(field):
    found = {"name": field.name, "type": field.type, "unit": field.unit, "ucd": field.ucd}
    found["description"] = " ".join((field.description or "").split())
    return {name: value for name, value in found.items() if value}


def _formats(keys):
    """Return the media types in which a service answers."""
    found = ["application/x-votable+xml"]
    for key in keys:
        if key.name == "responseformat" and key.values:
            found += [one.content_ for one in key.values.options if "/" in one.content_]
    return list(dict.fromkeys(found))


def _example(rd, service):
    """Return values of parameters for an example, by their lower-case names."""
    if service.id == "dl":
        # identifiers depend on the data
        name = rd.sourceId.partition("/")[0]
        with base.getTableConn() as connection:
            query = NOTICE if name == "alerts" else PRODUCT
            ((value,),) = list(connection.query(query, {"release": name})) or [(None,)]
        return {} if value is None else {"id": value}
    tested = service.getMeta("testQuery", propagate=False)
    if tested is None:
        return {}
    return {
        name: str(service.getMeta(f"testQuery.{name}", propagate=False))
        for name in tested.children[0].meta_
    }


def _tag(rd):
    return {"name": _meta(rd, "title"), "description": _meta(rd, "description")}


def _contact(service):
    found = {
        key: _meta(service, f"contact.{name}")
        for key, name in (("name", "name"), ("email", "email"))
    }
    return {key: value for key, value in found.items() if value}


def _meta(carrier, name):
    found = base.getMetaText(carrier, name, default="", propagate=True)
    return " ".join((found or "").split())
