"""Making a campaign in the panel: its basics, its contacts, and drafts until they are finished or go."""

import io
import re
from collections.abc import Callable
from html import escape, unescape

import pytest
from flask import Flask

from models.actors import COMMAND_LINE, Actor
from models.clock import now_ms
from models.config import Config
from models.database import execute
from models.operations import campaigns, importing, retention
from models.operations.files import remove_expired_files
from models.operations.settings import change_setting
from models.queries.campaigns import get_campaign
from models.words import Phase, Role
from tests.factories import NOW, make_draft, phase_of, put_into_phase, rows_of, start_import
from tests.integration.campaign_making import (
    CONTACTS,
    NAUGHTY,
    begin,
    import_contacts,
    mapping,
    told,
    upload,
    uses,
    words_of,
)
from tests.integration.panel import Visitor


@pytest.fixture
def panel(app: Flask, ben: Actor) -> Visitor:
    """The panel as Ben has it."""
    return Visitor(app).sign_in(ben)


@pytest.fixture
def draft(panel: Visitor) -> int:
    """An SMS draft of Ben's without anything in it."""
    return begin(panel)


class TestBasics:
    def test_refusal_keeps_what_was_typed(self, panel: Visitor, draft: int) -> None:
        answer = panel.post(
            "/campaigns/new", name="storm  CHECK", description="<b>D</b>", channel="email", slack_channel_id="C0NEWS"
        )
        assert answer.status_code == 422
        assert told(answer) == "There is already a campaign named storm CHECK; choose another name."
        assert 'value="&lt;b&gt;D&lt;/b&gt;"' in answer.text
        assert 'value="email" checked' in answer.text
        assert 'value="C0NEWS"' in answer.text

    @pytest.mark.parametrize(
        ("given", "sentence"),
        [
            ({"name": "ab"}, "3 to 60 characters"),
            ({"name": "x" * 61}, "3 to 60 characters"),
            ({"name": "\u200b\u200b\u200b"}, "can be seen"),
            ({"channel": "fax"}, "Choose SMS or email"),
            ({"channel": ""}, "Choose SMS or email"),
            ({"description": "x" * 501}, "at most 500 characters; this has 501"),
            ({"slack_channel_id": "#general"}, "“#general” is no Slack channel id"),
            ({"slack_channel_id": "<script>"}, "“<script>” is no Slack channel id"),
        ],
    )
    def test_what_does_not_fit_is_named(self, panel: Visitor, given: dict[str, str], sentence: str) -> None:
        answer = panel.post("/campaigns/new", **{"name": "Storm check", "channel": "sms", **given})
        assert answer.status_code == 422
        assert sentence in told(answer)
        assert rows_of("campaigns") == []

    def test_home_channel_is_the_settings_unless_another_is_named(self, panel: Visitor) -> None:
        change_setting("slack_channel", "C0HOME", actor=COMMAND_LINE, now=NOW)
        assert 'value="C0HOME"' in panel.get("/campaigns/new").text
        assert get_campaign(begin(panel, slack_channel_id="C0OTHER")).slack_channel_id == "C0OTHER"
        assert get_campaign(begin(panel, "Without one", slack_channel_id="")).slack_channel_id is None

    def test_all_of_it_can_be_changed_while_it_is_a_draft(self, panel: Visitor, draft: int) -> None:
        form = {"name": "Renamed", "description": "Why", "channel": "email", "slack_channel_id": "C0NEWS"}
        assert panel.post(f"/campaigns/{draft}/basics", **form).status_code == 303
        changed = get_campaign(draft)
        assert (changed.name, changed.description, changed.channel, changed.slack_channel_id) == tuple(form.values())
        page = panel.get(f"/campaigns/{draft}/basics").text
        assert 'value="Renamed"' in page
        assert 'value="email" checked' in page

    def test_channel_is_fixed_by_the_contacts(self, panel: Visitor, draft: int) -> None:
        import_contacts(panel, draft)
        answer = panel.post(f"/campaigns/{draft}/basics", name="Storm check", description="", channel="email")
        assert answer.status_code == 422
        assert "its contacts were checked for the other one" in told(answer)
        assert panel.post(f"/campaigns/{draft}/basics", name="Renamed", channel="sms").status_code == 303

    def test_ready_campaign_has_no_basics_to_change(self, panel: Visitor, draft: int) -> None:
        put_into_phase(draft, Phase.READY)
        assert panel.post(f"/campaigns/{draft}/basics", name="Renamed", channel="sms").status_code == 409


