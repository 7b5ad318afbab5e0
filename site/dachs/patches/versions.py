"""What differs between versions of DaCHS, as far as our patches have to know.

The patches fit DaCHS 2.7 (Debian 12) and 2.11 (Debian 13); ``replaced.json`` beside
this file has checksums of the code that they replace there. With another version all are applied
as well, and warnings name those that replace code which nobody has compared with theirs. What a
later version does by itself is in ``SOLVED``.

This runs in the Python of DaCHS, also before there is a database.
"""

import ast
import functools
import hashlib
import json
import os
import re
import sys
from importlib import util
from pathlib import Path

TRIED = ("2.7", "2.11", "2.13")
"""The versions whose code was compared with the patches; changes are tested with the first."""
SOLVED = {
    "connections.find_boundaries_at_once": (
        (2, 11),
        "forms are read by python-multipart, which searches the bytes for the boundary",
    ),
    "requests.read_addresses_of_uploads": (
        (2, 11),
        "parameters in the address and in a multipart body are both read",
    ),
    "datalink.qualify_contents": ((2, 8), "the column content_qualifier is there"),
}
"""Patches that are not needed any more: since which version, and why."""
ADDED = {
    "adql.translate_all_clauses": ((2, 11), "with the pyparsing of Debian 12 it does"),
    "closed.close_user_tables": ((2, 11), "tables that users keep came with it"),
    "closed.close_form_of_products": ((2, 13), "2.11 shows it without an error"),
    "protected.compare_passwords_in_one_place": ((2, 13), "2.11 has one check only"),
    "job_processes.signal_no_groups_of_processes": ((2, 11), "it ends processes of deleted jobs"),
    "requests.accept_the_former_path_of_tap": ((2, 11), "2.7 accepts it"),
    "requests.read_files_under_their_names": ((2, 11), "2.7 passes them on"),
    "votable_values.refer_to_time_systems": ((2, 11), "2.7 does not write them"),
    "requests.read_forms_as_sent": ((2, 11), "it reads forms with python-multipart"),
}
"""Patches of what came with a later version: with which one, and what it is."""
_RECORD = Path(__file__).with_name("replaced.json")
_SHORT = 16
"""Digits of a checksum that are kept."""


@functools.cache
def version():
    """Return the version of DaCHS as a tuple of numbers; later than all if it has another form."""
    from gavo import base

    numbers = re.fullmatch(r"(\d+)\.(\d+).*", base.__version__)
    return tuple(map(int, numbers.groups())) if numbers else (sys.maxsize,)


def reason_to_skip(patch):
    """Return why a patch, such as "adql.keep_tabs", is not applied; None if it is."""
    since, reason = SOLVED.get(patch, (None, ""))
    if since and version() >= since:
        return reason
    since, reason = ADDED.get(patch, (None, ""))
    if since and version() < since:
        return f"not in this version: {reason}"
    return None


def warn(problems):
    """Print what is wrong with patches: all for the log of the server, else how many there are.

    Parameters
    ----------
    problems : list of str
        What is wrong, one line each.
    """
    if len(problems) > 1 and sys.argv[1:2] != ["serve"]:
        problems = [f"{len(problems)} patches do not fit this DaCHS; see the log of the server."]
    for problem in problems:
        print(f"Warning: {problem}", file=sys.stderr)


def unknown_code(patch):
    """Return the names of the functions and classes that a patch replaces by guess.

    Parameters
    ----------
    patch : str
        A module of patches and a function in it.

    Returns
    -------
    list of str
        What is different, or missing, in this version compared with those that were tried.
    """
    names = _record()["patches"].get(patch, ())
    return [name for name in names if checksum(name) not in (*_known("objects", name), "")]


def use_one_module_of_errors():
    """Let patches find the module of errors of DaCHS 2.13, which still has an older copy of it."""
    try:
        from gavo.svcs import weberrors
    except ImportError:
        return
    import gavo.web

    sys.modules["gavo.web.weberrors"] = gavo.web.weberrors = weberrors


def options_of_errors(more, named):
    """Return the options of ``dali.serveDALIError``, which 2.11 takes by their names only."""
    return dict(zip(("httpStatus", "queryStatus"), more, strict=False)) | named


def site_meta():
    """Return the metadata of the site, which have another name in 2.11."""
    from gavo.base import meta

    return meta.CONFIG_META if hasattr(meta, "CONFIG_META") else meta.configMeta


def login_of(query_meta):
    """Return the name and the password that came with a query; 2.11 keeps only its request."""
    if "password" in query_meta:
        return query_meta["user"], query_meta["password"]
    request = getattr(query_meta.getAuthUser, "__self__", None)
    if not hasattr(request, "getPassword"):
        return None, None
    return request.getUser(), request.getPassword()


@functools.cache
def _record():
    try:
        return json.loads(_RECORD.read_text("utf-8"))
    except (OSError, ValueError):
        return {"patches": {}, "versions": {}}


def _known(kind, name):
    """Return the checksums of a module or an object in the versions that were tried."""
    return [one[kind].get(name) for one in _record()["versions"].values()]


def checksum(name):
    """Return a checksum of an object's source; empty if its module is one that was tried.

    Parameters
    ----------
    name : str
        The module and the name of the object in it, such as ``gavo.web.common:Request.write``.
    """
    module, _, inner = name.partition(":")
    path = _path(module)
    if path is None:
        return None
    if digest_of_module(module) in _known("modules", module):
        return ""
    return digest_of_object(module, inner)


@functools.cache
def digest_of_module(module):
    """Return a checksum of the source of a module."""
    return _digest(_path(module).read_bytes())


def digest_of_object(module, name):
    """Return a checksum of the source of an object, without comments and spaces, or None."""
    node = tree = _tree(module)
    for part in name.split("."):
        places = ast.walk(tree) if node is tree else node.body
        node = next((one for one in places if part in _names(one)), None)
        if node is None or (not hasattr(node, "body") and part != name.rpartition(".")[2]):
            return None
    lines = _path(module).read_text("utf-8").splitlines()[node.lineno - 1 : node.end_lineno]
    code = "".join(line for line in lines if not line.lstrip().startswith("#"))
    return _digest("".join(code.split()).encode())


def _names(node):
    """Return the names that a statement defines."""
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        return [node.name]
    if isinstance(node, ast.Assign):
        return [one.id for one in node.targets if isinstance(one, ast.Name)]
    return []


@functools.cache
def _tree(module):
    return ast.parse(_path(module).read_text("utf-8"))


@functools.cache
def _path(module):
    """Return the source of a module, which need not be imported, or None."""
    top, *rest = module.split(".")
    found = util.find_spec(top)
    for folder in (found and found.submodule_search_locations) or ():
        place = Path(folder, *rest)
        for path in (place / "__init__.py", place.with_suffix(".py")):
            if os.path.exists(path):
                return path
    return None


def _digest(content):
    return hashlib.sha256(content).hexdigest()[:_SHORT]
