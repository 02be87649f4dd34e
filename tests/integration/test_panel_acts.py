"""The acts on a campaign in the panel: their dialogs, what they refuse and offer instead, and the progress panel."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from html import unescape
from zoneinfo import ZoneInfo

import pytest
from flask import Flask

from admin.presenting.times import clock_exact
from admin.views import acting
from models.actors import COMMAND_LINE, Actor
from models.clock import now_ms
from models.config import Config, current, use
from models.database import execute, transaction
from models.errors import WrongStateError
from models.operations import campaigns, running, scheduling
from models.operations.proving import prove_counts
from models.operations.settings import change_setting
from models.queries.campaigns import get_campaign
from models.queries.starts import pending_start_of
from models.rules.verdicts import Word
from models.tables import Campaign
from models.words import Channel, Phase, Silence
from tests.factories import (
    MINUTE,
    answer,
    claim,
    make_campaign,
    make_draft,
    make_ended,
    message_ids,
    move_all,
    phase_of,
    put_into_phase,
    receive,
    retry,
    rows_of,
    run,
    run_later,
    statuses,
    stop,
)
from tests.integration.panel import Visitor, read
from tests.integration.plans import noted_statements

CONFIRMED = [str(number) for number in range(1, 1 + len(running.DISCLAIMER))]
BERLIN = "Europe/Berlin"
HOUR = 3_600_000


@pytest.fixture
def panel(app: Flask, ben: Actor) -> Visitor:
    """The panel as Ben has it."""
    return Visitor(app).sign_in(ben)


def tiles(page: str) -> dict[str, int]:
    """The count tiles by their names."""
    found = re.findall(r'class="tile-name">.*?</svg>([^<]+)</span>\s*<span class="tile-n">([\d,]+)<', page, re.DOTALL)
    return {name: int(n.replace(",", "")) for name, n in found}


def buttons(page: str) -> dict[str, str]:
    """What stands in the head: the word of each act, and why it is refused ('' when it is not)."""
    head = page[page.index('id="head"') : page.index('id="banner"')]
    allowed = re.findall(r'<a class="(?:btn|dropdown-item)[^>]+><svg.*?</svg><span>([^<]+)</span></a>', head)
    refused = re.findall(
        r'aria-describedby="why-\w+"><svg.*?</svg>([^<]+)</button><span role="tooltip" [^>]+>([^<]+)<', head
    )
    refused += re.findall(r'<span>([^<]+)<span class="why-not">([^<]+)<', head)
    return {**dict(refused), **dict.fromkeys(allowed, "")}


def tomorrow(hour: int, zone: str = BERLIN) -> tuple[str, int]:
    """A time tomorrow as a form's field holds it, and as epoch ms."""
    there = datetime.fromtimestamp(now_ms() / 1000 + 86_400, ZoneInfo(zone))
    there = there.replace(hour=hour, minute=0, second=0, microsecond=0)
    return f"{there:%Y-%m-%dT%H:%M}", int(there.timestamp() * 1000)