class TestMissingProvider:
    @pytest.fixture
    def environment(self) -> dict[str, str]:
        return {"SLACK_LOCAL": "1", "SMS_PROVIDER": "twilio"}

    def test_is_said_at_the_first_step_and_the_last(self, panel: Visitor) -> None:
        assert "TWILIO_ACCOUNT_SID is not set" in panel.get("/campaigns/new").text
        draft = begin(panel)
        assert "TWILIO_ACCOUNT_SID is not set" in panel.get(f"/campaigns/{draft}/review").text


class TestUpload:
    @pytest.mark.parametrize(
        ("content", "name", "sentence"),
        [
            (b"PK\x03\x04 a workbook", "contacts.csv", "by another name"),
            (CONTACTS.encode(), "contacts.xlsx", "Only .csv files"),
            (b"", "contacts.csv", "it is empty"),
            (b"mobile,name\n", "contacts.csv", "a header and no contacts"),
            (b'mobile,name\n+14155550100,"Zo\n+14155550101,Bob\n', "contacts.csv", "never closed"),
            (b"mobile,name\n+14155550100,Z\0o\n", "contacts.csv", "NUL"),
            (b"mobile" + b",c" * 200 + b"\n+14155550100\n", "contacts.csv", "201 columns"),
            (b"mobile\n" + b"+14155550100\n" * 300_001, "contacts.csv", "more than 300,000 contacts"),
            (b"mobile\n" + b"+14155550100\n" * 4_100_000, "contacts.csv", "larger than 50 MB"),
        ],
        ids=["xlsx", "name", "empty", "header", "quote", "nul", "columns", "rows", "size"],
    )
    def test_file_that_can_not_be_read_whole_leaves_nothing(
        self, panel: Visitor, draft: int, content: bytes, name: str, sentence: str
    ) -> None:
        answer = upload(panel, draft, content, name)
        assert answer.status_code == 422
        assert sentence in told(answer)
        assert rows_of("files") == rows_of("file_chunks") == rows_of("imports") == []

    def test_more_than_fifty_megabytes_are_not_even_read(self, panel: Visitor, draft: int) -> None:
        answer = upload(panel, draft, b"x" * (52 * 1024 * 1024))
        assert answer.status_code == 413
        assert "larger than the 50 MB" in words_of(answer.text)

    def test_consent_comes_first(self, panel: Visitor, draft: int) -> None:
        file = (io.BytesIO(CONTACTS.encode()), "contacts.csv")
        answer = panel.post(f"/campaigns/{draft}/contacts", file=file)
        assert told(answer) == "Confirm that these contacts agreed to be written to."
        assert rows_of("files") == []

    def test_script_is_sent_on_instead_of_being_redirected(self, panel: Visitor, draft: int) -> None:
        file = (io.BytesIO(CONTACTS.encode()), "contacts.csv")
        answer = panel.post(f"/campaigns/{draft}/contacts", part=True, file=file, consent="yes")
        assert "/contacts/columns/" in answer.headers["HX-Redirect"]
        answer = panel.post(f"/campaigns/{draft}/contacts", part=True, consent="yes")
        assert (told(answer), "<form" in answer.text) == ("Choose a .csv file.", False), "the page keeps its form"

    def test_goes_after_a_day_unless_it_is_imported(self, panel: Visitor, draft: int) -> None:
        mapping(panel, draft)
        panel.post(mapping(panel, draft), **uses("destination", "first name", "suburb"))
        remove_expired_files(now=now_ms() + 25 * 3_600_000)
        assert [row["id"] for row in rows_of("files")] == [rows_of("imports")[0]["file_id"]]

    def test_without_a_file_it_says_so(self, panel: Visitor, draft: int) -> None:
        assert told(panel.post(f"/campaigns/{draft}/contacts", consent="yes")) == "Choose a .csv file."


