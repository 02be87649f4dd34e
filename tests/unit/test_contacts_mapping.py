"""Mapping of columns, and the offer to read numbers as those of a country."""

import json
import subprocess
import sys

import pytest

from models.contacts.country import CountryOffer, country_names, offer_country, read_as_number
from models.contacts.mapping import ColumnMapping, Field, map_columns
from models.errors import InvalidInputError

COLUMNS = ("Phone", "First name", "City", "Ort")


def refused(**arguments: object) -> tuple[str, str]:
    """The sentence and the argument that it names."""
    given = {"destination": "phone", "fields": None, **arguments}
    columns = given.pop("columns", COLUMNS)
    with pytest.raises(InvalidInputError) as refusal:
        map_columns(columns, **given)  # type: ignore[arg-type]  # the point of some of these tests
    return str(refusal.value), refusal.value.field


class TestMapping:
    def test_all_other_columns_come_under_their_headers(self) -> None:
        mapping = map_columns(COLUMNS, destination="phone", fields=None)
        assert mapping.destination == 0
        assert [(field.name, field.column) for field in mapping.fields] == [("First name", 1), ("City", 2), ("Ort", 3)]
        assert mapping.width == 4

    def test_named_columns_only_and_in_the_order_given(self) -> None:
        mapping = map_columns(COLUMNS, destination="Phone", fields={" CITY ": "town", "first NAME": "Given  name"})
        assert mapping.fields == (Field("town", 2, searchable=False), Field("Given name", 1, searchable=False))

    def test_no_columns_but_the_destination(self) -> None:
        assert map_columns(COLUMNS, destination="phone", fields={}).fields == ()

    def test_columns_can_be_told_by_their_place(self) -> None:
        mapping = map_columns(("name", "Name"), destination="Column 2", fields={"column 1": "other"})
        assert (mapping.destination, mapping.fields[0].column) == (1, 0)

    def test_searchable_fields_are_ticked_regardless_of_case(self) -> None:
        mapping = map_columns(COLUMNS, destination="phone", fields=None, searchable=["CITY", "first  name"])
        assert [field.searchable for field in mapping.fields] == [True, True, False]

    def test_country_is_kept_in_capitals(self) -> None:
        assert map_columns(COLUMNS, destination="phone", fields=None, country=" au").country == "AU"

    @pytest.mark.parametrize("name", ["a", "x" * 40, "first_name-2", "имя", "नाम", "이름", "שם 2"])
    def test_names_of_any_script_are_allowed(self, name: str) -> None:
        assert map_columns(COLUMNS, destination="phone", fields={"City": name}).fields[0].name == name

    def test_mapping_survives_json(self) -> None:
        mapping = map_columns(COLUMNS, destination="phone", fields=None, searchable=["city"], country="NZ")
        assert ColumnMapping.from_json(json.loads(json.dumps(mapping.to_json()))) == mapping


