"""Everything in a packet is found among its parameters, as an independent parser confirms."""

import json
import string
import xml.etree.ElementTree as ElementTree
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.alerts.notices.model import PacketError
from ingest.alerts.notices.parsing import parse
from tests.alerts.sample_packets import voevent

SECTIONS = ("Who", "What", "WhereWhen", "How", "Why", "Citations")


def texts_and_attributes(root):
    """Count every text and attribute value of an XML tree, by the standard library's parser."""
    found = Counter()
    for element in root.iter():
        for text in (element.text, element.tail if element is not root else None):
            if text and text.strip():
                found[text.strip()] += 1
        for name, value in element.attrib.items():
            if not name.endswith("schemaLocation") and element.tag.rpartition("}")[2] not in (
                "Param",
                "Group",
                "Table",
                "Field",
            ):
                found[value] += 1
    return found


def assert_nothing_is_missing(content, notice):
    root = ElementTree.fromstring(content)
    found = Counter()
    for parameter in notice.parameters:
        for text in (parameter.value, parameter.description):
            if text is not None:
                found[text] += 1
                found[text.strip()] += text != text.strip()
    missing = {
        text: count for text, count in texts_and_attributes(root).items() if found[text] < count
    }
    assert not missing
    # names of Params, Groups, Fields and Tables are in paths, their other attributes in fields
    for element in root.iter():
        kind = element.tag.rpartition("}")[2]
        if kind in ("Param", "Group", "Table", "Field"):
            for name, value in element.attrib.items():
                assert any(
                    value in (p.value, p.unit, p.ucd, p.data_type)
                    or (name == "name" and value in p.path)
                    for p in notice.parameters
                ), (kind, name, value)


def xml_files(delivered):
    return sorted((delivered / "alerts" / "voevent").glob("*.xml"))


def test_nothing_of_a_real_voevent_is_lost(delivered):
    read = 0
    for path in xml_files(delivered):
        content = path.read_bytes()
        try:
            notice = parse(content)
        except PacketError:
            assert path.name in ("not_a_voevent_quakeml.xml", "not_well_formed.xml")
            continue
        assert_nothing_is_missing(content, notice)
        read += 1
    assert read >= 20


def leaves(value):
    """Yield every scalar of a JSON document as the standard library writes it."""
    if isinstance(value, dict):
        for below in value.values():
            yield from leaves(below)
    elif isinstance(value, list):
        for item in value:
            yield from leaves(item)
    elif isinstance(value, str):
        yield value
    elif value is not None:
        yield json.dumps(value)


def test_nothing_of_a_real_notice_is_lost(delivered):
    for path in sorted((delivered / "alerts" / "gcn").glob("*.json")):
        content = path.read_bytes()
        # numbers as texts, so that 8.029e-8 is not another one's 8.029e-08
        expected = Counter(leaves(json.loads(content, parse_float=str, parse_int=str)))
        found = Counter(p.value for p in parse(content).parameters if p.value is not None)
        assert found == expected, path.name


def test_params_are_distinguished_by_their_groups(delivered):
    notice = parse((delivered / "alerts" / "voevent" / "km3net_gcn_multiplet.xml").read_bytes())
    ids = {p.path: p.value for p in notice.parameters if p.path.endswith("/id")}
    assert ids == {
        "Nu_Event_1/id": "km3.234.22488.72853.13018",
        "Nu_Event_2/id": "km3.234.23492.58959.787",
    }
    gold = parse((delivered / "alerts" / "voevent" / "icecube_gold.xml").read_bytes())
    paths = [p.path for p in gold.parameters if p.section == "What"]
    assert {"Trigger_ID", "Trigger_ID/Test", "Trigger_ID/Retraction", "Misc_flags"} <= set(paths)
    assert paths.index("AMON_ID") < paths.index("run_id") < paths.index("Trigger_ID/Test")


def test_a_param_keeps_unit_ucd_type_and_description(delivered):
    notice = parse((delivered / "alerts" / "voevent" / "icecube_cascade.xml").read_bytes())
    (energy,) = [p for p in notice.parameters if p.path == "energy"]
    assert (energy.section, energy.value, energy.unit) == ("What", "111.4551", "TeV")
    assert (energy.ucd, energy.data_type) == ("phys.energy", "float")
    assert energy.description == "Likely neutrino energy (in TeV), 5-10% uncertainty."


def test_content_in_unusual_places_is_not_lost():
    content = voevent(
        "a text in What",
        '<Param name="n" utype="x:y">inside</Param>',
        "<Param><Value>no name</Value><Description>one</Description>"
        "<Description>two</Description></Param>",
        '<Group name="g" type="t"><Group><Param name="deep" value="d"/></Group></Group>a tail',
        '<Table name="t"><Field name="f"/><Data><TR><TD>1</TD><TD>beyond</TD></TR></Data></Table>',
        '<Param name="v" value="attribute"><Value>and element</Value></Param>',
        rest="<How><Reference uri='u' type='url'/>x<b>y</b>z</How>"
        "<Reference uri='w'/><Unknown a='b'>text</Unknown>",
    )
    assert_nothing_is_missing(content, parse(content))


def test_comments_are_not_content_but_what_is_around_them_is():
    notice = parse(voevent(rest="<Why><Name>GRB <!-- or -->230116</Name></Why>"))
    assert "GRB 230116" in [p.value for p in notice.parameters]


words = st.text(string.ascii_letters + string.digits + "_ .-äβ", min_size=1, max_size=8)
names = st.text(string.ascii_letters, min_size=1, max_size=6)


@st.composite
def trees(draw, depth=3):
    kind = draw(st.sampled_from(["Param", "Group", "Table", "Field", "Description", "Any"]))
    element = ElementTree.Element(kind)
    if draw(st.booleans()):
        element.set("name", draw(names))
    for key in draw(st.sets(st.sampled_from(["value", "unit", "ucd", "dataType", "type"]))):
        element.set(key, draw(words))
    if draw(st.booleans()):
        element.text = draw(words)
    if depth:
        for child in draw(st.lists(trees(depth=depth - 1), max_size=3)):
            element.append(child)
    if draw(st.booleans()):
        element.tail = draw(words)
    return element


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(trees(), max_size=4), st.sampled_from(SECTIONS))
@pytest.mark.slow
def test_nothing_of_any_voevent_is_lost(children, section):
    if section == "What":
        what = "".join(ElementTree.tostring(c, "unicode") for c in children)
        content = voevent(what)
    else:
        body = "".join(ElementTree.tostring(c, "unicode") for c in children)
        content = voevent(rest=f"<{section}>{body}</{section}>")
    assert_nothing_is_missing(content, parse(content))


scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | words
)
documents = st.dictionaries(
    words,
    st.recursive(
        scalars,
        lambda below: st.lists(below, max_size=3) | st.dictionaries(words, below, max_size=3),
        max_leaves=12,
    ),
    max_size=5,
)


@settings(max_examples=300, deadline=None)
@given(documents)
def test_nothing_of_any_notice_is_lost(document):
    document = {**document, "id": "x"}
    notice = parse(json.dumps(document).encode())
    found = Counter(
        p.value for p in notice.parameters if p.data_type in ("string", "number", "boolean")
    )
    assert found == Counter(leaves(document))
    nothing = [p for p in notice.parameters if p.data_type in ("null", "array", "object")]
    assert {p.value for p in nothing} <= {None, "[]", "{}"}