class TestMapping:
    def test_reading_of_the_first_row_can_be_overridden(self, panel: Visitor, draft: int) -> None:
        page = panel.get(mapping(panel, draft)).text
        assert "Import 3 rows" in page
        other = re.search(r'href="([^"]+)">First row is a contact', page)
        assert other
        page = panel.get(other[1]).text
        assert "Import 4 rows" in page
        assert "First row is the header" in page

    def test_file_like_the_one_before_is_mapped_like_it(self, panel: Visitor, draft: int) -> None:
        import_contacts(panel, draft, CONTACTS, **uses("destination", "none", "town", **{"searchable-2": "yes"}))
        page = panel.get(mapping(panel, draft)).text
        chosen = re.findall(r'<option value="(\w+)" selected>', page)
        assert chosen[:3] == ["destination", "none", "field"]
        assert 'name="name-2" value="town"' in page
        assert page.count('value="yes" checked') == 1
        page = panel.get(mapping(panel, draft, "first name,mobile,suburb\nZoë,+14155550100,Northbank\n")).text
        assert re.findall(r'<option value="(\w+)" selected>', page)[:3] == ["field", "destination", "field"]

    def test_columns_of_one_name_are_told_apart(self, panel: Visitor, draft: int) -> None:
        twice = "number,number,name,name\n+14155550100,1,Zoë,Meyer\n"
        import_contacts(panel, draft, twice, **uses("destination", "none", "first", "last"))
        assert [field["name"] for field in get_campaign(draft).fields] == ["first", "last"]
        assert [row["field_values"] for row in rows_of("messages")] == ['["Zoë","Meyer"]']

    def test_names_that_are_filled_in_are_never_refused(self, panel: Visitor, draft: int) -> None:
        long = "x" * 40
        header = f"name,mobile,Name,NAME,???,unsubscribe_url,{long},{long}y,mobile"
        address = mapping(panel, draft, f"{header}\nZoë,+14155550100,a,b,c,d,e,f,g\n")
        names = re.findall(r'id="name-\d+" name="name-\d+" value="([^"]*)"', panel.get(address).text)
        fields = ["name", "Name_2", "NAME_3", "Column 5", "unsubscribe_url_2", long, f"{long[:36]}_2", "mobile"]
        assert names == [fields[0], "mobile_2", *fields[1:]]
        import_contacts(
            panel, draft, f"{header}\nZoë,+14155550100,a,b,c,d,e,f,g\n", **uses(names[0], "destination", *fields[1:])
        )
        assert [field["name"] for field in get_campaign(draft).fields] == fields

    @pytest.mark.parametrize(
        ("names", "wrong", "sentence"),
        [
            (("a", " "), 2, "The field name “” must be 1 to 40 letters, digits, spaces, _ or -. Give column 3 a name"),
            (("{}", "b"), 1, "The field name “{}” must be 1 to 40 letters"),
            (("a", "A"), 2, "is used twice"),
        ],
    )
    def test_name_that_is_refused_is_marked(
        self, panel: Visitor, draft: int, names: tuple[str, str], wrong: int, sentence: str
    ) -> None:
        answer = panel.post(mapping(panel, draft), **uses("destination", *names))
        assert sentence in told(answer)
        assert re.findall(r'id="name-(\d)"[^>]* aria-invalid="true"', answer.text) == [str(wrong)]

    @pytest.mark.parametrize(
        ("form", "sentence"),
        [
            (uses("none", "a", "b"), "exactly one column as the destination"),
            (uses("destination", "destination", "b"), "exactly one column as the destination"),
            (uses("destination", "a", "A"), "is used twice"),
            (uses("destination", "unsubscribe_url", "b"), "kept for the unsubscribe link"),
            (uses("destination", "x" * 41, "b"), "1 to 40 letters"),
            (uses("destination", "{{a}}", "b"), "1 to 40 letters"),
            ({"use-0": "nonsense"}, "exactly one column as the destination"),
        ],
    )
    def test_mapping_that_can_not_be_is_refused_and_kept(
        self, panel: Visitor, draft: int, form: dict[str, str], sentence: str
    ) -> None:
        answer = panel.post(mapping(panel, draft), **form)
        assert answer.status_code == 422
        assert sentence in told(answer)
        assert rows_of("imports") == []
        for name, value in form.items():
            assert not name.startswith("name") or f'value="{escape(value)}"' in answer.text

    def test_at_most_three_fields_are_searchable(self, panel: Visitor, draft: int) -> None:
        form = uses("destination", "a", "b", "c", "d", **{f"searchable-{at}": "yes" for at in range(1, 5)})
        answer = panel.post(mapping(panel, draft, "mobile,a,b,c,d\n+14155550100,1,2,3,4\n"), **form)
        assert told(answer) == "At most 3 fields can be searchable."

    def test_file_of_another_campaign_is_not_reached(self, panel: Visitor, draft: int) -> None:
        address = mapping(panel, draft)
        other = begin(panel, "Another one")
        stolen = address.replace(f"/campaigns/{draft}/", f"/campaigns/{other}/")
        assert panel.get(stolen).status_code == 404
        assert panel.post(f"{stolen}/offer", country="AU").status_code == 404


