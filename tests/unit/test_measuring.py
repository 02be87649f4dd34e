"""A template over many contacts: the same figures as rendering each of them by itself."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from models.measuring import Measure
from models.segments import count_segments
from models.template import render

NAMES = ["First name", "city", "code"]
VALUES = st.sampled_from(
    ["", " ", "Ann", "Ann Lee 7", "Łukasz", "€", "😀", "ST-0012/7", "ü_@£\n", "x" * 60, "{{city}}", "ж" * 30]
)
CONTACTS = st.lists(st.tuples(VALUES, VALUES, VALUES), max_size=8)
TEXTS = st.sampled_from(
    [
        "Hi {{first NAME}} of {{ city }}",
        "{{city}}{{city}}",
        "Hi 😀 {{code}}",
        "[{{code}}] {{first name}}",
        "{{code}} {{unknown}}",
    ]
)


@given(text=TEXTS, contacts=CONTACTS)
def test_segments_are_the_sum_over_all_contacts(text: str, contacts: list[tuple[str, str, str]]) -> None:
    measure = Measure(text, NAMES)
    measure.add(contacts)
    rendered = [render(text, dict(zip(NAMES, values, strict=True))) for values in contacts]
    assert measure.segments == sum(count_segments(one).count for one in rendered)


def test_empty_fields_are_counted_if_the_text_uses_them() -> None:
    measure = Measure("{{CITY}} {{first name}} {{city}}", NAMES)
    measure.add([("Ann", "", ""), ("", "", "x"), ("Bob", "Rome", "")])
    measure.add([()])
    assert measure.empty == {"city": 3, "First name": 2}
    assert measure.varies


def test_text_without_fields_is_the_same_for_all() -> None:
    measure = Measure("x" * 161, NAMES)
    measure.add_alike(1000)
    assert (measure.varies, measure.segments, measure.empty) == (False, 2000, {})


def test_hundreds_of_thousands_of_different_numbers_and_dates_are_looked_at_only_a_few_times() -> None:
    looks = []

    class Watched(Measure):
        def add_alike(self, n: int, values: Sequence[str] = ()) -> None:
            looks.append(n)
            super().add_alike(n, values)

    measure = Watched("Case {{code}} of {{city}}", NAMES)
    measure.add(("", f"{n % 28 + 1:02}.11.2026, Zürich", f"ST-{n:05}/a") for n in range(5_000))
    assert looks == [5_000]
    assert measure.segments == 5_000
