"""What commands print: tables for a person, lines for a pipe, JSON for a program.

On a terminal a table is drawn and wrapped. Elsewhere it is one line per row, the cells separated
by tabs and never wrapped, after a line with the column names; so ``grep`` and ``cut`` work. With
``--json`` standard output holds one JSON document and nothing else.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Iterable, Sequence
from typing import Final

import click
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

logger = logging.getLogger(__name__)

_STYLES: Final = {"ok": "green", "FAILED": "red", "TO DO": "red", "missing": "red"}


class _Console(Console):
    """A console that drops all further output once the reader of a pipe has closed it."""

    def on_broken_pipe(self) -> None:
        drop_output()


console: Final = _Console(soft_wrap=True, highlight=False, markup=False)
"""Standard output."""
messages: Final = _Console(soft_wrap=True, highlight=False, markup=False, stderr=True)
"""Standard error."""

json_option: Final = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def drop_output() -> None:
    """Discard all further output, after the reader of a pipe has closed it.

    The command continues: ``km3vo import | head -1`` must not leave an import half done.
    """
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def report(error: object) -> None:
    """Log an error, and print it for a person."""
    logger.error("%s", error)
    click.echo(f"error: {error}", err=True)


def say(text: str, as_json: bool = False) -> None:
    """Print a line for a person, to standard error where standard output holds JSON."""
    (messages if as_json else console).print(text)


def show_json(document: object) -> None:
    """Print a JSON document; objects that JSON cannot represent are printed as text."""
    _write(json.dumps(document, indent=1, ensure_ascii=False, default=str))


def show_table(
    names: Sequence[str], rows: Iterable[Sequence[object]], *, as_json: bool = False
) -> None:
    """Print a table.

    Parameters
    ----------
    names : sequence of str
        The names of its columns.
    rows : iterable of sequence of object
        Its rows, one cell per column. In JSON each row becomes an object with the names as keys.
    as_json : bool
        Print JSON.
    """
    cells = [list(row) for row in rows]
    if as_json:
        keys = [name.replace(" ", "_") for name in names]
        show_json([dict(zip(keys, row, strict=True)) for row in cells])
    elif not console.is_terminal:
        lines: list[Sequence[object]] = [names, *cells]
        for row in lines:
            _write("\t".join(_one_line(cell) for cell in row))
    else:
        numeric = [all(isinstance(row[i], int | float) for row in cells) for i in range(len(names))]
        table = Table(
            *(
                Column(name, overflow="fold", justify="right" if is_number else "left")
                for name, is_number in zip(names, numeric, strict=True)
            )
        )
        for row in cells:
            table.add_row(*(Text(str(cell), _STYLES.get(str(cell), "")) for cell in row))
        console.print(table)


def _write(text: str) -> None:
    """Print a text as it is; rich would expand its tabs."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        drop_output()


def _one_line(cell: object) -> str:
    return " ".join(str(cell).split())
