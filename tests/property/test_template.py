"""Any text at all, and the list of naughty strings: replaced once, never evaluated, always escaped."""

import json
import re
from html import unescape
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import InvalidInputError
from models.segments import GSM_BASIC, GSM_EXTENSION, Encoding, count_segments
from models.template import (
    Template,
    check_header,
    is_field_name,
    normalise_name,
    placeholders,
    plain_text,
    render,
)

FIXTURES = Path(__file__).parents[1] / "fixtures"
NAUGHTY = json.loads((FIXTURES / "naughty_strings.json").read_text(encoding="utf-8"))
FORMULAS = (FIXTURES / "csv_injection.txt").read_text(encoding="utf-8").splitlines()
TRICKY = st.one_of(
    st.sampled_from([*NAUGHTY, *FORMULAS]),
    st.text(),
    st.text(alphabet="{}ab _-%$<>&\"'\n", max_size=60),
)
NAMES = st.text(alphabet="abÄß_- 9", min_size=1, max_size=40).filter(lambda name: name.strip() != "")
GSM_TEXT = st.text(alphabet=GSM_BASIC + GSM_EXTENSION * 4, max_size=700)
ANY_TEXT = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=300)


def test_lists_of_hostile_strings_are_whole() -> None:
    assert len(NAUGHTY) == 515
    assert len(FORMULAS) == 6


@pytest.mark.parametrize("value", [*NAUGHTY, *FORMULAS])
def test_naughty_value_arrives_once_and_literally(value: str) -> None:
    expected = value if value.strip() else "{{v}}"
    assert render("a{{v}}b{{w}}c", {"v": value, "w": "x"}) == f"a{expected}bxc"
    in_html = Template.parse("{{v}}").render({"v": value}, escape_html=True)
    assert unescape(in_html) == unescape(expected.replace("&", "&amp;"))
    assert not re.search("[<>\"']", in_html)


@pytest.mark.parametrize("text", [*NAUGHTY, *FORMULAS])
def test_naughty_template_is_text(text: str) -> None:
    assert placeholders(text) == ()
    assert render(text, {"name": "x"}) == text


@given(text=TRICKY)
def test_template_without_values_is_unchanged(text: str) -> None:
    assert render(text, {}) == text
    assert render(text, {}, escape_html=True) == text


@given(before=TRICKY, value=TRICKY, after=TRICKY)
def test_value_lands_between_its_neighbours(before: str, value: str, after: str) -> None:
    # A brace or an open placeholder of a neighbour would change where the placeholder begins.
    before, after = before.replace("{", "("), after.replace("}", ")")
    fields = {"the field": value}
    assert (
        render(f"{before}{{{{The  Field}}}}{after}", fields)
        == f"{before}{value if value.strip() else '{{The  Field}}'}{after}"
    )


@given(name=NAMES)
def test_normalising_a_name_twice_changes_nothing(name: str) -> None:
    assert is_field_name(name)
    assert normalise_name(normalise_name(name)) == normalise_name(name) == normalise_name(f" {name.upper().lower()} ")
    assert placeholders(f"{{{{{name}}}}}") == (normalise_name(name),)


@given(html=TRICKY, value=TRICKY)
def test_escaped_value_adds_no_markup(html: str, value: str) -> None:
    assert (
        plain_text(render("<p>{{v}}</p>", {"v": value}, escape_html=True)).split() == (value.strip() or "{{v}}").split()
    )
    assert isinstance(plain_text(html), str)


@given(text=TRICKY)
def test_accepted_header_is_one_line(text: str) -> None:
    try:
        check_header(text, field="Subject")
    except InvalidInputError:
        assert "\0" in text or text.splitlines() != [text]
    else:
        assert "\0" not in text
        assert text.splitlines() in ([], [text])


@given(text=GSM_TEXT)
def test_gsm_count_lies_between_full_and_loosest_packing(text: str) -> None:
    size = count_segments(text)
    assert size.encoding is Encoding.GSM_7
    assert size.characters == len(text) + sum(text.count(character) for character in GSM_EXTENSION)
    if size.characters > 160:
        # A cut loses at most the one place that half an extension character would have taken.
        assert -(-size.characters // 153) <= size.count <= -(-size.characters // 152)
    else:
        assert size.count == (1 if text else 0)


@given(text=ANY_TEXT)
def test_ucs2_count_lies_between_full_and_loosest_packing(text: str) -> None:
    size = count_segments("Ж" + text)
    assert size.encoding is Encoding.UCS_2
    assert size.characters == len(("Ж" + text).encode("utf-16-be")) // 2
    if size.characters > 70:
        assert -(-size.characters // 67) <= size.count <= -(-size.characters // 66)
    else:
        assert size.count == 1


@given(length=st.integers(min_value=161, max_value=2000))
def test_plain_ascii_fills_each_segment(length: int) -> None:
    assert count_segments("a" * length).count == -(-length // 153)


@given(text=ANY_TEXT, more=ANY_TEXT)
def test_longer_text_never_takes_fewer_segments(text: str, more: str) -> None:
    assert count_segments(text + more).count >= count_segments(text).count
