"""How a template comes out over many contacts: the segments of all of them, and the fields that are empty."""

from collections import Counter
from collections.abc import Iterable, Sequence

from models.segments import GSM_BASIC, LONGEST_SMS, Encoding, count_segments
from models.template import Template, is_blank, normalise_name

_ONE_UNIT = frozenset(GSM_BASIC)


class Measure:
    """Add the contacts' values; then `sizes` tells how many texts are of which encoding and how many segments,
    `too_long` how many no SMS can carry, and `empty` how many contacts lack a field that the text uses.

    Sizes and lengths mean something for an SMS only.
    """

    def __init__(self, text: str, field_names: Sequence[str]) -> None:
        self.sizes: Counter[tuple[Encoding, int]] = Counter()
        self.too_long = 0
        self.empty: Counter[str] = Counter()
        self._template = Template.parse(text)
        used = set(self._template.names)
        self._places = [place for place, name in enumerate(field_names) if normalise_name(name) in used]
        self._names = [field_names[place] for place in self._places]

    @property
    def segments(self) -> int:
        """The exact sum over all contacts."""
        return sum(n * segments for (_, segments), n in self.sizes.items())

    @property
    def varies(self) -> bool:
        """Whether the text uses any field, so that contacts differ."""
        return bool(self._places)

    def add(self, contacts: Iterable[Sequence[str]]) -> None:
        """Each contact's values in the order of the field names. Those that are alike are looked at once."""
        for values, n in Counter(map(self._picked, contacts)).items():
            self.add_alike(n, values)

    def add_alike(self, n: int, values: Sequence[str] = ()) -> None:
        """So many contacts with these values in the fields that the text uses."""
        known = dict(zip(self._names, values, strict=True))
        text = self._template.render(known)
        size = count_segments(text)
        self.sizes[size.encoding, size.count] += n
        self.too_long += n if len(text) > LONGEST_SMS else 0
        if not all(values):
            self.empty.update({name: n for name, value in known.items() if not value})

    def _picked(self, values: Sequence[str]) -> tuple[str, ...]:
        """Of a contact whose values were erased nothing is left to pick."""
        return tuple([_alike(values[place]) if place < len(values) else "" for place in self._places])


def _alike(value: str) -> str:
    """A value that takes the same room: of GSM-7's basic characters only the number matters, unless it is blank.

    In either encoding each is one unit, so thousands of names, case numbers and dates come down to a few lengths.
    """
    if is_blank(value):
        return ""
    return "x" * len(value) if _ONE_UNIT.issuperset(value) else value
