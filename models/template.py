"""A campaign's text: `{{name}}` filled with a contact's fields, once and never evaluated (SPEC 4)."""

import re
import unicodedata
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from html import escape, unescape
from html.parser import HTMLParser
from itertools import count, repeat

from models.errors import InvalidInputError
from models.words import Channel

UNSUBSCRIBE_URL = "unsubscribe_url"
NAME_LENGTH = 40  # characters, spaces at the ends not counted
LONGEST_TOLD = 60  # characters of what is no placeholder

# What could be a placeholder; whether it is one, `is_field_name` says.
_BRACES = re.compile(r"\{\{([^{}]+)\}\}")
# What may have been meant for one, once the whole ones are taken out: two braces before a word, up to the brace that
# closes it if only a name comes between; braces around something; a whole word before two braces.
_BROKEN = re.compile(
    r"\{\{(?:\s|&nbsp;)*[\w-]+(?:[\w\s&;-]*\})?|\{[^{}]+\}\}?|(?<![\w-])[\w-]+\}\}",
)
# Letters with the marks that belong to them, decimal digits, and spaces, the non-breaking one included:
# editors type it unasked.
_NAME_CATEGORIES = frozenset({"Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Nd", "Zs"})
# What copying a text brings along unseen, out of Slack for one: no name has any of it.
_COPIED_ALONG = dict.fromkeys(map(ord, "\u200b\u2060\ufeff"))
# NUL, and all that Python's email package takes for the end of a header's line.
_UNFIT_FOR_HEADER = re.compile("[\0\n\v\f\r\x1c-\x1e\x85\u2028\u2029]")


def is_field_name(name: str) -> bool:
    """Whether a field may be called this: 1 to 40 letters, digits, spaces, `_` and `-`."""
    length = len(unicodedata.normalize("NFC", _one_line(name)))
    return 1 <= length <= NAME_LENGTH and all(
        character in "_-" or unicodedata.category(character) in _NAME_CATEGORIES for character in name
    )


@lru_cache(maxsize=4096)  # the names of a campaign's fields come back with each contact
def normalise_name(name: str) -> str:
    """The name by which fields are told apart: case, spaces at the ends and runs of spaces don't matter."""
    return unicodedata.normalize("NFC", _one_line(name).casefold())


def _one_line(name: str) -> str:
    return " ".join(name.split())


def is_blank(value: str) -> bool:
    """Whether a contact has no value here: a cell with nothing in it, or nothing but white space."""
    return not value or value.isspace()


def _meant(braces: re.Match[str]) -> str:
    """What stands in the braces as people read it. No name has an `&`, so an entity can't be one by chance."""
    return _one_line(unescape(braces[1]).translate(_COPIED_ALONG))


@dataclass(frozen=True, slots=True)
class Placeholder:
    """One use of a field: `written` is the whole `{{Name}}` as typed, `name` the normalised name."""

    written: str
    name: str


@dataclass(frozen=True, slots=True)
class Template:
    """A text taken apart once, to be rendered for many contacts.

    `lead` comes before the first placeholder, `rest` is each placeholder with the text after it.
    """

    lead: str
    rest: tuple[tuple[Placeholder, str], ...]

    @classmethod
    def parse(cls, text: str) -> "Template":
        """Take `text` apart. Braces around anything but a legal name are text like any other.

        A name may be broken over lines and have entities in it, `&nbsp;` above all, as editors of HTML write them.
        """
        found = [match for match in _BRACES.finditer(text) if is_field_name(_meant(match))]
        ends = [*(match.start() for match in found[1:]), len(text)]
        return cls(
            lead=text[: found[0].start()] if found else text,
            rest=tuple(
                (Placeholder(match[0], normalise_name(_meant(match))), text[match.end() : end])
                for match, end in zip(found, ends[: len(found)], strict=True)
            ),
        )

    @property
    def names(self) -> tuple[str, ...]:
        """The normalised names used, in order of first use."""
        return tuple(dict.fromkeys(placeholder.name for placeholder, _ in self.rest))

    def render(self, values: Mapping[str, str], *, escape_html: bool = False) -> str:
        """The text for one contact; `values` are its fields under any spelling of their names.

        A field that is missing or blank leaves its placeholder as it was written. With `escape_html`
        the values (not the text) are made safe for HTML and for quoted attributes.
        """
        fields = {normalise_name(name): value for name, value in values.items()}
        pieces = [self.lead]
        for placeholder, following in self.rest:
            value = fields.get(placeholder.name, "")
            if is_blank(value):
                pieces.append(placeholder.written)
            else:
                pieces.append(escape(value) if escape_html else value)
            pieces.append(following)
        return "".join(pieces)


def placeholders(text: str) -> tuple[str, ...]:
    """The normalised names of the fields that `text` uses, in order of first use."""
    return Template.parse(text).names


def render(text: str, values: Mapping[str, str], *, escape_html: bool = False) -> str:
    """`Template.render` for a text that is rendered once."""
    return Template.parse(text).render(values, escape_html=escape_html)


def missing_fields(text: str, field_names: Iterable[str], *, channel: Channel) -> tuple[str, ...]:
    """What `text` has in double braces and no field provides. Email always has the unsubscribe link.

    Names are normalised. What can be no name is told as it stands, for it was meant for one all the same: people
    would read it so. Braces around neither letter nor digit are text.
    """
    known = {normalise_name(name) for name in field_names}
    if channel is Channel.EMAIL:
        known.add(UNSUBSCRIBE_URL)
    used = (_told(_meant(braces)) for braces in _BRACES.finditer(text))
    return tuple(dict.fromkeys(name for name in used if name and name not in known))


