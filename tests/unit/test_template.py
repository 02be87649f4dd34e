"""Templates: what is a placeholder, what comes in its place, and what stays as typed."""

import pytest

from models.errors import InvalidInputError
from models.template import (
    Template,
    broken_placeholders,
    check_header,
    is_field_name,
    missing_fields,
    normalise_name,
    placeholders,
    plain_text,
    render,
)
from models.words import Channel

CODE_LIKE = [
    "{{7*7}}",
    "{{config.items()}}",
    "{{ ''.__class__ }}",
    "{% print 'x' %}",
    "{0.__class__}",
    "{name}",
    "${name}",
    "%(name)s",
    "#{name}",
    "<%= name %>",
    "{{name|upper}}",
    "{{{{}}}}",
    "{{}}",
    "{{ }}",
    "{ {name} }",
    "{{na{me}}",
    "{{" + "n" * 41 + "}}",
]


class TestPlaceholders:
    def test_names_come_once_in_order_of_use(self) -> None:
        assert placeholders("{{b}} {{a}} {{ B }} {{first name}}") == ("b", "a", "first name")

    @pytest.mark.parametrize("text", CODE_LIKE)
    def test_anything_but_a_legal_name_is_text(self, text: str) -> None:
        assert placeholders(text) == ()
        assert render(text, {"name": "Ben", "config": "x", "": "y", "n" * 41: "z"}) == text

    @pytest.mark.parametrize(
        "name", ["n", "n" * 40, "first_name", "first-name", "First Name 2", "Größe", "имя", "नाम", "名"]
    )
    def test_letters_of_any_script_make_a_name(self, name: str) -> None:
        assert is_field_name(name)
        assert render(f"<{{{{{name}}}}}>", {name: "x"}) == "<x>"

    @pytest.mark.parametrize("name", ["", " ", "n" * 41, "a.b", "a/b", "a+b", "½", "☃", "a\tb", "a\nb", "a\0b", "a'b"])
    def test_other_characters_make_no_name(self, name: str) -> None:
        assert not is_field_name(name)

    @pytest.mark.parametrize("written", ["First Name", "  first  name ", "FIRST\N{NO-BREAK SPACE}NAME", "first\n name"])
    def test_case_and_spaces_make_no_difference(self, written: str) -> None:
        assert normalise_name(written) == "first name"
        assert render(f"Hi {{{{{written}}}}}!", {"First name": "Ben"}) == "Hi Ben!"

    @pytest.mark.parametrize("unseen", ["\u200b", "\u2060", "\ufeff", "&#8288;"])
    def test_what_copying_brings_along_unseen_is_no_part_of_a_name(self, unseen: str) -> None:
        text = f"Bye {{{{{unseen}first{unseen}_name}}}}"
        assert placeholders(text) == ("first_name",)
        assert render(text, {"first_name": "Ann"}) == "Bye Ann"

    @pytest.mark.parametrize("written", ["first&nbsp;name", "&nbsp;First&#160;&#xA0;Name ", "first&#32;n&#97;me"])
    def test_spaces_that_an_editor_of_html_wrote_as_entities_are_spaces(self, written: str) -> None:
        assert placeholders(f"{{{{{written}}}}}") == ("first name",)
        assert render(f"Hi {{{{{written}}}}}!", {"First name": "Ben"}, escape_html=True) == "Hi Ben!"
        assert missing_fields(f"{{{{{written}}}}}", ["first name"], channel=Channel.EMAIL) == ()

    def test_letters_that_an_editor_of_html_wrote_as_entities_are_letters(self) -> None:
        assert placeholders("{{Gr&ouml;&szlig;e}} {{na&iuml;ve}}") == ("grösse", "naïve")
        assert render("<b>{{Gr&ouml;&szlig;e}}</b>", {"Größe": "<4>"}, escape_html=True) == "<b>&lt;4&gt;</b>"

    def test_entity_leaves_what_has_no_value_as_it_was_written(self) -> None:
        assert render("Hi {{first&nbsp;name}}", {"first name": ""}) == "Hi {{first&nbsp;name}}"

    def test_composed_and_decomposed_letters_are_one_name(self) -> None:
        assert render("{{Gro\N{COMBINING DIAERESIS}sse}}", {"GRÖSSE": "4"}) == "4"

    def test_third_brace_stays_outside_the_placeholder(self) -> None:
        assert render("{{{name}}}", {"name": "Ben"}) == "{Ben}"