class TestRefusals:
    def test_unknown_column_names_those_there_are(self) -> None:
        sentence, field = refused(destination="mobile")
        assert sentence == "There is no column “mobile”; the file has “Phone”, “First name”, “City”, “Ort”."
        assert field == "destination"
        assert refused(fields={"Column 5": "x"})[1] == "fields"

    def test_many_columns_are_not_all_listed(self) -> None:
        sentence, _ = refused(columns=[f"c{place}" for place in range(200)])
        assert sentence.endswith("“c19” and 180 more.")

    def test_header_that_two_columns_share(self) -> None:
        sentence, field = refused(columns=("phone", "name", " NAME"), fields={"name": "name"})
        assert "2 columns are headed “name”: say “Column 2” or “Column 3”" in sentence
        assert field == "fields"

    @pytest.mark.parametrize("name", ["", "  ", "x" * 41, "a.b", "{{a}}", "a\u200bb", "a/b", "😀", "a\0b"])
    def test_illegal_field_name(self, name: str) -> None:
        assert refused(fields={"City": name})[1] == "fields"

    def test_illegal_header_asks_for_a_name(self) -> None:
        sentence, field = refused(columns=("phone", "city (home)"))
        assert "“city (home)” must be 1 to 40" in sentence
        assert "Give column 2 a name" in sentence
        assert field == "fields"

    @pytest.mark.parametrize("second", ["NAME", "name", " name "])
    def test_two_fields_of_one_name(self, second: str) -> None:
        assert "used twice" in refused(fields={"City": "Name", "Ort": second})[0]

    def test_two_columns_under_one_header_ask_for_a_name(self) -> None:
        assert "Give column 3 a name" in refused(columns=("phone", "Straße", "STRASSE"))[0]

    @pytest.mark.parametrize("name", ["unsubscribe_url", "Unsubscribe_URL"])
    def test_reserved_name(self, name: str) -> None:
        assert "unsubscribe link" in refused(fields={"City": name})[0]

    def test_destination_as_a_field_too(self) -> None:
        assert refused(fields={"phone": "number"})[1] == "fields"

    def test_searchable_that_is_no_field(self) -> None:
        assert refused(searchable=["phone"])[1] == "searchable"

    def test_more_than_three_searchable(self) -> None:
        columns = ("phone", "a", "b", "c", "d")
        assert map_columns(columns, destination="phone", fields=None, searchable=["a", "b", "c", "A"])
        assert "At most 3" in refused(columns=columns, searchable=["a", "b", "c", "d"])[0]

    @pytest.mark.parametrize("country", ["", "XX", "Australia", "61"])
    def test_unknown_country(self, country: str) -> None:
        assert refused(country=country)[1] == "country"


class TestCountry:
    @pytest.mark.parametrize(
        ("value", "country", "number"),
        [
            ("0412 345 678", "AU", "+61412345678"),
            ("(04) 1234-5678", "AU", "+61412345678"),
            ("0412.345.678", "AU", "+61412345678"),
            ("0412\u00a0345\u2011678", "AU", "+61412345678"),
            ("61412345678", "AU", "+61412345678"),
            ("+61 412 345 678", "AU", "+61412345678"),
            ("+44 (0)7911 123456", "AU", "+447911123456"),
            ("(415) 555-2671", "US", "+14155552671"),
            ("06 1234 5678", "IT", "+390612345678"),
            ("07700 900123", "GB", "+447700900123"),
        ],
    )
    def test_number_of_the_country_is_read(self, value: str, country: str, number: str) -> None:
        assert read_as_number(value, country) == number

    @pytest.mark.parametrize(
        "value",
        ["", "+61412345678", "6.14E+10", "abc", "26 71", "12", "0412 345 678 ext 2", "041２345678", "0412/345678"],
    )
    def test_anything_else_stays_as_it_is(self, value: str) -> None:
        assert read_as_number(value, "AU") is None

    def test_offer_counts_all_and_shows_five(self) -> None:
        values = ["+61412345678", "n/a", *(f"0412 345 67{digit}" for digit in range(8))]
        offer = offer_country(values, "AU")
        assert offer.count == 8
        assert offer.samples[0] == ("0412 345 670", "+61412345670")
        assert len(offer.samples) == 5

    def test_offer_of_nothing(self) -> None:
        assert offer_country(["+61412345678"], "AU") == CountryOffer(0, ())

    def test_countries_have_names_in_their_order(self) -> None:
        names = country_names()
        assert names["DE"] == "Germany"
        assert names["BL"] == "Saint Barthélemy"  # of which the library says: as in another language
        assert list(names.values()) == sorted(names.values())

    def test_their_names_cost_no_process_the_prefixes_of_all_places(self) -> None:
        looked = "import sys; from models.contacts.country import country_names as names"
        told = f"{looked}; print(len(names()) > 200, 'phonenumbers.geodata' in sys.modules)"
        said = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
        assert said.stdout.split() == ["True", "False"]
