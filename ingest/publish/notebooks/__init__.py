"""The notebooks in ``docs/notebooks``: executed against a node, and written as web pages.

The pages need nothing else: styles and pictures are inside, and they contain no script.
"""

from ingest.publish.notebooks.pages import Page, index_page, page_of
from ingest.publish.notebooks.running import NotebookError, execute
from ingest.publish.notebooks.source import DEFAULT_NODE, FOLDER, Notebook, find, notebooks
from ingest.publish.notebooks.storing import address_of, publish, write

__all__ = [
    "DEFAULT_NODE",
    "FOLDER",
    "Notebook",
    "NotebookError",
    "Page",
    "address_of",
    "execute",
    "find",
    "index_page",
    "notebooks",
    "page_of",
    "publish",
    "write",
]
