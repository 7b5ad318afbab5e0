"""The pages that every test of the look and the manners of pages visits."""

from __future__ import annotations

from typing import Final

PAGES: Final = {
    "front": "/",
    "release": "/ant20_01",
    "release with tables": "/evts23_01",
    "sky": "/sky",
    "alerts": "/alerts",
    "alerts around a place": "/alerts?near=94.3+-7.8&since=1750-01-01",
    "archive of alerts": "/alerts/about",
    "alert": "/alerts/km3net/KM3-230213A",
    "revived alert": "/alerts/test/ligo-virgo-kagra/MS181101ab",
    "learn": "/learn",
    "status": "/status",
    "query": "/query?near=77.36+5.69",
    "around": "/around?target=77.36+5.69",
    "service": "/ant20_01/nu/cone/info",
    "table": "/tableinfo/ant20_01.main",
    "form": "/alerts/nu/cone/form",
    "answer": "/ant20_01/nu/cone/form?__nevow_form__=genForm&hscs_pos=43,35&hscs_sr=180&submit=Go",
    "limits": "/ant20_01/nu/ps/form",
    "responses": "/irf_arca115/nu/responses/form?__nevow_form__=genForm&submit=Go",
    "services": "/browse",
    "descriptor": "/browse/alerts/nu",
    "not found": "/nosuch",
}
"""Paths by name; one or two of each kind of page."""