class TestRender:
    def test_each_use_is_replaced(self) -> None:
        assert render("{{a}}-{{b}}-{{A}}", {"a": "1", "b": "2"}) == "1-2-1"

    def test_text_without_placeholders_is_unchanged(self) -> None:
        assert render("Hello }}{{ all", {"all": "x"}) == "Hello }}{{ all"

    @pytest.mark.parametrize("values", [{}, {"name": ""}, {"other": "x"}])
    def test_contact_without_value_gets_placeholder_as_written(self, values: dict[str, str]) -> None:
        assert render("Hi {{ Name }}!", values) == "Hi {{ Name }}!"
        assert render("Hi {{ Name }}!", values, escape_html=True) == "Hi {{ Name }}!"

    def test_values_are_never_expanded_again(self) -> None:
        values = {"a": "{{b}}", "b": "{{a}}", "half": "{{a", "tail": "}}"}
        assert render("{{a}}{{b}}", values) == "{{b}}{{a}}"
        assert render("{{half}}{{tail}}", values) == "{{a}}"

    @pytest.mark.parametrize("value", [*CODE_LIKE, r"\1\g<0>\n", "$&", "%s"])
    def test_values_that_look_like_code_stay_literal(self, value: str) -> None:
        assert render("<{{name}}>", {"name": value}) == f"<{value}>"

    def test_values_are_escaped_in_html_and_text_is_not(self) -> None:
        page = '<a title="{{n}}">{{n}}</a> & {{n}}'
        safe = "&lt;b&gt; &amp; &quot;x&quot; &#x27;y&#x27;"
        assert render(page, {"n": "<b> & \"x\" 'y'"}, escape_html=True) == f'<a title="{safe}">{safe}</a> & {safe}'

    def test_one_template_renders_many_contacts(self) -> None:
        template = Template.parse("{{greeting}}, {{name}}.")
        assert template.names == ("greeting", "name")
        assert [template.render({"greeting": "Hi", "name": name}) for name in ("Ben", "Vera", "")] == [
            "Hi, Ben.",
            "Hi, Vera.",
            "Hi, {{name}}.",
        ]


class TestMissingFields:
    def test_names_without_a_column_are_told(self) -> None:
        text = "{{a}} {{ B }} {{c d}} {{a}}"
        assert missing_fields(text, ["A", "C  D"], channel=Channel.SMS) == ("b",)

    def test_unsubscribe_link_is_known_to_email_only(self) -> None:
        assert missing_fields("{{Unsubscribe_URL}}", [], channel=Channel.EMAIL) == ()
        assert missing_fields("{{unsubscribe_url}}", [], channel=Channel.SMS) == ("unsubscribe_url",)

    @pytest.mark.parametrize(
        ("written", "told"),
        [
            ("{{first.name}}", "first.name"),
            ("{{ name! }}", "name!"),
            ("{{name | default: &quot;you&quot;}}", 'name | default: "you"'),
            ("{{7*7}}", "7*7"),
            ("{{first <b>name</b>}}", "first <b>name</b>"),
            ("{{a&amp;nbsp;b}}", "a&nbsp;b"),
            ("{{first\N{ZERO WIDTH JOINER}name}}", "first\N{ZERO WIDTH JOINER}name"),
            ("{{" + "n" * 41 + "}}", "n" * 41),
            ("{{" + "n " * 500 + "}}", "n " * 29 + "n…"),
        ],
    )
    def test_what_can_be_no_name_is_told_as_it_stands(self, written: str, told: str) -> None:
        text = f"Hi {{{{name}}}}, {written} {written}"
        assert missing_fields(text, ["name", "first name", "n"], channel=Channel.EMAIL) == (told,)

    @pytest.mark.parametrize("text", ["{{}}", "{{ }}", "{{&nbsp;}}", "{{:-)}}", "{name}", "{ {name} }", "{% x %}"])
    def test_braces_that_were_not_meant_for_a_field_are_text(self, text: str) -> None:
        assert missing_fields(text, [], channel=Channel.SMS) == ()

    def test_styles_and_json_are_text(self) -> None:
        page = '<style>@media print{a{color:red}}</style><script>{"a":{"b":{}}}</script>{{name}}'
        assert missing_fields(page, ["name"], channel=Channel.EMAIL) == ()


class TestBrokenPlaceholders:
    """With the fields `name` and `first name`."""

    FIELDS = ("Name", "first name")

    @pytest.mark.parametrize(
        ("text", "told"),
        [
            ("Hi {{name}, hi", ("{{name}",)),
            ("Hi {name}}", ("{name}}",)),
            ("Hi name}}", ("name}}",)),
            ("Hi {{ name", ("{{ name",)),
            ("Hi {{name, thanks", ("{{name",)),
            ("Hi {{name, thanks}", ("{{name",)),
            ("Hi {{nmae}", ("{{nmae}",)),
            ("Hi {nmae}}", ("{nmae}}",)),
            ("Hi {NAME}, { first  name }", ("{NAME}", "{ first name }")),
            ("Hi { {name} }", ("{name}",)),
            ("Hi {{first&nbsp;name}, {first&nbsp;name}", ("{{first&nbsp;name}", "{first&nbsp;name}")),
            ("{unsubscribe_url}", ("{unsubscribe_url}",)),
            ("{{name} and {{name}} and {{name}", ("{{name}",)),
            ("{{name and {{name}}", ("{{name",)),
            ("{{" + "n" * 70 + "}", ("{{" + "n" * 57 + "…",)),
        ],
    )
    def test_what_was_meant_for_a_field_is_told_as_it_stands(self, text: str, told: tuple[str, ...]) -> None:
        assert broken_placeholders(text, field_names=self.FIELDS) == told

    @pytest.mark.parametrize(
        "text",
        [
            "Hi {{name}}, {{ First  Name }}",
            "{{{name}}}",
            "{{nmae}}",
            "{{name!}}",
            "{} {{} {}} { } {{ } {{}} :-} {:",
            "{nmae} {one of two} nmae}}",
            "name {name: value} {name;}",
            "<style>@media print{a{color:red}} p { color: name }.name{margin:0}</style>",
            "<style>@media print{\n.name{\nmargin:0\n}}</style>",
            '<script>{"name":{"b":{}}}</script>',
            "\\frac{a}{{b}}",
        ],
    )
    def test_whole_placeholders_and_braces_on_purpose_are_not(self, text: str) -> None:
        assert broken_placeholders(text, field_names=self.FIELDS) == ()

    def test_texts_are_looked_at_each_for_itself(self) -> None:
        assert broken_placeholders("Hi {{", "name}", "{first name}", field_names=self.FIELDS) == ("{first name}",)


