"""Live streams: from a broker to TAP, and what becomes of them when anything fails."""

from __future__ import annotations

import time

import psycopg2
import psycopg2.extensions
import pytest

from ingest.alerts.archive import Archive, Receptions
from ingest.instance.layout import InstanceState
from ingest.instance.postgres import Cluster
from tests.alert_archive import layout_of
from tests.alerts.broker import TOPIC, Broker, configuration, listening, until


@pytest.fixture(scope="module")
def broker():
    return Broker()


def test_a_notice_is_visible_within_a_second(filled_instance, broker, contents, tmp_path):
    topic = "gcn.notices.visible"
    notice = new(contents, 1)[0]
    with listening(filled_instance, configuration(tmp_path, broker.address, [topic])) as listener:
        broker.send(contents, topic)
        until(lambda: listener.health["messages"] == len(contents), listener)
        begin = time.monotonic()
        broker.send([notice], topic)
        query = (
            "SELECT r.topic, r.topic_partition, r.topic_offset, r.received - r.produced, n.stream"
            " FROM alerts.receptions AS r JOIN alerts.notices AS n ON r.notice_id = n.notice_id"
            f" WHERE topic_offset = {len(contents)}"
        )
        while not (rows := filled_instance.adql(query)):
            assert time.monotonic() < begin + 5, listener.log
        assert time.monotonic() - begin < 1
        ((found, partition, offset, delay, _),) = rows
        assert (found, partition, offset) == (topic, "0", str(len(contents)))
        assert 0 <= float(delay) * 86400 < 1
        assert listener.stop() < 2


def new(contents, count):
    """Return packets that nobody has seen."""
    (model,) = (one for one in contents if b'"event_name"' in one and b"km3net" in one.lower()) if False else (
        next(one for one in contents if one.lstrip().startswith(b"{")),
    )
    return [b" " * (number + 1) + model for number in range(count)]
