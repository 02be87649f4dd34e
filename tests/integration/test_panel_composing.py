"""Making a campaign in the panel: its template, what is attached, and the last look."""

import io
import re
from typing import ClassVar

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from jobs import context, testing
from jobs.runtime.stopping import Stop
from models.actors import COMMAND_LINE, Actor
from models.clock import now_ms
from models.config import Config
from models.operations.attaching import attach_file
from models.operations.settings import change_setting
from models.queries.campaigns import get_campaign
from models.queries.starts import pending_start_of
from models.rules.verdicts import Word
from models.segments import count_segments
from models.template import render
from models.words import Channel, Phase
from tests.factories import (
    NOW,
    make_campaign,
    make_ended,
    phase_of,
    put_into_phase,
    retry_later,
    rows_of,
    run_later,
)
from tests.integration.campaign_making import (
    begin,
    import_contacts,
    post_large,
    told,
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


class TestTemplate:
    def measured(self, panel: Visitor, draft: int, **form: str) -> str:
        return panel.post(f"/campaigns/{draft}/template/measure", part=True, **form).text

    def test_shows_the_size_and_the_chosen_contact(self, panel: Visitor, draft: int) -> None:
        import_contacts(panel, draft)
        page = words_of(self.measured(panel, draft, body="Hi {{first name}}", contact="3"))
        assert "21 characters as typed GSM-7 1 segment" in page
        assert "Contact 3 of 3" in page
        assert "Hi Łukasz" in page
        assert "UCS-2, 1 segment" in page

    @pytest.mark.parametrize(
        ("given", "place"), [("0", 1), ("99", 3), ("-1", 1), ("x", 1), ("", 1), ("9" * 30, 1), ("²", 1)]
    )
    def test_contact_that_is_none_is_the_nearest(self, panel: Visitor, draft: int, given: str, place: int) -> None:
        import_contacts(panel, draft)
        assert f"Contact {place} of 3" in words_of(self.measured(panel, draft, body="Hi", contact=given))

    def test_unknown_fields_are_named_and_refuse_the_campaign(self, panel: Visitor, draft: int) -> None:
        import_contacts(panel, draft)
        body = "Hi {{first  NAME}}, {{sub urb}} {{<b>}} {{first&nbsp;name}}"
        page = words_of(self.measured(panel, draft, body=body))
        assert "No column provides {{sub urb}} , {{<b>}} ." in page
        answer = panel.post(f"/campaigns/{draft}/template", body=body)
        assert answer.status_code == 422
        assert "{{sub urb}}, but no column provides it" in told(answer)
        assert get_campaign(draft).body == body, "a draft keeps it all the same"
        assert "Change the template" in words_of(panel.get(f"/campaigns/{draft}/review").text)
        assert panel.post(f"/campaigns/{draft}/review").status_code == 422
        assert phase_of(draft) == "draft"

    def test_what_only_looks_like_a_field_is_told_and_refuses_nothing(self, panel: Visitor, draft: int) -> None:
        import_contacts(panel, draft)
        body, told = "Hi {{first name}, {first name} {}", "{{first name} and {first name} look like variables but"
        assert f"{told} will be sent as typed." in words_of(self.measured(panel, draft, body=body))
        assert panel.post(f"/campaigns/{draft}/template", body=body).status_code == 303
        assert told in words_of(panel.get(f"/campaigns/{draft}/template").text)
        assert told in words_of(panel.get(f"/campaigns/{draft}/review").text)
        assert panel.post(f"/campaigns/{draft}/review").status_code == 303
        assert told in words_of(panel.get(f"/campaigns/{draft}/run?whole=1").text)
        assert "look like" not in words_of(self.measured(panel, draft, body="Hi {{first name}} {}"))

    def test_segments_are_exact_over_all_contacts_and_priced(self, panel: Visitor, draft: int) -> None:
        people = ["Zoë", "", "Łukasz", "x" * 160, "€" * 80, "😀" * 40]
        rows = "".join(f"+1415555{number:04},{name}\n" for number, name in enumerate(people))
        import_contacts(panel, draft, f"mobile,name\n{rows}", **uses("destination", "name"))
        change_setting("price.sms", 0.05, actor=COMMAND_LINE, now=NOW)
        body = "Hi {{name}}. Reply STOP to opt out."
        total = sum(count_segments(render(body, {"name": name})).count for name in people)
        page = words_of(panel.post(f"/campaigns/{draft}/template/sizes", part=True, body=body).text)
        assert f"Together 6 {total} USD {total * 0.05:.2f}" in page
        assert "1 contact has no name." in page
        change_setting("price.sms", None, actor=COMMAND_LINE, now=NOW)
        assert "USD" not in panel.post(f"/campaigns/{draft}/template/sizes", part=True, body=body).text

    def test_text_that_is_not_begun_has_no_size_and_no_price(self, panel: Visitor, draft: int) -> None:
        import_contacts(panel, draft)
        assert "Over all" not in panel.post(f"/campaigns/{draft}/template/sizes", part=True, body="").text

    def test_draft_without_contacts_is_measured_too(self, panel: Visitor, draft: int) -> None:
        assert "Over all" not in panel.post(f"/campaigns/{draft}/template/sizes", part=True, body="Hi").text
        assert panel.get(f"/campaigns/{draft}/template").status_code == 200
        assert "Hi" in self.measured(panel, draft, body="Hi")

    def test_second_window_is_told_before_it_replaces_the_first(self, panel: Visitor, draft: int) -> None:
        found = re.search(r'name="seen" value="(\w+)"', panel.get(f"/campaigns/{draft}/template").text)
        assert found
        assert panel.post(f"/campaigns/{draft}/template", body="Mine", seen=found[1]).status_code == 303
        answer = panel.post(f"/campaigns/{draft}/template", body="Theirs", seen=found[1])
        assert answer.status_code == 422
        assert "changed meanwhile" in told(answer)
        assert "Theirs</textarea>" in answer.text
        assert get_campaign(draft).body == "Mine"
        found = re.search(r'name="seen" value="(\w+)"', answer.text)
        assert found
        assert panel.post(f"/campaigns/{draft}/template", body="Theirs", seen=found[1]).status_code == 303
        assert panel.post(f"/campaigns/{draft}/template", body="Theirs", seen="stale").status_code == 303


class TestEmail:
    FORM: ClassVar = {"body": "<p>Hi</p>", "subject": "News", "from_address": "news@example.com", "reply_to": ""}

    @pytest.mark.parametrize(
        ("given", "sentence"),
        [
            ({"subject": "News\r\nBcc: eve@example.com"}, "subject contains a line break"),
            ({"subject": "News\u2028Bcc: eve@example.com"}, "subject contains a line break"),
            ({"subject": " "}, "needs a subject"),
            ({"subject": "x" * 501}, "at most 500 characters"),
            ({"from_address": ""}, "needs a sender"),
            ({"from_address": "news@example.com\r\nBcc: eve@example.com"}, "is not an email address"),
            ({"from_address": "news@example.com, eve@example.com"}, "is not an email address"),
            ({"reply_to": "eve@example.com\nBcc: x@example.com"}, "is not an email address"),
            ({"body": " \n"}, "The message is empty"),
            ({"body": "x" * 1_000_001}, "over 1 MB"),
        ],
    )
    def test_what_can_not_be_sent_is_said_and_kept(self, panel: Visitor, given: dict[str, str], sentence: str) -> None:
        draft = begin(panel, channel="email")
        answer = panel.post(f"/campaigns/{draft}/template", **{**self.FORM, **given})
        assert answer.status_code == 422
        assert sentence in told(answer)
        assert phase_of(draft) == "draft"
        assert panel.get(f"/campaigns/{draft}/review").status_code == 200

    def test_preview_is_a_document_of_its_own_that_does_nothing(self, panel: Visitor) -> None:
        draft = begin(panel, channel="email")
        body = "<script>alert(1)</script><img src=https://evil.example/x.png><p>Hi {{unsubscribe_url}}</p>"
        answer = panel.post(f"/campaigns/{draft}/template/try", body=body)
        policy = answer.headers["Content-Security-Policy"]
        assert policy.startswith("sandbox; default-src 'none'")
        assert "script-src" not in policy
        assert "Hi #" in answer.text, "its link leads nowhere"

    def test_plain_text_part_is_shown(self, panel: Visitor) -> None:
        draft = begin(panel, channel="email")
        page = panel.post(f"/campaigns/{draft}/template/measure", part=True, **self.FORM | {"body": "<ul><li>One"}).text
        assert "- One</pre>" in page

    def test_attachment_is_added_refused_and_removed(self, panel: Visitor) -> None:
        draft = begin(panel, channel="email")

        def attach(name: str, content: bytes = b"text") -> TestResponse:
            return panel.post(f"/campaigns/{draft}/attachments", part=True, attachment=(io.BytesIO(content), name))

        page = attach("<b>flyer.txt").text
        assert "&lt;b&gt;flyer.txt" in page
        answer = attach("setup.exe")
        assert (answer.status_code, "can be run" in told(answer)) == (422, True)
        assert "flyer" in answer.text
        large = bytes(22 * 1024 * 1024)
        answer = post_large(panel, f"/campaigns/{draft}/attachments", "attachment", "large.txt", large)
        assert (answer.status_code, "larger than the 20 MB" in words_of(answer.text)) == (413, True)
        file_id = rows_of("attachments")[0]["file_id"]
        removed = panel.post(f"/campaigns/{draft}/attachments/{file_id}/remove", part=True)
        assert "flyer" not in removed.text
        assert rows_of("files") == []


class TestPlannedStart:
    """An edit cancels it, as what was confirmed is no more what would be sent (SPEC 1)."""

    WAITS = "cancels the planned start: when {channel} is free, asked for by Alice."
    TOLD = "That cancelled the planned start: when {channel} is free, asked for by Alice."

    @pytest.mark.parametrize("test", [{}, {"test": "yes"}])
    def test_saving_says_before_and_after_that_it_cancels(
        self, panel: Visitor, alice: Actor, test: dict[str, str]
    ) -> None:
        campaign_id = make_campaign()
        run_later(campaign_id, at=None, actor=alice, now=now_ms())
        address = f"/campaigns/{campaign_id}/template"
        assert f"Saving {self.WAITS.format(channel='SMS')}" in words_of(panel.get(address).text)
        saved = panel.post(address, body="Hi there", **test)
        assert self.TOLD.format(channel="SMS") in words_of(panel.get(saved.headers["Location"]).text)
        assert pending_start_of(campaign_id) is None
        assert "cancels" not in words_of(panel.get(address).text)

    def test_attachment_says_before_and_after_that_it_cancels(self, panel: Visitor, alice: Actor) -> None:
        campaign_id = make_campaign(Channel.EMAIL)
        way = f"/campaigns/{campaign_id}/attachments"
        file_id = attach_file(campaign_id, "first.txt", b"text", actor=alice, now=now_ms())
        for does, given in ((way, {"attachment": (io.BytesIO(b"text"), "a.txt")}), (f"{way}/{file_id}/remove", {})):
            run_later(campaign_id, at=None, actor=alice, now=now_ms())
            page = words_of(panel.get(f"/campaigns/{campaign_id}/template").text)
            assert f"a change of the attachments, {self.WAITS.format(channel='Email')}" in page
            done = panel.post(does, part=True, **given)
            assert self.TOLD.format(channel="Email") in done.headers["HX-Trigger"]
            assert 'id="cancels" hx-swap-oob="delete"' in done.text
            assert "HX-Trigger" not in panel.post(way, part=True).headers

    def test_sender_of_a_failed_campaign_says_it_too(self, panel: Visitor, alice: Actor) -> None:
        campaign_id = make_ended(Channel.EMAIL, word=Word.FAILED)
        put_into_phase(campaign_id, Phase.FAILED)
        retry_later(campaign_id, at=None, actor=alice, now=now_ms())
        waits = "the planned retry: when Email is free, asked for by Alice."
        assert f"Saving cancels {waits}" in words_of(panel.get(f"/campaigns/{campaign_id}/sender").text)
        saved = panel.post(f"/campaigns/{campaign_id}/sender", part=True, from_address="new@example.com")
        assert f"Resume to go on. That cancelled {waits}" in saved.headers["HX-Trigger"]


class TestReview:
    def test_shows_all_of_it_with_what_run_will_warn_of(self, panel: Visitor, draft: int) -> None:
        import_contacts(panel, draft)
        change_setting("price.sms", 0.10, actor=COMMAND_LINE, now=NOW)
        panel.post(f"/campaigns/{draft}/template", body="Hi {{first name}}")
        page = words_of(panel.get(f"/campaigns/{draft}/review?contact=3").text)
        for part in (
            "Owner Ben",
            "3 to send to from contacts.csv ; Ben confirmed their consent",
            "first name, suburb",
            "Size 3 segments in all",
            "Cost about USD 0.30",
            "1 contact has no first name: they will read {{first name}}.",
            "The text doesn't say how to opt out.",
            "Hi Łukasz",
        ):
            assert part in page
        assert panel.post(f"/campaigns/{draft}/review").status_code == 303
        assert phase_of(draft) == "ready"

    def test_draft_without_contacts_says_so_and_is_not_created(self, panel: Visitor, draft: int) -> None:
        panel.post(f"/campaigns/{draft}/template", body="Hi")
        assert "It has no contacts yet." in words_of(panel.get(f"/campaigns/{draft}/review").text)
        answer = panel.post(f"/campaigns/{draft}/review")
        assert (answer.status_code, phase_of(draft)) == (409, "draft")

    def test_second_click_on_create_changes_nothing_more(self, panel: Visitor, draft: int) -> None:
        import_contacts(panel, draft)
        panel.post(f"/campaigns/{draft}/template", body="Hi")
        panel.post(f"/campaigns/{draft}/review")
        assert panel.post(f"/campaigns/{draft}/review").status_code == 409
        assert len(rows_of("audit", "WHERE act = 'create'")) == 1


class TestSendTest:
    def filled(self, panel: Visitor, draft: int) -> None:
        import_contacts(panel, draft)
        panel.post(f"/campaigns/{draft}/template", body="Hi {{First Name}}")

    def test_begins_with_the_values_of_the_contact_shown(self, panel: Visitor, draft: int) -> None:
        self.filled(panel, draft)
        page = panel.get(f"/campaigns/{draft}/test?contact=3").text
        assert re.findall(r'name="value-\d" value="([^"]*)"', page) == ["Łukasz"], "only the field that is used"
        assert "Contact 3 of 3" in words_of(page)

    def test_refusal_keeps_what_was_typed(self, panel: Visitor, draft: int) -> None:
        self.filled(panel, draft)
        form = {"recipients": "+12025550100\n<b>", "value-0": "<i>Typed</i>"}
        answer = panel.post(f"/campaigns/{draft}/test", part=True, **form)
        assert answer.status_code == 422
        assert "“<b>”: Letters or signs" in told(answer)
        assert "+12025550100\n&lt;b&gt;</textarea>" in answer.text
        assert 'value="&lt;i&gt;Typed&lt;/i&gt;"' in answer.text

    def test_result_is_asked_for_until_it_is_known(self, panel: Visitor, draft: int, installation: Config) -> None:
        self.filled(panel, draft)
        form = {"recipients": "+12025559000, +12025559001; +12025559050", "value-0": "Typed"}
        answer = panel.post(f"/campaigns/{draft}/test", part=True, **form)
        assert "On its way to 3 recipients" in words_of(answer.text)
        address = re.search(r'hx-get="(/campaigns/\d+/tests/\d+)"', answer.text)
        assert address
        context.enter(context.Context(installation, Stop()))
        testing.send(rows_of("sent_tests")[0]["id"])
        page = panel.get(address[1]).text
        assert "hx-get=" not in page
        assert "+12025559000 Sent The provider took it." in words_of(page)
        assert "+12025559001 Failed Invalid recipient." in words_of(page)
        assert "+12025559050 Unconfirmed No answer came back: it may have been sent." in words_of(page)

    def test_template_is_saved_on_the_way_to_it(self, panel: Visitor, draft: int) -> None:
        answer = panel.post(f"/campaigns/{draft}/template", body="Hi", test="yes")
        assert answer.headers["Location"] == f"/campaigns/{draft}/test"
        assert get_campaign(draft).body == "Hi"

    def test_result_of_another_campaign_is_not_shown(self, panel: Visitor, draft: int) -> None:
        self.filled(panel, draft)
        panel.post(f"/campaigns/{draft}/test", recipients="+12025559000")
        other = begin(panel, "Another one")
        test_id = rows_of("sent_tests")[0]["id"]
        assert panel.get(f"/campaigns/{draft}/tests/{test_id}").status_code == 200
        assert panel.get(f"/campaigns/{other}/tests/{test_id}").status_code == 404

    def test_campaign_offers_it_among_its_acts(self, panel: Visitor) -> None:
        campaign_id = make_campaign()
        assert f'href="/campaigns/{campaign_id}/test"' in panel.get(f"/campaigns/{campaign_id}/").text