class TestCountryOffer:
    NATIONAL = "mobile,name\n0491 570 156,A\n(0491) 570-157,B\n+61491570158,C\n12,D\nnone,E\n"

    def offered(self, panel: Visitor, address: str, **form: str) -> str:
        return words_of(panel.post(f"{address}/offer", part=True, **form).text)

    def test_tells_how_many_and_how_and_is_off(self, panel: Visitor, draft: int) -> None:
        address = mapping(panel, draft, self.NATIONAL)
        assert "as_country" not in panel.get(address).text
        page = panel.post(f"{address}/offer", part=True, **uses("destination", "name", country="AU")).text
        assert "2 can be read as numbers of Australia." in words_of(page)
        assert "0491 570 156 +61491570156 (0491) 570-157 +61491570157" in words_of(page)
        assert 'name="as_country" value="yes">' in page

    @pytest.mark.parametrize("country", ["", "XX", "au", "<script>"])
    def test_no_country_no_offer(self, panel: Visitor, draft: int, country: str) -> None:
        address = mapping(panel, draft, self.NATIONAL)
        assert self.offered(panel, address, **uses("destination", "name", country=country)) == ""

    def test_country_whose_numbers_these_are_not_changes_nothing(self, panel: Visitor, draft: int) -> None:
        address = mapping(panel, draft, "mobile,name\n+14155550100,A\n")
        assert "None" in self.offered(panel, address, **uses("destination", "name", country="AU"))

    def test_untaken_it_refuses_the_numbers(self, panel: Visitor, draft: int) -> None:
        import_contacts(panel, draft, self.NATIONAL, **uses("destination", "name", country="AU"))
        assert [row["recipient"] for row in rows_of("messages")] == ["+61491570158"]

    def test_taken_it_is_kept_in_the_report(self, panel: Visitor, draft: int) -> None:
        import_contacts(panel, draft, self.NATIONAL, **uses("destination", "name", country="AU", as_country="yes"))
        found = sorted(row["recipient"] for row in rows_of("messages"))
        assert found == ["+61491570156", "+61491570157", "+61491570158"]
        report = words_of(panel.get(f"/campaigns/{draft}/contacts").text)
        assert "2 numbers read as numbers of Australia" in report
        assert "0491 570 156 +61491570156" in report

    def test_refused_mapping_keeps_the_tick(self, panel: Visitor, draft: int) -> None:
        form = uses("destination", "x" * 41, country="AU", as_country="yes")
        page = panel.post(mapping(panel, draft, self.NATIONAL), **form).text
        assert 'value="AU" selected' in page
        assert 'name="as_country" value="yes" checked' in page

    def test_large_file_is_counted_as_far_as_half_a_second_reaches(
        self, panel: Visitor, draft: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("models.contacts.country.MOST_TRIED", 2)
        rows = "".join(f"0491 570 15{number},x\n" for number in range(5))
        address = mapping(panel, draft, f"mobile,name\n{rows}")
        told = self.offered(panel, address, **uses("destination", "name", country="AU"))
        assert "2 of the first 2 numbers that are refused as they are can be read as numbers of Australia." in told
        told = self.offered(panel, address, **uses("destination", "name", country="NO"))
        assert told == "None of the first 2 numbers that are refused as they are can be read as numbers of Norway."

    def test_file_that_was_tried_to_its_end_has_an_exact_count(
        self, panel: Visitor, draft: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("models.contacts.country.MOST_TRIED", 3)
        address = mapping(panel, draft, self.NATIONAL)
        told = self.offered(panel, address, **uses("destination", "name", country="AU"))
        assert told.startswith("2 can be read as numbers of Australia.")


class TestReport:
    def test_says_what_became_of_each_row(self, panel: Visitor, draft: int) -> None:
        import_contacts(panel, draft, CONTACTS + "0491570156,Bad,x\n+14155550100,Again,x\n6.14E+10,Worse,x\n")
        page = words_of(panel.get(f"/campaigns/{draft}/contacts").text)
        assert "Rows read 6" in page
        assert "Imported 3" in page
        assert "No + and country code in front 1 5" in page
        assert "Damaged by a spreadsheet" in page
        assert "Repeats an earlier row 1 6" in page
        assert "Contacts without a value: first name 1" in page
        assert "Ben confirmed the consent of these contacts" in page
        refused = panel.get(f"/campaigns/{draft}/contacts/refused.csv")
        assert refused.headers["Content-Disposition"].startswith("attachment")
        assert refused.data.decode("utf-8-sig").splitlines()[1].startswith('"5","No + and country code')

    def test_refused_rows_are_had_in_every_phase_by_who_sees_recipients(
        self, app: Flask, panel: Visitor, vera: Actor
    ) -> None:
        campaign_id = make_draft()
        importing.do_import(start_import(campaign_id, "phone\n+14155550100\n0491570156\n"), clock=now_ms)
        address = f"/campaigns/{campaign_id}/contacts/refused.csv"
        viewer = Visitor(app).sign_in(vera)
        assert panel.get(address).status_code == 404, "a draft of somebody else"
        for phase in Phase:
            if phase in (Phase.DRAFT, Phase.DELETING):
                continue
            put_into_phase(campaign_id, phase)
            assert panel.get(address).data.decode("utf-8-sig").splitlines()[1].endswith('"0491570156"')
            summary = panel.get(f"/campaigns/{campaign_id}/summary").text
            assert "2 rows read: 1 imported, 1 refused. 1 refused row (CSV)" in words_of(summary)
            assert f'href="{address}"' in summary
            assert viewer.get(address).status_code == 403
            summary = viewer.get(f"/campaigns/{campaign_id}/summary").text
            assert "2 rows read: 1 imported, 1 refused." in words_of(summary)
            assert address not in summary
        put_into_phase(campaign_id, Phase.DELETING)
        assert panel.get(address).status_code == 404

    def test_campaign_without_refused_rows_offers_none(self, panel: Visitor) -> None:
        campaign_id = make_draft()
        importing.do_import(start_import(campaign_id, "phone\n+14155550100\n"), clock=now_ms)
        put_into_phase(campaign_id, Phase.READY)
        assert panel.get(f"/campaigns/{campaign_id}/contacts/refused.csv").status_code == 404
        summary = panel.get(f"/campaigns/{campaign_id}/summary").text
        assert "1 row read: 1 imported, 0 refused." in words_of(summary)
        assert "refused.csv" not in summary

    def test_second_window_that_imports_replaces_the_first(self, panel: Visitor, draft: int) -> None:
        first, second = mapping(panel, draft), mapping(panel, draft, "mobile,name\n+14155550199,Eve\n")
        panel.post(first, **uses("destination", "first name", "suburb"))
        panel.post(second, **uses("destination", "name"))
        for work in rows_of("imports"):
            importing.do_import(work["id"], clock=now_ms)
        assert [row["recipient"] for row in rows_of("messages")] == ["+14155550199"]


class TestDrafts:
    def test_list_says_how_far_each_is(self, panel: Visitor) -> None:
        for name, steps in (("One", 0), ("Two", 1), ("Three", 2)):
            draft = begin(panel, name)
            if steps > 0:
                import_contacts(panel, draft)
            if steps > 1:
                panel.post(f"/campaigns/{draft}/template", body="Hi")
        page = words_of(panel.get("/campaigns/?status=draft").text)
        assert re.search(r"Three .*next: review.* Two .*next: template.* One .*next: contacts", page)

    def test_goes_on_where_it_was_left(self, panel: Visitor, draft: int) -> None:
        for step in ("contacts", "template", "review"):
            assert panel.get(f"/campaigns/{draft}/").headers["Location"] == f"/campaigns/{draft}/{step}"
            if step == "contacts":
                import_contacts(panel, draft)
            panel.post(f"/campaigns/{draft}/template", body="Hi" if step == "template" else "")

    @pytest.mark.parametrize(("late", "kept"), [(-1000, True), (1000, False)])
    def test_goes_two_weeks_after_its_last_change(self, installation: Config, late: int, kept: bool) -> None:
        draft = make_draft()
        retention.delete_old_drafts(now=NOW + campaigns.DRAFT_KEPT + late)
        assert (phase_of(draft) == "draft") is kept

    def test_ready_campaigns_do_not_go_with_time(self, installation: Config) -> None:
        draft = make_draft()
        put_into_phase(draft, Phase.READY)
        retention.delete_old_drafts(now=NOW + 10 * campaigns.DRAFT_KEPT)
        assert phase_of(draft) == "ready"

    def test_discarded_during_its_import_leaves_nothing(self, installation: Config, panel: Visitor) -> None:
        draft = make_draft(name="Discard me", actor=COMMAND_LINE)
        import_id = start_import(draft, CONTACTS)
        execute("UPDATE campaigns SET owner_id = (SELECT id FROM people) WHERE id = ?", draft)
        panel.post(f"/campaigns/{draft}/delete", typed_name="Discard me")
        with pytest.raises(Exception, match="cancelled, or its campaign is gone"):
            importing.do_import(import_id, clock=now_ms)
        assert rows_of("messages") == []


class TestLostSession:
    def test_form_of_an_ended_session_changes_nothing_and_asks_to_sign_in(self, app: Flask, draft: int) -> None:
        signed_out = app.test_client()
        for headers in ({}, {"HX-Request": "true"}):
            answer = signed_out.post(
                f"/campaigns/{draft}/template", data={"body": "Typed for an hour"}, headers=headers
            )
            assert answer.status_code == 401
            assert "Sign in" in answer.text
        assert get_campaign(draft).body == ""

    def test_other_persons_session_does_not_take_over_a_draft(
        self, app: Flask, draft: int, cast: Callable[[str, Role], Actor]
    ) -> None:
        carol = Visitor(app).sign_in(cast("Carol", Role.CAMPAIGNER))
        for path in ("basics", "template", "contacts", "review", "attachments", "test"):
            assert carol.post(f"/campaigns/{draft}/{path}", body="x", name="Stolen").status_code == 404


class TestNaughtyStrings:
    def shown(self, page: str, text: str) -> bool:
        """Whether the page has the text as itself, whatever way Jinja and the standard library escape quotes."""
        written = text.replace("\r\n", "\n").replace("\0", "")
        return written in unescape(page) and not ("<" in written and len(written) > 3 and written in page)

    def test_are_themselves_as_names_and_descriptions(self, panel: Visitor, draft: int) -> None:
        wrong = []
        for text in NAUGHTY:
            answer = panel.post(
                f"/campaigns/{draft}/basics", name=text, description=text, channel="sms", slack_channel_id=text
            )
            page = answer.text if answer.status_code == 422 else panel.get(f"/campaigns/{draft}/basics").text
            if not self.shown(page, text.strip()):
                wrong.append(text)
        assert wrong == []

    def test_are_themselves_in_templates_and_values(self, panel: Visitor, draft: int) -> None:
        wrong = []
        for text in NAUGHTY:
            answer = panel.post(f"/campaigns/{draft}/template/measure", part=True, body=text)
            if answer.status_code != 200 or not self.shown(answer.text, text):
                wrong.append(text)
            form = {"recipients": text, "body": text}
            if panel.post(f"/campaigns/{draft}/test", part=True, **form).status_code != 422:
                wrong.append(text)
        assert wrong == []

    def test_are_themselves_as_headers_and_cells(self, panel: Visitor, draft: int) -> None:
        cells = [text for text in NAUGHTY if not set(text) & set("\0\r\n")]
        rows = "".join(f'+1415{5550000 + at},"{text.replace(chr(34), chr(34) * 2)}"\n' for at, text in enumerate(cells))
        import_contacts(panel, draft, f"mobile,text\n{rows}", **uses("destination", "text"))
        wrong = []
        for place, text in enumerate(cells, start=1):
            page = panel.post(
                f"/campaigns/{draft}/template/measure", part=True, body="{{text}}", contact=str(place)
            ).text
            if text.strip() and not self.shown(page, text):
                wrong.append(text)
        assert wrong == []
