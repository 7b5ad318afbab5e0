import pytest

from ingest.core.xml import MAX_ATTRIBUTES, MAX_TAGS, XMLError, parse_xml


def test_a_document_without_comments_and_blanks():
    root = parse_xml(b"<?xml version='1.0'?><?a b?><a> <b>1<!-- x -->2</b>\n</a>")
    assert (root.tag, root.text, len(root)) == ("a", None, 1)
    assert root[0].text == "12"


def test_comments_can_be_kept():
    root = parse_xml(b"<a><!-- x --><b/></a>", keep_comments=True)
    assert [child.text for child in root] == [" x ", None]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "iso-8859-1"])
def test_bytes_are_decoded_as_declared(encoding):
    text = f"<?xml version='1.0' encoding='{encoding}'?><a>Möller</a>"
    assert parse_xml(text.encode(encoding)).text == "Möller"


def test_the_declared_encoding_of_text_is_ignored():
    assert parse_xml("<?xml version='1.0' encoding='ascii'?><a>Möller</a>").text == "Möller"


def test_a_document_type_without_entities_is_parsed(tmp_path):
    (tmp_path / "a.dtd").write_text("<!ATTLIST a b CDATA 'c'>")
    root = parse_xml(f'<!DOCTYPE a SYSTEM "{tmp_path / "a.dtd"}"><a/>')
    assert dict(root.attrib) == {}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize(
    "declaration", ['a "b"', 'a SYSTEM "file:///etc/passwd"', '% a "<!ELEMENT a ANY>"']
)
def test_entities_are_refused(declaration, encoding):
    document = f"<!DOCTYPE a [<!ENTITY {declaration}>]><a/>".encode(encoding)
    with pytest.raises(XMLError, match="declares entities"):
        parse_xml(document)


@pytest.mark.parametrize(
    ("document", "problem", "where"),
    [
        (b"", "not well-formed", "line 1, column 1"),
        (b"no XML", "not well-formed", "line 1, column 1"),
        (b"<a>\n<b></a>", "not well-formed", "line 2, column 8"),
        (b"<a>&unknown;</a>", "not well-formed", "line 1, column 13"),
        # the end of the 257th tag
        (b"<a>" * 300 + b"</a>" * 300, "not well-formed", "line 1, column 771"),
        (b"<a>" + b"<b/>" * MAX_TAGS + b"</a>", "too many elements", None),
        (
            b"<a " + b" ".join(b"b%05d='12345678901234567890'" % i for i in range(2000)) + b"/>",
            f"too many attributes\n  expected: at most {MAX_ATTRIBUTES}",
            None,
        ),
    ],
)
def test_what_is_no_xml_or_beyond_the_limits_is_refused(document, problem, where):
    with pytest.raises(XMLError, match=problem) as caught:
        parse_xml(document)
    assert caught.value.where == where
    assert caught.value.exit_code == 2