def broken_placeholders(*texts: str, field_names: Iterable[str]) -> tuple[str, ...]:
    """What looks like a placeholder in `texts` but goes out as typed, as it stands there, shortened.

    Two braces on one side (`{{name}`, `{name}}`, `{{ name` that nothing closes) are meant for a field, whether there is
    one or not. Single braces around a name, and a word before two braces, may be there on purpose, so they are told
    only of a field's name or the link to unsubscribe. CSS, JSON and `{}` have neither. What stands between whole
    braces is none of it: of that `missing_fields` tells.
    """
    known = {normalise_name(name) for name in (*field_names, UNSUBSCRIBE_URL)}
    found = (match[0] for text in texts for match in _BROKEN.finditer(_BRACES.sub("\0", text)))
    return tuple(dict.fromkeys(_shortened(_one_line(written)) for written in found if _is_meant(written, known)))


def _is_meant(written: str, known: Container[str]) -> bool:
    meant = _one_line(unescape(written.strip("{}")))
    if written.startswith("{{"):
        return any(map(str.isalnum, meant))
    if not is_field_name(meant):
        return False
    return normalise_name(meant) in known or (written.startswith("{") and written.endswith("}}"))


def _told(meant: str) -> str:
    """A name as fields are told apart by it, else what stands there, shortened; '' without letter and digit."""
    if is_field_name(meant):
        return normalise_name(meant)
    if not any(map(str.isalnum, meant)):
        return ""
    return _shortened(meant)


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST_TOLD else text[: LONGEST_TOLD - 1] + "…"


def check_header(text: str, *, field: str) -> str:
    """`text` itself, fit for an email header (subject, name, address).

    Raises InvalidInputError for a line break or NUL, by which a value could add headers of its own;
    `field` is what the sentence calls it. Check again after rendering: values may carry them too.
    """
    if _UNFIT_FOR_HEADER.search(text):
        raise InvalidInputError(f"{field} contains a line break or a NUL; it must be one line.", field=field)
    return text


def plain_text(html: str) -> str:
    """The plain-text part of an email, made from its HTML.

    Links become `text (url)`, images their alternative text, list items lines with a dash or number.
    Placeholders stay: render the result without `escape_html`.
    """
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return reader.text()


_PARAGRAPHS = frozenset({"blockquote", "h1", "h2", "h3", "h4", "h5", "h6", "ol", "p", "pre", "table", "ul"})
_LINES = frozenset(
    {"address", "article", "center", "dd", "div", "dl", "dt", "figure", "footer", "form", "header", "hr"}
    | {"li", "main", "nav", "section", "tr"}
)
_CELLS = frozenset({"td", "th"})
_LISTS = frozenset({"ol", "ul"})
_UNSEEN = frozenset({"script", "style", "template", "title"})
# One level of a list. Tabs of the HTML itself are collapsed like all white space, so it can't be mistaken.
_INDENT = "\t"


class _Reader(HTMLParser):
    """Collects words, with the line breaks and list markers that are due before the next ones."""

    def __init__(self) -> None:
        super().__init__()
        self._pieces: list[str] = []
        self._breaks = 0
        self._marker = ""
        self._lists: list[Iterator[str]] = []
        self._link: tuple[str, int] | None = None  # its address, and the piece at which its text begins
        self._unseen = 0

    def text(self) -> str:
        """What was read, without spaces at the ends of lines."""
        self._end_link()
        words = re.sub(" {2,}", " ", "".join(self._pieces))
        return words.replace(" \n", "\n").replace(_INDENT, "  ").strip()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        self._break_around(tag)
        if tag in _UNSEEN:
            self._unseen += 1
        elif tag == "br":
            self._breaks = min(self._breaks + 1, 2)
        elif tag == "img":
            self.handle_data(attributes.get("alt") or "")
        elif tag == "a":
            self._end_link()
            self._link = (attributes.get("href") or "", len(self._pieces))
        elif tag in _LISTS:
            self._lists.append(map("{}. ".format, count(1)) if tag == "ol" else repeat("- "))
        elif tag == "li":
            self._marker = _INDENT * (len(self._lists) - 1) + (next(self._lists[-1]) if self._lists else "- ")

    def handle_endtag(self, tag: str) -> None:
        if tag in _UNSEEN:
            self._unseen = max(self._unseen - 1, 0)
        elif tag == "a":
            self._end_link()
        elif tag in _LISTS and self._lists:
            self._lists.pop()
        self._break_around(tag)

    def handle_data(self, data: str) -> None:
        words = re.sub(r"\s+", " ", data)
        begins_line = self._breaks or self._marker or not self._pieces
        if begins_line:
            words = words.lstrip()
        if self._unseen or not words:
            return
        if begins_line:
            words = "\n" * (self._breaks if self._pieces else 0) + self._marker + words
            self._breaks, self._marker = 0, ""
        self._pieces.append(words)

    def _break_around(self, tag: str) -> None:
        if tag in _PARAGRAPHS:
            self._breaks = max(self._breaks, 1 if self._lists else 2)
        elif tag in _LINES:
            self._breaks = max(self._breaks, 1)
        elif tag in _CELLS:
            self.handle_data(" ")

    def _end_link(self) -> None:
        if self._link is None:
            return
        address, begin = self._link
        self._link = None
        label = "".join(self._pieces[begin:]).strip()
        leads_nowhere = not address or address.startswith(("#", "javascript:"))
        if leads_nowhere or address.removeprefix("mailto:").removeprefix("tel:") in label:
            return
        if label:
            self._pieces.append(f" ({address})")
        else:
            self.handle_data(f" {address} ")