class TestRun:
    def test_dialog_has_the_numbers_the_preview_and_every_confirmation(self, panel: Visitor) -> None:
        change_setting("price.sms", 0.04, actor=COMMAND_LINE, now=now_ms())
        shown = panel.get(f"/campaigns/{make_campaign(messages=3)}/run").text
        told = read(shown)
        assert "3 of 3 contacts" in told
        assert "3 segments" in told
        assert "about USD 0.12" in told
        assert "Contact 1 of 3" in told
        assert "Simulated: no message leaves Signalbox." in told
        assert all(sentence in told for sentence in running.DISCLAIMER)
        assert "checked" not in shown[shown.index("Confirm before it runs") :]

    def test_one_of_something_is_no_plural(self, panel: Visitor) -> None:
        campaign_id = make_campaign(messages=2)
        with transaction():
            execute("UPDATE messages SET status = 'opted_out' WHERE id = ?", message_ids(campaign_id)[0])
            execute("UPDATE message_counts SET n = 1 WHERE status = 'waiting'")
            execute("INSERT INTO message_counts (campaign_id, status, n) VALUES (?, 'opted_out', 1)", campaign_id)
        told = read(panel.get(f"/campaigns/{campaign_id}/run").text)
        assert "1 opted out and is left out." in told
        assert "1 message 1 segment" in told

    def test_every_warning_is_told_and_none_forbids(self, panel: Visitor) -> None:
        make_ended(messages=2, now=now_ms())
        campaign_id = make_campaign(messages=3)
        told = read(panel.get(f"/campaigns/{campaign_id}/run").text)
        assert "2 contacts were sent another SMS campaign in the last 24 hours." in told
        assert "The text doesn't say how to opt out." in told
        answer_ = panel.post(f"/campaigns/{campaign_id}/run", part=True, confirm=CONFIRMED)
        assert "is In Progress: 3 messages to send." in answer_.headers["HX-Trigger"]

    def test_account_that_can_not_be_asked_about_is_told_and_runs(self, panel: Visitor) -> None:
        campaign_id, silent = make_campaign(), {"SMS_PROVIDER": "twilio", "TWILIO_API_URL": "http://127.0.0.1:1"}
        credentials = ("TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "TWILIO_MESSAGING_SERVICE_SID")
        use(Config.from_env({**current().variables, **silent, **dict.fromkeys(credentials, "x")}))
        done = panel.post(f"/campaigns/{campaign_id}/run", part=True, confirm=CONFIRMED)
        assert "3 messages to send. Twilio could not be asked whether" in done.headers["HX-Trigger"]
        stop(campaign_id)
        assert (
            "Twilio could not be asked"
            in panel.post(f"/campaigns/{campaign_id}/resume", part=True).headers["HX-Trigger"]
        )

    def test_those_reached_lately_are_left_out_if_asked(self, panel: Visitor) -> None:
        make_ended(messages=2, now=now_ms())
        campaign_id = make_campaign(messages=3)
        done = panel.post(f"/campaigns/{campaign_id}/run", part=True, confirm=CONFIRMED, leave_out="1")
        assert "1 message to send." in done.headers["HX-Trigger"]
        move_all(campaign_id)
        assert statuses(campaign_id) == {"queued": 1, "cancelled": 2}
        stop(campaign_id)
        move_all(campaign_id)
        told = read(panel.get(f"/campaigns/{campaign_id}/resume").text)
        assert "Those left out when it was run are among them, and will be sent to." in told

    def test_dialog_of_a_large_campaign_opens_at_once_and_is_filled_in(
        self, panel: Visitor, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(acting, "CHECKED_AT_ONCE", 2)
        campaign_id = make_campaign(messages=3)
        sketch = panel.get(f"/campaigns/{campaign_id}/run", **{"HX-Request": "true"}).text
        assert "Looking at each of 3 contacts" in sketch
        assert ("data-go" in sketch, "data-confirm" in sketch) == (False, False)
        rest = re.search(r'hx-get="(/campaigns/[^"]+whole=1)"', sketch)
        assert rest
        assert "data-confirm" in panel.get(rest[1], **{"HX-Request": "true"}).text
        assert "data-confirm" in panel.get(f"/campaigns/{campaign_id}/run").text

    def test_second_submission_runs_nothing_twice_and_says_how_it_stands(self, panel: Visitor) -> None:
        campaign_id = make_campaign(name="Only once")
        panel.post(f"/campaigns/{campaign_id}/run", part=True, confirm=CONFIRMED)
        again = panel.post(f"/campaigns/{campaign_id}/run", part=True, confirm=CONFIRMED)
        assert again.status_code == 409
        assert "Only once is In Progress" in again.text
        assert again.headers["HX-Trigger"] == "moved"
        assert len(rows_of("bulk_moves")) == 1

    def test_preview_leafs_through_contacts_without_counting_anew(self, panel: Visitor) -> None:
        campaign_id = make_campaign(messages=3)
        shown = panel.get(f"/campaigns/{campaign_id}/run").text
        assert f'hx-get="/campaigns/{campaign_id}/summary?contact=2"' in shown
        assert "Contact 2 of 3" in read(panel.get(f"/campaigns/{campaign_id}/summary?contact=2").text)


class TestStartLater:
    def test_time_is_understood_and_told_in_the_persons_zone(self, panel: Visitor) -> None:
        campaign_id = make_campaign(name="Tomorrow")
        panel.client.set_cookie("zone", BERLIN)
        assert f"Starts at, {BERLIN} (UTC+" in read(panel.get(f"/campaigns/{campaign_id}/run").text)
        typed, moment = tomorrow(14)
        done = panel.post(
            f"/campaigns/{campaign_id}/run", part=True, when="at", start_at=typed, time_zone=BERLIN, confirm=CONFIRMED
        )
        assert f"14:00 {BERLIN}" in done.headers["HX-Trigger"]
        start = pending_start_of(campaign_id)
        assert start is not None
        assert (start.starts_at, start.time_zone, phase_of(campaign_id)) == (moment, BERLIN, Phase.READY)

    def test_page_summary_and_list_show_it_and_it_is_cancelled(self, panel: Visitor) -> None:
        campaign_id = make_campaign(name="Tomorrow")
        typed, _ = tomorrow(9, "UTC")
        panel.post(f"/campaigns/{campaign_id}/run", when="at", start_at=typed, time_zone="UTC", confirm=CONFIRMED)
        for path in ("/campaigns/", f"/campaigns/{campaign_id}/", f"/campaigns/{campaign_id}/summary"):
            shown = panel.get(path).text
            assert "09:00 UTC" in read(shown), path
            way = f'action="/campaigns/{campaign_id}/start/cancel"'
            assert (way in shown and "Cancel the start" in shown) is (path != "/campaigns/"), path
        cancelled = panel.post(f"/campaigns/{campaign_id}/start/cancel", part=True)
        assert "The start is cancelled: nothing starts by itself any more." in cancelled.headers["HX-Trigger"]
        assert pending_start_of(campaign_id) is None
        again = panel.post(f"/campaigns/{campaign_id}/start/cancel", part=True)
        assert "Nothing was to start any more." in again.headers["HX-Trigger"]

    def test_of_two_people_who_choose_a_time_at_once_one_start_waits(
        self, app: Flask, ben: Actor, alice: Actor
    ) -> None:
        campaign_id = make_campaign(name="Tomorrow")
        typed, moment = tomorrow(9, "UTC")
        form = {"when": "at", "start_at": typed, "time_zone": "UTC", "confirm": CONFIRMED}
        people = [Visitor(app).sign_in(ben), Visitor(app).sign_in(alice)]
        with ThreadPoolExecutor(2) as both:
            done = list(both.map(lambda one: one.post(f"/campaigns/{campaign_id}/run", part=True, **form), people))
        assert ["Tomorrow starts" in one.headers["HX-Trigger"] for one in done] == [True, True]
        waiting = rows_of("scheduled_starts", "WHERE state = 'queued'")
        assert [start["starts_at"] for start in waiting] == [moment]

    def test_taken_channel_is_what_it_may_wait_for(self, panel: Visitor) -> None:
        run(make_campaign(name="Water main works"))
        campaign_id = make_campaign(name="Heatwave")
        shown = read(panel.get(f"/campaigns/{campaign_id}/run").text)
        assert "SMS is in use. Water main works is In Progress" in shown
        assert "Start when SMS is free" in shown
        assert "Run now" not in shown
        done = panel.post(f"/campaigns/{campaign_id}/run", part=True, when="free", time_zone="UTC", confirm=CONFIRMED)
        assert "Heatwave starts as soon as SMS is free" in done.headers["HX-Trigger"]
        start = pending_start_of(campaign_id)
        assert start is not None
        assert (start.starts_at, bool(start.when_free)) == (None, True)

    def test_channel_taken_between_dialog_and_click_is_refused_with_both_ways_on(self, panel: Visitor) -> None:
        campaign_id = make_campaign()
        blocker = make_campaign(name="Water main works")
        run(blocker)
        refused = panel.post(f"/campaigns/{campaign_id}/run", part=True, confirm=CONFIRMED)
        assert refused.status_code == 409
        assert f'href="/campaigns/{campaign_id}/run" data-dialog>Start when SMS is free…</a>' in refused.text
        assert f'href="/campaigns/{blocker}/">Open Water main works</a>' in refused.text

    @pytest.mark.parametrize(
        ("start_at", "time_zone", "why"),
        [
            ("", "UTC", "Choose the day and the time"),
            ("soon", "UTC", "Choose the day and the time"),
            ("0001-01-01T00:00", "Asia/Tokyo", "Choose the day and the time"),
            ("9999-12-31T23:59", "America/New_York", "Choose the day and the time"),
            ("2001-01-01T00:00", "UTC", "That time is over"),
            ("2999-01-01T00:00", "UTC", "more than a year ahead"),
            ("2027-03-28T02:30", BERLIN, "clocks are set forward"),
            ("2999-01-01T00:00", "Moon/Base", "time zone of this page is not known"),
            ("2999-01-01T00:00", "", "time zone of this page is not known"),
        ],
    )
    def test_time_that_can_not_be_keeps_the_dialog_as_it_was_filled_in(
        self, panel: Visitor, start_at: str, time_zone: str, why: str
    ) -> None:
        campaign_id = make_campaign()
        form = {"when": "at", "start_at": start_at, "time_zone": time_zone, "confirm": CONFIRMED}
        refused = panel.post(f"/campaigns/{campaign_id}/run", part=True, **form)
        assert refused.status_code == 422
        assert why in refused.text
        assert len(re.findall(r"data-confirm checked", refused.text)) == len(CONFIRMED)
        assert re.search(r'value="at"[^>]+ checked', refused.text)
        assert pending_start_of(campaign_id) is None


class TestDuplicateAndHandOn:
    def test_duplicate_leads_to_the_contacts_of_the_copy(self, panel: Visitor) -> None:
        campaign_id = make_campaign(name="Spring SMS")
        assert "begins without contacts" in panel.get(f"/campaigns/{campaign_id}/duplicate").text
        done = panel.post(f"/campaigns/{campaign_id}/duplicate", part=True)
        copy = Campaign.get(Campaign.name == "Spring SMS copy")
        assert done.headers["HX-Redirect"] == f"/campaigns/{copy.id}/contacts"

    def test_owner_chooses_among_those_who_may_own(self, panel: Visitor, ben: Actor, alice: Actor, vera: Actor) -> None:
        campaign_id = make_draft(name="Bens", actor=ben)
        put_into_phase(campaign_id, Phase.READY)
        shown = panel.get(f"/campaigns/{campaign_id}/hand-on").text
        assert re.findall(r'<option value="\d+">([^<]+)<', shown) == ["Alice, Org Admin"]
        done = panel.post(f"/campaigns/{campaign_id}/hand-on", part=True, to=str(alice.person_id))
        assert "Alice owns Bens now." in done.headers["HX-Trigger"]
        assert "owner Alice" in read(panel.get(f"/campaigns/{campaign_id}/").text)
        late = panel.post(f"/campaigns/{campaign_id}/hand-on", part=True, to=str(ben.person_id))
        assert late.status_code == 403

    @pytest.mark.parametrize("to", ["", "0", "-1", "abc", "٣", "999999999999999999", "1 OR 1=1"])
    def test_nobody_is_chosen_by_nonsense(self, panel: Visitor, ben: Actor, alice: Actor, to: str) -> None:
        campaign_id = make_draft(actor=ben)
        answer_ = panel.post(f"/campaigns/{campaign_id}/hand-on", part=True, to=to)
        assert answer_.status_code == 422
        assert "Choose who shall own it." in answer_.text


class TestSender:
    def failed_email(self) -> int:
        campaign_id = make_campaign(Channel.EMAIL)
        run(campaign_id)
        put_into_phase(campaign_id, Phase.FAILED)
        return campaign_id

    def test_failed_email_gets_another_sender_and_nothing_else(self, panel: Visitor) -> None:
        campaign_id = self.failed_email()
        assert "Edit sender…" in panel.get(f"/campaigns/{campaign_id}/").text
        panel.post(f"/campaigns/{campaign_id}/sender", part=True, from_address="new@example.com", reply_to="")
        message = campaigns.template_of(get_campaign(campaign_id))
        assert (message.from_address, message.body) == ("new@example.com", "Hello")

    @pytest.mark.parametrize("address", ["", "nobody", "a@example.com\r\nBcc: b@example.com"])
    def test_sender_that_is_no_address_is_refused(self, panel: Visitor, address: str) -> None:
        campaign_id = self.failed_email()
        refused = panel.post(f"/campaigns/{campaign_id}/sender", part=True, from_address=address)
        assert refused.status_code == 422
        assert get_campaign(campaign_id).from_address == "news@example.com"

    def test_sms_has_no_sender_to_edit(self, panel: Visitor) -> None:
        assert panel.get(f"/campaigns/{make_campaign()}/sender").status_code == 404


class TestHead:
    def test_seeds_table_of_availability_holds(self, panel: Visitor) -> None:
        ready, ended = make_campaign(), make_ended(word=Word.FAILED)
        assert {"Run…", "View summary", "Edit", "Delete…", "Duplicate…"} <= allowed(panel, ready)
        assert not {"Stop…", "Resume…", "Retry…"} & allowed(panel, ready)
        assert {"Retry…", "View summary", "Delete…", "Duplicate…"} <= allowed(panel, ended)
        assert not {"Run…", "Stop…", "Edit"} & allowed(panel, ended)
        run(ready)
        assert {"Stop…", "View summary", "Duplicate…"} <= allowed(panel, ready)
        assert not {"Run…", "Delete…", "Edit"} & allowed(panel, ready)

    def test_refused_acts_stay_with_their_reason(self, app: Flask, panel: Visitor, vera: Actor) -> None:
        campaign_id = make_campaign(name="Spring SMS")
        mine = buttons(panel.get(f"/campaigns/{campaign_id}/").text)
        assert mine["Stop"] == (
            "Only a campaign In Progress or Held can be stopped; Spring SMS is Ready: nothing of it is sent."
        )
        assert mine["Hand on"] == "Only its owner or an Admin can hand on Spring SMS. Ask one of them."
        viewers = buttons(Visitor(app).sign_in(vera).get(f"/campaigns/{campaign_id}/").text)
        assert viewers.pop("View summary") == ""
        assert all(reason.endswith("Ask an Org Admin.") for reason in viewers.values())

    def test_start_later_is_the_first_button_while_another_is_in_the_way(self, panel: Visitor) -> None:
        campaign_id = make_campaign()
        assert "Start later…" not in buttons(panel.get(f"/campaigns/{campaign_id}/").text)
        run(make_campaign(name="Water main works"))
        page = panel.get(f"/campaigns/{campaign_id}/").text
        shown = buttons(page)
        assert shown["Start later…"] == ""
        assert shown["Run"].startswith("Water main works is In Progress")
        assert page.count("btn-primary") == 1

    def test_every_acts_dialog_opens_as_a_part_and_as_a_page(self, panel: Visitor) -> None:
        ready, ended = make_campaign(), make_ended(word=Word.FAILED)
        for campaign_id, names in ((ready, ["run", "delete", "duplicate", "summary"]), (ended, ["retry", "duplicate"])):
            for name in names:
                path = f"/campaigns/{campaign_id}/{name}"
                assert panel.get(path).text.count("<dialog") == 1
                part = panel.get(path, **{"HX-Request": "true"})
                assert part.status_code == 200
                assert "<html" not in part.text


def allowed(panel: Visitor, campaign_id: int) -> set[str]:
    return {word for word, reason in buttons(panel.get(f"/campaigns/{campaign_id}/").text).items() if not reason}


class TestRefusals:
    def test_next_step_is_a_button(self, panel: Visitor) -> None:
        campaign_id = make_campaign()
        run(campaign_id)
        refused = panel.post(f"/campaigns/{campaign_id}/delete", part=True, typed_name="x")
        assert f'href="/campaigns/{campaign_id}/stop" data-dialog>Stop…</a>' in refused.text
        as_page = panel.get(f"/campaigns/{campaign_id}/delete")
        assert as_page.status_code == 409
        assert f'href="/campaigns/{campaign_id}/stop">Stop…</a>' in as_page.text

    @pytest.mark.parametrize(
        "act", ["run", "stop", "resume", "delete", "duplicate", "hand-on", "retry/selected", "start/cancel"]
    )
    def test_campaign_deleted_under_an_open_page_is_told(self, panel: Visitor, act: str) -> None:
        campaign_id = make_campaign()
        put_into_phase(campaign_id, Phase.DELETING)
        answer_ = panel.post(f"/campaigns/{campaign_id}/{act}", part=True)
        assert answer_.status_code == 404
        assert answer_.headers["HX-Retarget"] == "#dialogs"
        assert answer_.headers["HX-Trigger"] == "moved"  # and the page says that it was deleted
        assert "This campaign was deleted" in panel.get(f"/campaigns/{campaign_id}/progress").text
        # What looks by itself neither opens a dialog over that nor lets the page look once more.
        by_itself = panel.get(f"/campaigns/{campaign_id}/", **{"HX-Request": "true", "HX-Target": "messages"})
        assert "HX-Trigger" not in by_itself.headers
        assert panel.get(f"/campaigns/{campaign_id}/flow").status_code == 286

    @pytest.mark.parametrize("number", ["0", "999999", "9223372036854775808", "-1", "1.5", "abc", "%00"])
    def test_ids_of_nothing_are_not_found(self, panel: Visitor, number: str) -> None:
        for path in ("", "run", "hand-on", "sender", "summary", "preview"):
            assert panel.get(f"/campaigns/{number}/{path}").status_code == 404

    def test_two_tabs_that_act_at_once_change_it_once(self, app: Flask, ben: Actor, alice: Actor) -> None:
        campaign_id = make_campaign(name="Spring SMS")
        run(campaign_id)
        first, second = Visitor(app).sign_in(ben), Visitor(app).sign_in(alice)
        assert first.post(f"/campaigns/{campaign_id}/stop", part=True).status_code == 200
        late = second.post(f"/campaigns/{campaign_id}/stop", part=True)
        assert late.status_code == 409
        assert "Spring SMS is In Progress, stopping" in late.text
        assert len(rows_of("audit", "WHERE act = 'stop'")) == 1

    def test_session_that_ended_in_mid_form_leaves_the_dialog_open(self, panel: Visitor) -> None:
        campaign_id = make_campaign()
        token = panel.token()
        panel.client.delete_cookie("signalbox")
        form = {"csrf_token": token, "confirm": CONFIRMED}
        answer_ = panel.client.post(f"/campaigns/{campaign_id}/run", data=form, headers={"HX-Request": "true"})
        assert answer_.status_code == 401  # which the page's script says beside the dialog, without replacing it
        assert phase_of(campaign_id) == Phase.READY


class TestProgress:
    @pytest.mark.parametrize("channel", Channel)
    def test_tiles_always_add_up_to_the_total(self, panel: Visitor, channel: Channel) -> None:
        campaign_id = make_campaign(channel, 12)
        ready = tiles(panel.get(f"/campaigns/{campaign_id}/").text)
        assert ready == {"Total Messages": 12}
        run(campaign_id)
        words = [Word.DELIVERED, Word.FAILED, Word.OPTED_OUT, Word.SENT if channel is Channel.SMS else Word.DEFERRED]
        for word in words:
            claimed = claim(campaign_id, limit=2)
            answer(claimed)
            receive(claimed, word)
        claim(campaign_id, limit=1)
        stop(campaign_id)
        move_all(campaign_id)
        shown = tiles(panel.get(f"/campaigns/{campaign_id}/progress").text)
        always = {"Delivered", "Sending", "Failed", "Opted Out"}
        own = {"Assumed Delivered"} if channel is Channel.SMS else {"Retrying"}
        assert always | own | {"Cancelled"} <= shown.keys()
        assert sum(shown.values()) == 12

    def test_looking_at_it_reads_no_messages(self, panel: Visitor) -> None:
        campaign_id = make_campaign(messages=4)
        run(campaign_id)
        claim(campaign_id, limit=2)
        with noted_statements() as noted:
            for part in ("progress", "progress?status=queued", "flow"):
                assert panel.get(f"/campaigns/{campaign_id}/{part}").status_code == 200
        assert [sql for sql, _ in noted if re.search(r"\bmessages\b", sql)] == []

    def test_tile_is_a_filter_and_its_second_click_takes_it_away(self, panel: Visitor) -> None:
        campaign_id = make_ended(word=Word.FAILED)
        link = re.search(r'id="tile-failed" href="([^"]+)"', panel.get(f"/campaigns/{campaign_id}/").text)
        assert link
        filtered = panel.get(unescape(link[1])).text
        assert re.search(rf'id="tile-failed" href="/campaigns/{campaign_id}/#found" aria-current="true"', filtered)

    def test_ended_campaign_is_looked_at_no_more_and_a_ready_one_seldom(self, panel: Visitor) -> None:
        ready, ended = make_campaign(), make_ended()
        assert panel.get(f"/campaigns/{ended}/progress").status_code == 286
        assert "every 15s" in panel.get(f"/campaigns/{ready}/progress").text
        run(ready)
        assert "every 2s" in panel.get(f"/campaigns/{ready}/progress").text

    def test_answer_brings_a_new_head_only_when_the_state_is_another(self, panel: Visitor) -> None:
        campaign_id = make_campaign()
        page = panel.get(f"/campaigns/{campaign_id}/").text
        address = re.search(r'hx-get="(/campaigns/\d+/progress[^"]+)"', page)
        assert address
        assert 'id="head"' not in panel.get(unescape(address[1])).text
        run(campaign_id)
        assert 'id="head"' in panel.get(unescape(address[1])).text

    def test_open_move_is_shown_until_it_is_over(self, panel: Visitor, ben: Actor) -> None:
        campaign_id = make_campaign(messages=3)
        running.run_campaign(campaign_id, actor=ben, disclaimer_accepted=True, now=now_ms())
        assert "Run by Ben: 0 of 3 queued 0 %" in read(panel.get(f"/campaigns/{campaign_id}/progress").text)
        move_all(campaign_id, now=now_ms())
        assert "Run by Ben" not in read(panel.get(f"/campaigns/{campaign_id}/progress").text)

    def test_stop_that_comes_too_late_says_that_all_is_with_the_provider(self, panel: Visitor) -> None:
        campaign_id = make_campaign(messages=3)
        run(campaign_id, now=now_ms())
        claim(campaign_id, limit=3)
        dialog = read(panel.get(f"/campaigns/{campaign_id}/stop").text)
        assert "Nothing is left to stop. 3 messages with the provider finish by themselves" in dialog
        assert "to Stopped" not in dialog
        stopped = panel.post(f"/campaigns/{campaign_id}/stop", part=True)
        told = "nothing was left to stop, the last 3 messages are already with the provider"
        assert f"Stopped: {told}." in stopped.headers["HX-Trigger"]
        for _ in range(2):  # open, and over
            assert f"Stop by Ben: {told}" in read(panel.get(f"/campaigns/{campaign_id}/progress").text)
            assert told in read(panel.get("/moves/").text)
            move_all(campaign_id, now=now_ms())

    def test_resume_of_a_held_one_says_how_many_go_on(self, panel: Visitor) -> None:
        campaign_id = make_campaign(messages=3)
        run(campaign_id, now=now_ms())
        put_into_phase(campaign_id, Phase.HELD)
        resumed = panel.post(f"/campaigns/{campaign_id}/resume", part=True)
        assert "Resumed: 3 messages will be sent." in resumed.headers["HX-Trigger"]
        for _ in range(2):  # open, and over
            assert "Resume by Ben: 3 go on" in read(panel.get(f"/campaigns/{campaign_id}/progress").text)
            assert "3 go on" in read(panel.get("/moves/").text)
            move_all(campaign_id, now=now_ms())

    def test_result_says_how_many_were_left_out_and_is_news_for_a_while_only(self, panel: Visitor) -> None:
        campaign_id = make_ended(word=Word.FAILED)
        retry(campaign_id, now=now_ms())
        with transaction():
            execute("UPDATE messages SET status = 'opted_out' WHERE id = ?", message_ids(campaign_id)[0])
        move_all(campaign_id, now=now_ms())
        told = "2 queued, 1 left out: no longer failed, or opted out by then"
        assert told in read(panel.get(f"/campaigns/{campaign_id}/progress").text)
        with transaction():
            execute("UPDATE bulk_moves SET ended_at = ended_at - ?", HOUR)
        assert told not in read(panel.get(f"/campaigns/{campaign_id}/progress").text)

    def test_proof_of_the_counts_is_told(self, panel: Visitor) -> None:
        campaign_id = make_ended()
        assert "counts proven" not in panel.get(f"/campaigns/{campaign_id}/").text
        prove_counts(campaign_id, now=now_ms())
        assert "counts proven 0 s ago" in read(panel.get(f"/campaigns/{campaign_id}/").text)

    def test_silence_of_the_provider_is_told(self, panel: Visitor) -> None:
        campaign_id = make_campaign()
        run(campaign_id)
        with transaction():
            execute("UPDATE campaigns SET silence = ? WHERE id = ?", Silence.NO_RECEIPTS.value, campaign_id)
        assert "No receipt has come for 5 minutes" in panel.get(f"/campaigns/{campaign_id}/").text

    def test_what_is_waited_for_has_its_latest_moment(self, panel: Visitor) -> None:
        campaign_id, at = make_campaign(messages=2), now_ms()
        run(campaign_id, now=at)
        answer(claim(campaign_id, now=at), at=at)
        until = clock_exact(at + (4 * 60 + 20) * MINUTE, "UTC")
        assert f"waiting for 2 receipts, until {until} at most" in read(panel.get(f"/campaigns/{campaign_id}/").text)
        stop(campaign_id, now=at)
        told = read(panel.get(f"/campaigns/{campaign_id}/").text)
        assert f"2 still with the provider 2 of 2 SMS stays taken until {until} at most" in told

    def test_delivered_by_a_mail_server_is_said_to_be_accepted_by_it(self, panel: Visitor) -> None:
        by_mail = {"SMS_PROVIDER": "simulated", "EMAIL_PROVIDER": "smtp", "SMTP_URL": "smtp://127.0.0.1:1"}
        use(Config.from_env({**current().variables, **by_mail}))
        mail, text = make_campaign(Channel.EMAIL, 1), make_campaign(Channel.SMS, 1)
        for campaign_id, provider in ((mail, "smtp"), (text, "twilio")):
            run(campaign_id)
            answer(claim(campaign_id, provider=provider), Word.DELIVERED)
            (message_id,) = message_ids(campaign_id)
            for path in ("progress", f"messages/{message_id}"):
                told = read(panel.get(f"/campaigns/{campaign_id}/{path}", **{"HX-Request": "true"}).text)
                assert ("Accepted by the mail server, which gives no receipts." in told) is (campaign_id == mail), path


class TestEnvironment:
    def test_simulated_is_marked_on_every_page(self, panel: Visitor) -> None:
        campaign_id = make_campaign()
        for path in ("/campaigns/", f"/campaigns/{campaign_id}/", "/exports/", f"/campaigns/{campaign_id}/run"):
            assert "Simulated : no message leaves Signalbox" in read(panel.get(path).text)


def test_summary_names_every_status_that_has_messages_and_what_is_to_come(panel: Visitor) -> None:
    ended, ready = make_ended(messages=3), make_campaign()
    assert "Delivered 3 Fields none" in read(panel.get(f"/campaigns/{ended}/summary").text)
    run_later(ready, at=None, now=now_ms())
    told = read(panel.get(f"/campaigns/{ready}/summary").text)
    assert "Runs later when SMS is free, asked by command line" in told
    assert "Waiting 3" in told


class TestWords:
    def test_stop_promises_no_status_where_a_retry_is_stopped(self, panel: Visitor) -> None:
        first = make_campaign()
        run(first, now=now_ms())
        assert "goes from In Progress to Stopped" in read(panel.get(f"/campaigns/{first}/stop").text)
        stop(first)
        move_all(first)
        again = make_ended(word=Word.FAILED)
        retry(again, now=now_ms())
        move_all(again)
        assert "to Stopped" not in read(panel.get(f"/campaigns/{again}/stop").text)

    def test_resume_with_nothing_left_says_that_nothing_is_sent(self, panel: Visitor) -> None:
        campaign_id = make_ended(word=Word.FAILED)
        put_into_phase(campaign_id, Phase.FAILED)
        answered = panel.post(f"/campaigns/{campaign_id}/resume", part=True)
        assert "Nothing was left to send. The campaign is not Failed any more." in answered.headers["HX-Trigger"]
        assert phase_of(campaign_id) == "ended"

    def test_missed_start_stands_on_the_page(self, panel: Visitor) -> None:
        campaign_id = make_campaign()
        start_id = run_later(campaign_id, at=now_ms() + HOUR, now=now_ms())
        scheduling.refuse_start(start_id, WrongStateError("24 hours have passed <b>"), now=now_ms())
        page = panel.get(f"/campaigns/{campaign_id}/").text
        assert "Not started as planned: 24 hours have passed <b>" in read(page.replace("&lt;b&gt;", "&lt;b>"))

    def test_refusal_is_shown_whatever_part_was_asked_for(self, panel: Visitor) -> None:
        refused = panel.get("/campaigns/999999/run", **{"HX-Request": "true", "HX-Target": "preview"})
        assert (refused.headers["HX-Retarget"], refused.headers["HX-Reselect"]) == ("#dialogs", "unset")
