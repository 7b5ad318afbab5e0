"""Tables of event times beside files that have no absolute times of their own."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any, Final

import numpy as np

from ingest.core.errors import InputError
from ingest.events.fields import Array
from ingest.events.readers._files import open_delivered

TIMES_COLUMNS: Final = (
    "run_id", "frame_index", "trigger_counter", "unix_seconds", "unix_nanoseconds",
)  # fmt: skip
EVENT_KEY: Final = np.dtype([("run_id", "i8"), ("frame_index", "i8"), ("trigger_counter", "i8")])


class EventTimes:
    """A table of event times, held in memory sorted by event, 40 bytes per line.

    Parameters
    ----------
    path : pathlib.Path
        The table: comma-separated text with the columns :data:`TIMES_COLUMNS`.
    events : pathlib.Path
        The file of events it belongs to, for messages.

    Raises
    ------
    ingest.core.errors.InputError
        If the table does not exist, cannot be read, or has two lines for one event.
    """

    def __init__(self, path: Path, events: Path) -> None:
        self.path = path
        try:
            with io.TextIOWrapper(open_delivered(path), encoding="utf-8-sig", newline="") as stream:
                keys, times = self._read(csv.reader(stream))
        except FileNotFoundError:
            raise InputError(
                "a SeaTray file has no absolute times, and its table of times does not exist",
                file=events,
                expected=f"{path.name}, with the columns {', '.join(TIMES_COLUMNS)}",
                remedy="write this table from the run database into the directory of the file",
            ) from None
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise InputError(
                "the table of times cannot be read",
                file=path,
                value=str(error),
                expected="text in UTF-8, separated by commas",
                remedy="write the table again",
            ) from None
        order = np.argsort(keys)
        self._keys, self._times = keys[order], times[order]
        repeated = self._keys[1:] == self._keys[:-1]
        if repeated.any():
            position = int(np.argmax(repeated))
            raise InputError(
                "the table of times has two lines for one event",
                file=path,
                where=f"line {int(order[position + 1]) + 2}",
                value=", ".join(map(str, self._keys[position].tolist())),
                expected="one line per event",
                remedy="remove one of them",
            )

    def find(self, keys: Array) -> tuple[Array, Array, Array]:
        """Return Unix seconds and nanoseconds of events, and which events are in the table.

        Parameters
        ----------
        keys : numpy.ndarray of :data:`EVENT_KEY`, shape (n,)
            The events.
        """
        if not len(self._keys):
            return np.zeros(len(keys), "i8"), np.zeros(len(keys), "i8"), np.zeros(len(keys), bool)
        place = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
        return self._times[place, 0], self._times[place, 1], self._keys[place] == keys

    def _read(self, lines: Any) -> tuple[Array, Array]:
        names = [name.strip().lower() for name in next(lines, [])]
        if missing := [name for name in TIMES_COLUMNS if names.count(name) != 1]:
            raise InputError(
                f"the table of times lacks {', '.join(missing)}",
                file=self.path,
                where="line 1",
                value=", ".join(names) or "nothing",
                expected=", ".join(TIMES_COLUMNS),
                remedy="name the columns in the first line",
            )
        places = [names.index(name) for name in TIMES_COLUMNS]
        rows = []
        for words in lines:
            try:
                row = [int(words[place]) for place in places]
                rows.append(tuple(np.array(row, np.int64).tolist()))
            except (ValueError, IndexError, OverflowError):
                raise InputError(
                    "the line is not the time of an event",
                    file=self.path,
                    where=f"line {lines.line_num}",
                    value=",".join(words),
                    expected="whole numbers: " + ", ".join(TIMES_COLUMNS),
                    remedy="correct the line",
                ) from None
        table = np.array(rows, np.int64).reshape(-1, len(TIMES_COLUMNS))
        keys = np.empty(len(table), EVENT_KEY)
        for column, name in enumerate(EVENT_KEY.names or ()):
            keys[name] = table[:, column]
        return keys, table[:, 3:]
