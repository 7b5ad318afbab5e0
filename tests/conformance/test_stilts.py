"""STILTS, the command-line form of TOPCAT's library, against the server."""

import csv
from io import StringIO

import pytest

SYNC = "/__system__/tap/run/tap/sync?LANG=ADQL&QUERY="


def rows(text):
    return list(csv.DictReader(StringIO(text)))


def test_tapquery_gets_the_published_events(instance, stilts):
    query = "SELECT id, nhit FROM ant20_01.main WHERE nhit > 200 ORDER BY nhit DESC"
    answer = rows(stilts("tapquery", f"tapurl={instance.tap}", f"adql={query}", "ofmt=csv"))
    assert answer == [{"id": "ANT1157", "nhit": "263"}]


def test_tapskymatch_finds_the_neighbours_of_uploaded_positions(instance, stilts, tmp_path):
    mine = tmp_path / "mine.csv"
    mine.write_text("name,ra,dec\na,43,35\nb,0,89\n")
    answer = stilts(
        "tapskymatch",
        f"tapurl={instance.tap}",
        "taptable=ant20_01.main",
        "taplon=ra",
        "taplat=decl",
        "tapcols=id",
        f"in={mine}",
        "ifmt=csv",
        "inlon=ra",
        "inlat=dec",
        "sr=3",
        "ofmt=csv",
    )
    found = sorted((row["name"], row["id"]) for row in rows(answer))
    assert found == [("a", name) for name in ("ANT0366", "ANT3412", "ANT3846", "ANT7402")]


def test_coneskymatch_asks_the_cone_search_for_each_position(cone_url, stilts, tmp_path):
    mine = tmp_path / "mine.csv"
    mine.write_text("name,ra,dec\na,43,35\nb,20,30\nc,0,89\n")
    words = ("ifmt=csv", "ra=ra", "dec=dec", "sr=2", "find=all", "ofmt=csv")
    answer = rows(stilts("coneskymatch", f"serviceurl={cone_url}", f"in={mine}", *words))
    found = [(row["name"], row["ID"]) for row in answer]
    assert found == [("a", "ANT3412"), ("a", "ANT7402"), ("b", "ANT5087"), ("b", "ANT3659")]


@pytest.mark.parametrize(
    "path",
    [
        "/ant20_01/nu/cone/scs.xml?RA=43&DEC=35&SR=3",
        "/ant20_01/nu/cone/scs.xml?RA=43&DEC=35&SR=3&VERB=3",
        "/ant20_01/nu/cone/scs.xml?RA=0&DEC=90&SR=1",
        "/ant20_01/nu/cone/scs.xml?RA=abc&DEC=90&SR=1",
        "/ant20_01/nu/cone/form?__nevow_form__=genForm&hscs_pos=43,35&hscs_sr=180"
        "&_FORMAT=VOTable&submit=Go",
        SYNC + "SELECT+TOP+5+*+FROM+ant20_01.main",
        SYNC + "SELECT+*+FROM+tap_schema.columns",
    ],
)
def test_votlint_has_nothing_to_say(fetch, stilts, tmp_path, path):
    document = tmp_path / "answer.vot"
    document.write_bytes(fetch(path).read())
    assert b"<VOTABLE" in document.read_bytes()
    assert stilts("votlint", f"votable={document}") == ""


@pytest.mark.long  # CI runs "make check" as well
def test_all_validators_of_the_check_pass(instance):
    """The DaCHS descriptors and their tests, the registry records and taplint."""
    done = instance.km3vo("check")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "taplint" in done.stdout and "FAILED" not in done.stdout
