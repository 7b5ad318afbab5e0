"""How OpenAPI describes TAP: its parameters are those of IVOA's TAP 1.1 and UWS 1.1.

Runs inside DaCHS, under Debian's Python.
"""

TAG = "TAP"
PATH = "/__system__/tap/run/tap"
QUERY = "SELECT TOP 3 obs_collection, dataproduct_type, access_url FROM ivoa.obscore"
_PARAMETERS = {
    "LANG": ("The query language.", {"type": "string", "enum": ["ADQL"]}, "ADQL"),
    "QUERY": ("The query, in ADQL 2.1.", {"type": "string"}, QUERY),
    "MAXREC": ("The largest number of rows.", {"type": "integer", "minimum": 0}, 3),
    "RESPONSEFORMAT": ("The media type or short name of the format.", {"type": "string"}, "csv"),
    "UPLOAD": (
        "Tables to upload: name,param:part for each, separated by semicolons. In the query they are"
        " TAP_UPLOAD.name.",
        {"type": "string"},
        None,
    ),
}
_REQUIRED = ["LANG", "QUERY"]


def responses(formats):
    """Return the possible responses of a service that answers in these media types."""
    return {
        "200": {
            "description": "A table",
            "content": {one: {"schema": {"type": "string"}} for one in formats},
        },
        "4XX": {
            "description": "A message that names the parameter",
            "content": {"application/x-votable+xml": {"schema": {"type": "string"}}},
        },
    }


def operations(formats):
    """Return the operations of the TAP service by their paths; it answers in these media types."""
    sync = {"tags": [TAG]}
    jobs = {"tags": [TAG]}
    xml = {"application/xml": {"schema": {"type": "string"}}}
    return {
        f"{PATH}/sync": {
            "get": sync
            | {
                "operationId": "tap_sync",
                "summary": "A query whose answer comes at once",
                "responses": responses(formats),
                "parameters": [
                    _parameter(name, *described)
                    for name, described in _PARAMETERS.items()
                    if name != "UPLOAD"
                ],
            },
            "post": sync
            | {
                "operationId": "tap_sync_post",
                "summary": "The same, for long queries and with uploads",
                "responses": responses(formats),
                "requestBody": _body(),
            },
        },
        f"{PATH}/async": {
            "get": jobs
            | {
                "operationId": "tap_jobs",
                "summary": "The list of jobs",
                "responses": {"200": {"description": "Jobs (UWS)", "content": xml}},
            },
            "post": jobs
            | {
                "operationId": "tap_submit",
                "summary": "A job, for queries that take long; it runs after PHASE=RUN",
                "requestBody": _body(PHASE={"type": "string", "enum": ["RUN"]}),
                "responses": {"303": {"description": "Created; Location is its address"}},
            },
        },
        f"{PATH}/async/{{job}}": {
            "parameters": [_JOB],
            "get": jobs
            | {
                "operationId": "tap_job",
                "summary": "The state of a job",
                "responses": {"200": {"description": "The job (UWS)", "content": xml}},
            },
            "delete": jobs
            | {
                "operationId": "tap_delete",
                "summary": "Stops and deletes a job",
                "responses": {"303": {"description": "Deleted"}},
            },
        },
        f"{PATH}/async/{{job}}/phase": {
            "parameters": [_JOB],
            "post": jobs
            | {
                "operationId": "tap_phase",
                "summary": "Starts or aborts a job",
                "requestBody": {
                    "content": {
                        "application/x-www-form-urlencoded": {
                            "schema": {
                                "type": "object",
                                "required": ["PHASE"],
                                "properties": {
                                    "PHASE": {"type": "string", "enum": ["RUN", "ABORT"]}
                                },
                            }
                        }
                    }
                },
                "responses": {"303": {"description": "Done; Location is the job"}},
            },
        },
        f"{PATH}/async/{{job}}/results/result": {
            "parameters": [_JOB],
            "get": jobs
            | {
                "operationId": "tap_result",
                "summary": "The answer of a job that is completed",
                "responses": responses(formats),
            },
        },
    }


_JOB = {
    "name": "job",
    "in": "path",
    "required": True,
    "description": "The identifier of the job.",
    "schema": {"type": "string"},
}


def _parameter(name, description, schema, example):
    return {
        "name": name,
        "in": "query",
        "required": name in _REQUIRED,
        "description": description,
        "schema": schema,
        "example": example,
    }


def _body(**more):
    properties = {
        name: schema | {"description": description}
        for name, (description, schema, _) in _PARAMETERS.items()
    }
    schema = {"type": "object", "required": _REQUIRED, "properties": properties | more}
    return {
        "required": True,
        "content": {
            media_type: {"schema": schema}
            for media_type in ("application/x-www-form-urlencoded", "multipart/form-data")
        },
    }
