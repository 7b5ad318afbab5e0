"""What astronomers find: pyvo's registry search on a registry that harvested us."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import regtap
from astropy import units
from astropy.time import Time
from pyvo import registry
from pyvo.registry import regtap as pyvo_regtap

from ingest.instance.account import Account
from ingest.instance.dachs.client import Dachs
from ingest.instance.layout import InstanceState, Layout
from ingest.instance.postgres import Cluster
from ingest.instance.site import Site, load_site
from ingest.publish import oai
from ingest.publish.registry import preconditions

ANTARES = "ivo://km3net.org/ant20_01/nu/cone"
EVENT = "ivo://km3net.org/evts23_01/nu/cone"
ALL_SAMPLES = "ivo://km3net.org/km3net/nu/cone"


@pytest.fixture(scope="module")
def searchable(instance) -> Iterator[None]:
    """Harvest the instance into RegTAP's tables, and let pyvo search there."""
    layout = Layout(instance.var, Account.current())
    folder = layout.inputs / "rr"
    folder.mkdir()
    (folder / "q.rd").write_text(regtap.descriptor())
    for one in (folder, folder / "q.rd"):
        layout.account.chown(one)
    dachs = Dachs(layout)
    before = pyvo_regtap.get_RegTAP_service_url()
    try:
        dachs.run_batch(["imp", "rr/q"])
        dachs.reload()
        found = list(regtap.rows(oai.harvest(f"{instance.url}/oai.xml").records))
        with Cluster(layout).connect(InstanceState.read(layout).postgres_port) as connection:
            cursor = connection.cursor()
            for table, row in found:
                names, marks = ", ".join(row), ", ".join(["%s"] * len(row))
                cursor.execute(
                    f"INSERT INTO rr.{table} ({names}) VALUES ({marks})", list(row.values())
                )
            connection.commit()
        registry.choose_RegTAP_service(instance.tap)
        yield
    finally:
        registry.choose_RegTAP_service(before)
        done = instance.km3vo("registry", "withdraw", "rr", "--yes")
        assert done.returncode == 0, done.stderr


def found(*constraints: object, **more: object) -> set[str]:
    return {one.ivoid for one in registry.search(*constraints, **more)}


def test_words_lead_to_the_samples(searchable) -> None:
    names = found(keywords="neutrino")
    assert {ANTARES, EVENT, ALL_SAMPLES} <= names
    assert found(keywords="KM3-230213A") == {EVENT}
    assert found(keywords="pulsar") == set()


def test_a_cone_search_is_found_and_answers(searchable, instance) -> None:
    (one,) = registry.search(ivoid=ANTARES)
    assert one.res_title == "ANTARES 2007-2017 neutrino events"
    assert one.access_modes() == {"conesearch", "tap#aux", "web"}
    service = one.get_service("conesearch")
    assert [row["ID"] for row in service.search((43.3, 35.8), 0.5)] == ["ANT3412"]
    assert found(servicetype="conesearch", keywords="ANTARES") >= {ANTARES, ALL_SAMPLES}


def test_the_tap_service_is_found_by_its_data_model(searchable, instance) -> None:
    (one,) = registry.search(datamodel="obscore")
    assert one.ivoid == "ivo://km3net.org/tap"
    answer = one.get_service("tap").search("SELECT count(*) AS n FROM ant20_01.main")
    assert answer["n"][0] == 8754


def test_who_made_it_and_what_it_has_lead_to_a_sample(searchable) -> None:
    assert found(registry.Servicetype("conesearch"), author="ANTARES%") == {ANTARES, ALL_SAMPLES}
    assert ANTARES in found(ucd="stat.error;pos")


def test_place_time_and_energy_lead_to_a_sample(searchable) -> None:
    data = registry.Servicetype("conesearch")
    # KM3-230213A came from (94.3, -7.8); ANTARES sees nothing north of +53 degrees
    assert EVENT in found(data, registry.Spatial((94.3, -7.8)))
    assert EVENT not in found(data, registry.Spatial((200, 40)))
    assert ANTARES in found(data, registry.Spatial((200, 40)))
    assert ANTARES not in found(data, registry.Spatial((200, 80)))
    seen = found(data, registry.Temporal(Time("2023-02-13T01:16:47")))
    assert EVENT in seen and ANTARES not in seen
    assert ANTARES in found(data, registry.Temporal((55000, 55001)))
    high = found(data, registry.Spectral(220 * units.PeV))
    assert EVENT in high and ANTARES not in high
    assert ANTARES in found(data, registry.Spectral(10 * units.TeV))


def test_the_publishing_registry_is_found_by_its_authority(
    searchable, instance, monkeypatch, tmp_path
) -> None:
    path = tmp_path / "site.toml"
    monkeypatch.setenv("KM3VO_SITE", str(path))

    def site_at(url: str) -> Site:
        path.write_text(f'[site]\nurl = "{url}"\n[registry]\nregtap = "{instance.tap}"\n')
        return load_site()

    site = site_at(instance.url)
    ((ivoid, title, _, address), *_) = preconditions.managing_registries(site)
    assert ivoid == "ivo://km3net.org/__system__/services/registry"
    assert title.endswith("Registry")
    assert address.startswith(instance.url)
    assert list(preconditions.authority(site)) == []
    (theirs,) = preconditions.authority(site_at("https://vo.km3net.de"))
    assert ivoid in theirs.expected
