"""Execution of a notebook in a kernel of its own."""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path
from typing import Any, Final

from ingest.core.errors import IngestError
from ingest.publish.notebooks.source import FOLDER, Notebook

NODE_VARIABLE: Final = "KM3VO_NODE"
_SECONDS: Final = 300
"""The time after which a cell is taken to hang."""
_COLOURS: Final = re.compile(r"\x1b\[[0-9;]*m")


class NotebookError(IngestError):
    """A cell of a notebook failed."""


def execute(notebook: Notebook, node: str, folder: Path = FOLDER) -> Any:
    """Run a notebook from its first to its last cell, and return it with its outputs.

    Parameters
    ----------
    notebook : Notebook
        What to run; it stays as it is.
    node : str
        The address of the node that it queries.
    folder : pathlib.Path, optional
        The working directory, in which it finds its data.

    Returns
    -------
    nbformat.NotebookNode
        A copy with outputs.

    Raises
    ------
    NotebookError
        If a cell fails; the message has the cell and the error.
    """
    # imported here because the command line offers the command without them
    import nbformat
    from jupyter_client import AsyncKernelManager
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    executed = nbformat.from_dict(notebook.content)
    environment = {
        **os.environ,
        NODE_VARIABLE: node,
        # pictures go into the notebook, wherever the command was called
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        # progress bars of libraries as widgets would need scripts
        "PYTHONWARNINGS": "ignore:IProgress not found",
    }
    with tempfile.TemporaryDirectory(prefix="km3vo-notebook-") as sockets:
        manager = AsyncKernelManager(
            kernel_name="python3",
            # in the file system, where only the caller can open them
            transport="ipc",
            connection_file=str(Path(sockets, "kernel.json")),
        )
        client = NotebookClient(
            executed, km=manager, timeout=_SECONDS, resources={"metadata": {"path": str(folder)}}
        )
        try:
            # by default, a kernel of a manager that was given goes on
            client.execute(env=environment, cleanup_kc=True)
        except CellExecutionError as error:
            raise NotebookError(
                f"a cell failed with {error.ename}: {_COLOURS.sub('', error.evalue)}",
                file=notebook.path,
                where=_place(executed),
                remedy=f"open it with jupyter lab; {NODE_VARIABLE} was {node}",
            ) from None
        except (CellTimeoutError, DeadKernelError) as error:
            raise NotebookError(str(error), file=notebook.path, where=_place(executed)) from None
    return executed


def _place(executed: Any) -> str:
    """Return which cell ran last, with its first line."""
    codes = [cell for cell in executed.cells if cell.cell_type == "code"]
    ran = [number for number, cell in enumerate(codes, 1) if cell.get("execution_count")]
    last = max(ran, default=1)
    source = codes[last - 1].source.strip() if codes else ""
    return f"code cell {last} ({source.partition(chr(10))[0]})"
