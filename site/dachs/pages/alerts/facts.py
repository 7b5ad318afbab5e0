"""The values of a notice, each with what it means. This runs in the Python of DaCHS."""

import functools
import re
from dataclasses import dataclass

from gavo import base

from ..formats import quantity, utc
from .names import visible
from .words import chance, rate, sexagesimal


@dataclass(frozen=True)
class Fact:
    """A value of a notice.

    Attributes
    ----------
    label : str
        What it is called.
    value : str
        The value with its unit.
    more : str
        The same in another form; may be empty.
    meaning : str
        The description of its column.
    """

    label: str
    value: str
    more: str
    meaning: str


def facts_of(notice):
    """Return the values that a notice has, the most important ones first.

    Parameters
    ----------
    notice : dict
        With the columns of ``alerts.notices``.
    """
    return [fact for make in _MAKERS if (fact := make(notice))]


@functools.cache
def columns(table="notices", descriptor="alerts/nu"):
    """Return the columns of a table by their names, as its descriptor declares them."""
    return {one.name: one for one in base.caches.getRD(descriptor).getById(table).columns}


def meaning(name, table="notices"):
    """Return the description of a column of the archive."""
    return " ".join(columns(table)[name].description.split())


def _fact(label, value, column, more=""):
    # which other column says more does not matter here: its value is shown, too
    return Fact(label, value, more, re.sub(r"; see \w+ for [^.;]*", "", meaning(column)))


def _time(notice):
    if notice["event_mjd"] is None:
        return None
    text = f"{utc(notice['event_mjd'])} UTC"
    return _fact("Time of the event", text, "event_mjd", f"MJD {notice['event_mjd']:.6f}")


def _direction(notice):
    if notice["ra"] is None or notice["dec"] is None:
        return None
    ra, dec = notice["ra"], notice["dec"]
    text = f"RA {_degrees(ra)}°, Dec {_degrees(dec, '+')}°"
    return Fact("Direction", text, f"{sexagesimal(ra, dec)} (ICRS)",
                f"{meaning('ra')} {meaning('dec')}")  # fmt: skip


def _degrees(value, sign=""):
    digits = f"{value:{sign}.5f}".rstrip("0")
    return (digits + "0" if digits.endswith(".") else digits).replace("-", "−")


def _error(notice):
    if notice["pos_err"] is None:
        return None
    containment = notice["pos_err_cl"]
    level = "not stated" if containment is None else f"{100 * containment:.3g} %"
    radii = [
        f"{quantity(notice[name], 3)}° for {percent} %"
        for name, percent in (("pos_err_50", 50), ("pos_err_90", 90))
        if notice[name] is not None and percent != 100 * (containment or 0)
    ]
    included = [
        word
        for name, word in (("pos_err_stat", "statistical"), ("pos_err_sys", "systematic"))
        if notice[name] == 1
    ]
    if included:
        radii.append(f"includes the {' and '.join(included)} error")
    text = f"{quantity(notice['pos_err'], 3)}°, containment {level}"
    return _fact("Error radius", text, "pos_err", "; ".join(radii))


def _rate(notice):
    if notice["far"] is None:
        return None
    more = quantity(notice["far"], 3, "Hz")
    if notice["far_doubtful"]:
        unit = visible(notice["far_unit"] or "no unit")[:40]
        given = f"{quantity(notice['far_original'], 4)} {unit}"
        more += f"; the packet says {given}, which is implausible and was taken as Hz"
    return _fact("False-alarm rate", rate(notice["far"]), "far", more)


def _energy(notice):
    if notice["energy"] is None:
        return None
    kind = visible(notice["energy_kind"] or "")
    return _fact("Energy", _energy_text(notice["energy"]), "energy", kind[:200])


def _energy_text(gev):
    for size, unit in ((1e9, "EeV"), (1e6, "PeV"), (1e3, "TeV")):
        if gev >= size:
            return quantity(gev / size, 3, unit)
    return quantity(float(gev), 3, "GeV")


def _signalness(notice):
    if notice["signalness"] is None:
        return None
    return _fact("Signalness", f"{100 * notice['signalness']:.3g} %", "signalness")


def _p_value(notice):
    if notice["p_value"] is None:
        return None
    return _fact("p-value", quantity(notice["p_value"], 3), "p_value", chance(notice["p_value"]))


def _plain(label, name):
    def make(notice):
        if notice[name] is None or notice[name] == "":
            return None
        value = notice[name]
        text = f"{value:,}" if isinstance(value, int) else visible(value)[:200]
        return _fact(label, text, name)

    return make


_MAKERS = (
    _time,
    _direction,
    _error,
    _rate,
    _energy,
    _signalness,
    _p_value,
    _plain("Topology", "topology"),
    _plain("Detector events", "n_events"),
    _plain("Instrument", "instrument"),
    _plain("Pipeline", "pipeline"),
)
