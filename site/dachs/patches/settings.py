"""The settings of the site that the patches use, as ``km3vo`` wrote them beside this file.

This runs in the Python of DaCHS.
"""

import functools
import json
from pathlib import Path

_FILE = Path(__file__).with_name("settings.json")


def settings(section):
    """Return one section of the site's settings.

    Parameters
    ----------
    section : str
        The name of a table in ``site.toml`` that is passed on, such as ``jobs``.

    Returns
    -------
    dict
        The settings by name.
    """
    return _all()[section]


@functools.lru_cache(None)
def _all():
    # once: later changes apply when the process is started again, like those of gavo.rc
    return json.loads(_FILE.read_text("utf-8"))
