"""Prints which code of DaCHS and Twisted each patch replaces; runs in the Python of DaCHS.

With ``--write`` it adds the checksums for the installed version to ``replaced.json``: run it so
with each version in ``versions.TRIED`` after a patch has been added or changed.
"""

# ruff: noqa: E402  (the environment has to be set first)

import importlib
import inspect
import json
import os
import sys
from pathlib import Path

os.environ["GAVO_INIT_RUNNING"] = "1"  # DaCHS 2.11 is imported without a database
import functions_of_database  # noqa: F401
from gavo import base

CODE, SETTINGS, *OPTIONS = map(Path, sys.argv[1:])
OURS = ("gavo", "twisted")
sys.path.insert(0, str(CODE))
sys.argv = ["dachs", "serve"]

import patches

# where the patches of an instance have copies
patches.__path__.append(str(CODE.parents[1] / "ingest" / "instance"))
from gavo.formal import twistedpatch  # noqa: F401
from gavo.user import serve  # noqa: F401
from gavo.web import root  # noqa: F401
from patches import settings, versions

settings._FILE = SETTINGS
replaced = {}


def attributes():
    """Return what the modules and their classes have now."""
    found = {}
    for module, loaded in list(sys.modules.items()):
        if loaded is None or module.partition(".")[0] not in OURS:
            continue
        for name, value in list(vars(loaded).items()):
            found[f"{module}:{name}"] = value
            if inspect.isclass(value) and value.__module__ == module:
                for inner, member in list(vars(value).items()):
                    found[f"{module}:{name}.{inner}"] = member
    return found


def definition(name):
    """Return where the code is that a name stood for, which a class may have inherited."""
    module, _, inner = name.partition(":")
    owner, _, attribute = inner.rpartition(".")
    for kind in getattr(sys.modules[module], owner).__mro__ if owner else ():
        place = f"{kind.__module__}:{kind.__qualname__}.{attribute}"
        if has_source(place):
            return place
    return name


def has_source(name):
    module, _, inner = name.partition(":")
    is_file = module.partition(".")[0] in OURS and versions._path(module) is not None
    return is_file and versions.digest_of_object(module, inner) is not None


def apply_and_look(topic, *names):
    for name in names:
        patch = f"{topic}.{name}"
        if versions.reason_to_skip(patch) or name == "fork_first_process":
            continue
        module = importlib.import_module(f"patches.{topic}")
        before = attributes()
        getattr(module, name)()
        modules = {one.partition(":")[0] for one in before}
        changed = {
            definition(one)
            for one, value in attributes().items()
            if before.get(one) is not value
            and one.partition(":")[0] in modules
            and not one.endswith("__doc__")
        }
        replaced[patch] = sorted(filter(has_source, changed))


def write():
    path = CODE / "patches" / "replaced.json"
    record = json.loads(path.read_text()) if path.exists() else {"patches": {}, "versions": {}}
    for patch, names in replaced.items():
        record["patches"][patch] = sorted({*record["patches"].get(patch, ()), *names})
    names = sorted({name for names in record["patches"].values() for name in names})
    modules = {name.partition(":")[0] for name in names}
    record["versions"][base.__version__] = {
        "modules": {one: versions.digest_of_module(one) for one in modules if versions._path(one)},
        "objects": {
            one: versions.digest_of_object(*one.split(":")) for one in names if has_source(one)
        },
    }
    path.write_text(json.dumps(record, indent=1, sort_keys=True) + "\n")


patches._apply = apply_and_look
patches.apply()
if [Path("--write")] == OPTIONS:
    write()
unknown = {one: names for one in replaced if (names := versions.unknown_code(one))}
print(json.dumps({"version": base.__version__, "replaced": replaced, "unknown": unknown}))
