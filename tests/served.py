"""What astronomers see of an instance, for comparing before and after."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from astropy.io import fits

if TYPE_CHECKING:
    from instances import Instance

RECORDS = "oai.xml?verb=ListIdentifiers&metadataPrefix=ivo_vor"


@dataclass(frozen=True)
class Served:
    """The content of the ANTARES release as it is served."""

    rows: str
    product: str
    obscore: str
    description: str
    cone: int

    @property
    def is_simulated(self) -> bool:
        return "SIMULATED" in self.obscore and "SIMULATED" in self.description


def served(instance: Instance) -> Served:
    """Look at everything that belongs to the release, and whether it fits together."""
    rows = instance.adql("SELECT * FROM ant20_01.main ORDER BY id")
    product = instance.fetch("getproduct/ant20_01/data/ant20_01.fits")
    (obscore,) = instance.adql(
        "SELECT obs_title, t_min, t_max, access_estsize, obs_publisher_did"
        " FROM ivoa.obscore WHERE obs_id = 'ant20_01/1'"
        " AND dataproduct_type = 'hea-event-list'"
    )
    (description,) = instance.adql(
        "SELECT description FROM tap_schema.tables WHERE table_name='ant20_01.main'"
    )
    cone = instance.fetch("ant20_01/nu/cone/scs.xml?RA=43&DEC=35&SR=3&RESPONSEFORMAT=votabletd")
    with fits.open(io.BytesIO(product)) as hdus:
        n_hits = np.sort(hdus["EVENTS"].data["N_HITS"])
    assert np.array_equal(n_hits, np.sort([int(row[2]) for row in rows])), "file and table differ"
    return Served(
        _hash("\n".join(map(",".join, rows)).encode()),
        _hash(product),
        " ".join(obscore),
        description[0],
        cone.count(b"<TR>"),
    )


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]