class TestCheckHeader:
    @pytest.mark.parametrize("text", ["Storm season", "Größe 名 \N{ROCKET}", "", "a: b; c"])
    def test_one_line_is_given_back(self, text: str) -> None:
        assert check_header(text, field="Subject") == text

    @pytest.mark.parametrize("end", ["\r\n", "\n", "\r", "\0", "\v", "\f", "\x1c", "\x85", "\N{LINE SEPARATOR}"])
    def test_line_break_or_nul_is_refused(self, end: str) -> None:
        with pytest.raises(InvalidInputError, match=r"^Subject contains a line break or a NUL") as refusal:
            check_header(f"Hello{end}Bcc: mallory@example.org", field="Subject")
        assert refusal.value.field == "Subject"

    def test_break_at_the_end_is_refused(self) -> None:
        with pytest.raises(InvalidInputError):
            check_header("Hello\n", field="Subject")


class TestPlainText:
    @pytest.mark.parametrize(
        ("html", "text"),
        [
            ("<p>One</p><p>Two</p>", "One\n\nTwo"),
            ("One<br>Two<br/><br>Three", "One\nTwo\n\nThree"),
            ("<div>One</div><div><div>Two</div></div>", "One\nTwo"),
            ("  One\n  <b>big</b>\tword ", "One big word"),
            ("A &amp; B &lt;c&gt; &#8364;&nbsp;5", "A & B <c> € 5"),
            ("<h1>Title</h1>Text", "Title\n\nText"),
            ("<table><tr><td>A</td><td>B</td></tr><tr><td>C</td></tr></table>", "A B\nC"),
            ('<img src="cid:1" alt="Logo">', "Logo"),
            ("", ""),
        ],
    )
    def test_blocks_become_lines(self, html: str, text: str) -> None:
        assert plain_text(html) == text

    @pytest.mark.parametrize(
        ("html", "text"),
        [
            (
                '<a href="https://a.example/?x=1&amp;y=2">the <i>offer</i></a>.',
                "the offer (https://a.example/?x=1&y=2).",
            ),
            ('<a href="https://a.example">https://a.example</a>', "https://a.example"),
            ('<a href="mailto:ben@a.example">ben@a.example</a>', "ben@a.example"),
            ('<a href="https://a.example"><img src="x"></a>', "https://a.example"),
            ('<a href="#top">Up</a> <a>Nowhere</a> <a href="javascript:x()">Run</a>', "Up Nowhere Run"),
            (
                '<a href="https://a.example">one<a href="https://b.example">two',
                "one (https://a.example)two (https://b.example)",
            ),
            ('<a href="{{unsubscribe_url}}">Unsubscribe</a>', "Unsubscribe ({{unsubscribe_url}})"),
        ],
    )
    def test_links_show_where_they_lead(self, html: str, text: str) -> None:
        assert plain_text(html) == text

    def test_lists_keep_markers_and_levels(self) -> None:
        html = "<p>Bring:</p><ul><li>water<li><p>food</p><ol><li>bread</li><li>salt</li></ol></li></ul>End"
        assert plain_text(html) == "Bring:\n\n- water\n- food\n  1. bread\n  2. salt\n\nEnd"

    def test_scripts_styles_and_comments_are_left_out(self) -> None:
        html = "<head><title>T</title><style>p{}</style></head><p>Hi<script>x('</p>')</script><!-- no --></p>"
        assert plain_text(html) == "Hi"

    @pytest.mark.parametrize("html", ["</ul></a></script>Hi", "<li>Hi", "<a href='x", "<p", "&#xffffffff;", "<!["])
    def test_broken_html_is_read_as_far_as_it_goes(self, html: str) -> None:
        assert plain_text(html) in {"Hi", "- Hi", "", "\N{REPLACEMENT CHARACTER}", "<a href='x", "<p", "<!["}

    def test_placeholders_survive_to_be_rendered(self) -> None:
        text = plain_text("<p>Hi {{First\n   Name}},</p>")
        assert render(text, {"first name": "<Ben>"}) == "Hi <Ben>,"
