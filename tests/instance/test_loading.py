"""What the database says about an import that is going on."""

from __future__ import annotations

import io
import re
import threading

from ingest.instance.account import Account
from ingest.instance.dachs import watched_loading
from ingest.instance.layout import InstanceState, Layout
from ingest.instance.postgres import Cluster

ROWS = 400_000
LINE = b"x" * 99 + b"\n"


class Delivery(io.RawIOBase):
    """Lines for COPY, of which the second half comes when it is wanted."""

    def __init__(self) -> None:
        self.half, self.rest = threading.Event(), threading.Event()
        self.sent = 0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        if self.sent == ROWS // 2:
            self.half.set()
            assert self.rest.wait(60)
        if self.sent == ROWS:
            return b""
        count = min(100, ROWS - self.sent)
        self.sent += count
        return LINE * count


def test_the_rows_of_a_copy_are_counted_while_it_runs(instance) -> None:
    layout = Layout(instance.var, Account.current())
    state = InstanceState.read(layout)
    assert state is not None
    delivery = Delivery()

    def copy() -> None:
        with (
            Cluster(layout).connect(state.postgres_port) as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute("CREATE TEMPORARY TABLE loaded (line text)")
            cursor.copy_expert("COPY loaded FROM STDIN", delivery)

    with watched_loading(layout, state, ROWS) as loading:
        assert loading is not None
        assert loading.state() is None
        thread = threading.Thread(target=copy)
        thread.start()
        try:
            assert delivery.half.wait(60)
            text = loading.state()
            assert text is not None
            found = re.match(r"loading ([\d,]+) of 400,000 rows", text)
            assert found, text
            assert 0 < int(found[1].replace(",", "")) <= ROWS // 2
        finally:
            delivery.rest.set()
            thread.join(60)
        assert loading.state() == "completing the tables"
