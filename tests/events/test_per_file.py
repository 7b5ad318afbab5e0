"""A release of which each delivered file becomes a product."""

import os

import pytest
from gammapy.data import DataStore

from ingest.core.files import sha256
from ingest.events.delivery.manifest import load_manifest
from ingest.events.delivery.sources import AcquiredFile
from ingest.events.release_conversion import convert_release
from ingest.instance import layout as layouts
from ingest.instance.account import Account
from ingest.instance.dachs import Deployment, deploy
from tests.bench.instance import release_of
from tests.bench.samples import write_simple


@pytest.fixture
def layout(tmp_path):
    made = layouts.Layout(tmp_path / "var", Account.current())
    made.create()
    made.account.create_directory(made.inputs)
    yield made
    layouts.remove(made)


def test_gammapy_finds_the_products_where_they_are_deployed(tmp_path, layout):
    paths = [write_simple(tmp_path / f"run{n}.h5", 50 * n, seed=n) for n in (1, 2)]
    manifest = release_of(paths[0], 150, "simple-hdf5", *paths[1:], products="per-file")
    acquired = [AcquiredFile(path, "test", sha256(path), simulated=False) for path in paths]
    staging = tmp_path / "staging"
    staging.mkdir()
    made = convert_release(manifest, acquired, staging)
    assert [one.rows for one in made] == [50, 100]
    deploy.stage(layout, [Deployment(manifest.name, {}, sorted(staging.iterdir()))])
    folder = layout.staged / manifest.name
    store = DataStore.from_dir(folder / "data")
    assert sorted(store.obs_table["OBS_ID"]) == [1, 2]
    observations = store.get_observations(required_irf=[])
    assert sorted(len(one.events.table) for one in observations) == [50, 100]
    for one in made:
        assert (folder / "data" / f"{one.product.stem}.png").stat().st_size < 150_000
    assert not os.listdir(staging)


def test_one_product_has_no_index(tmp_path):
    path = write_simple(tmp_path / "run.h5", 20)
    acquired = [AcquiredFile(path, "test", sha256(path), simulated=False)]
    convert_release(release_of(path, 20, "simple-hdf5"), acquired, tmp_path / "out")
    assert not list((tmp_path / "out").glob("*index*"))
    assert load_manifest("evts21_01").release.products == "one"
