"""Dialogs: what they show, what is wrong at which input, and what comes of them."""

import pytest

from bot import dialogs
from models.actors import COMMAND_LINE, Actor
from models.clock import now_ms
from models.database import execute, transaction
from models.operations.exporting import do_export, start_export
from models.operations.optouts import opt_out
from models.operations.retrying import retry_messages
from models.operations.running import DISCLAIMER, run_campaign
from models.queries.starts import pending_start_of
from models.rules.criteria import Criteria
from models.rules.verdicts import Word
from models.tables import Export, ScheduledStart
from models.tables import Person as PersonRow
from models.words import Channel, FailureReason, Phase
from tests import factories
from tests.factories import dump, make_campaign, make_ended, move_all, phase_of, put_into_phase, statuses
from tests.integration.slack.asking import ALL_FOUR, dialog, heard, shown, submitted, text_of, told
from tests.integration.slack.workspace import Workspace
from tests.slack_person import Person, eventually

A_DAY = 24 * 3600  # seconds


class TestRun:
    def test_confirmed_dialog_runs_it_and_says_so(self, as_ben: Person) -> None:
        campaign_id = make_campaign(name="Spring")
        shown(as_ben, "/campaign run spring", "confirm each")
        submitted(as_ben, "It runs: 3 messages", disclaimer=ALL_FOUR)
        assert phase_of(campaign_id) == Phase.RUNNING

    def test_it_shows_a_real_message_and_what_to_think_of(self, as_ben: Person) -> None:
        make_campaign(name="Spring")
        run = text_of(shown(as_ben, "/campaign run spring", "confirm each"))
        assert "+14155550000" in run
        assert "Hello" in run
        assert "opt" in run  # the text lacks the opt-out

    def test_it_warns_of_what_only_looks_like_a_variable(self, as_ben: Person) -> None:
        campaign_id = make_campaign(name="Spring")
        with transaction():
            execute("UPDATE campaigns SET body = 'Hi {{name}' WHERE id = ?", campaign_id)
        run = text_of(shown(as_ben, "/campaign run spring", "confirm each"))
        assert ":warning: {{name} looks like a variable but will be sent as typed." in run

    def test_each_sentence_of_the_disclaimer_is_said_once_and_whole(self, as_ben: Person) -> None:
        make_campaign(name="Spring")
        run = shown(as_ben, "/campaign run spring", "confirm each")
        boxes = next(block for block in run["blocks"] if block.get("block_id") == "disclaimer")["element"]
        assert [option["text"]["text"] for option in boxes["options"]] == list(DISCLAIMER)
        assert [option for option in boxes["options"] if "description" in option] == []

    def test_who_opted_out_since_the_import_is_counted_so_at_once_and_in_the_end(
        self, slack: Workspace, as_ben: Person
    ) -> None:
        make_campaign(name="Spring")
        opt_out(Channel.SMS, "+14155550001", actor=COMMAND_LINE, now=factories.NOW)
        run = text_of(shown(as_ben, "/campaign run spring", "confirm each"))
        assert "*2 messages* will be sent · 2 segments · 1 opted out and gets nothing" in run
        traffic = slack.slack.do(lambda: list(slack.slack.core.traffic))
        sketch = next(call["sent"]["view"] for call in traffic if call["name"] == "views.update")
        assert "*2 messages* will be sent · looking at" in text_of(sketch)
        submitted(as_ben, "It runs: 2 messages", disclaimer=ALL_FOUR)

    def test_leaving_out_everybody_left_is_refused(self, as_ben: Person, now_is: int) -> None:
        make_ended(Channel.SMS, messages=3, now=now_is)
        campaign_id = make_campaign(name="Second", now=now_is)
        shown(as_ben, "/campaign run second", "Leave out these 3 people")
        submitted(as_ben, "nobody to send to without those", disclaimer=ALL_FOUR, leave_out=["leave_out"])
        assert phase_of(campaign_id) == Phase.READY

    def test_missing_disclaimer_is_said_at_its_boxes(self, as_ben: Person) -> None:
        make_campaign(name="Spring")
        shown(as_ben, "/campaign run spring", "confirm each")
        before = dump()
        assert as_ben.submits(disclaimer=ALL_FOUR[:3]).errors == {"disclaimer": "Confirm all four to run it."}
        assert dump() == before

    def test_what_is_known_at_once_is_shown_while_the_contacts_are_looked_at(
        self, slack: Workspace, as_ben: Person
    ) -> None:
        make_campaign(name="Spring")
        shown(as_ben, "/campaign run spring", "confirm each")
        traffic = slack.slack.do(lambda: list(slack.slack.core.traffic))
        sketch, form = (call["sent"]["view"] for call in traffic if call["name"] == "views.update")
        assert "*3 messages* will be sent · looking at each contact…" in text_of(sketch)
        assert "+14155550000" in text_of(sketch)
        assert ("input" in text_of(sketch), "submit" in sketch) == (False, False)
        assert "looking at" not in text_of(form)

    def test_those_reached_lately_can_be_left_out(self, as_ben: Person, now_is: int) -> None:
        reached = ["+14155550000", "+14155550001"]
        first = make_campaign(Channel.SMS, reached, name="First", now=now_is)
        factories.run(first, now=now_is)
        factories.send_all(first, now=now_is)
        campaign_id = make_campaign(Channel.SMS, [*reached, "+14155550002"], name="Second", now=now_is)
        shown(as_ben, "/campaign run second", "Leave out these 2 people")
        submitted(as_ben, "It runs: 1 message is being queued.", disclaimer=ALL_FOUR, leave_out=["leave_out"])
        move_all(campaign_id)
        assert statuses(campaign_id) == {"queued": 1, "cancelled": 2}

    def test_one_of_anything_is_no_plural(self, as_ben: Person, now_is: int) -> None:
        reached = ["+14155550000"]
        make_ended(Channel.SMS, messages=1, now=now_is)
        make_campaign(Channel.SMS, reached, name="Second", now=now_is)
        run = text_of(shown(as_ben, "/campaign run second", "Leave out this person"))
        assert "*1 message* will be sent · 1 segment'" in run

    def test_taken_channel_names_who_holds_it_and_offers_to_wait(self, as_ben: Person) -> None:
        factories.run(make_campaign(name="Water works"))
        campaign_id = make_campaign(name="Spring")
        run = shown(as_ben, "/campaign run spring", "SMS is in use")
        assert "Water works" in text_of(run)
        assert run["submit"]["text"] == "Start when SMS is free"
        submitted(as_ben, "as soon as the channel is free", disclaimer=ALL_FOUR)
        start = pending_start_of(campaign_id)
        assert start is not None
        assert (start.kind, start.when_free, start.actor_name) == ("run", 1, "Ben")
        assert phase_of(campaign_id) == Phase.READY

    def test_it_can_start_at_a_time_and_be_cancelled(self, as_ben: Person, now_is: int) -> None:
        campaign_id = make_campaign(name="Spring")
        shown(as_ben, "/campaign run spring", "confirm each")
        submitted(as_ben, "It starts at", disclaimer=ALL_FOUR, start_at=now_is // 1000 + A_DAY)
        start = ScheduledStart.get()
        assert (start.starts_at, start.time_zone) == ((now_is // 1000 + A_DAY) * 1000, "Etc/UTC")
        snapshot = told(as_ben, "/campaign status spring", "{time} your time|")
        as_ben.clicks(snapshot, "cancel_start")
        eventually(lambda: "The start is cancelled" in text_of(as_ben.messages()))
        assert pending_start_of(campaign_id) is None

    def test_of_two_people_with_the_dialog_open_the_later_one_is_who_asked(
        self, slack: Workspace, as_ben: Person, now_is: int
    ) -> None:
        make_campaign(name="Spring")
        as_alice = slack.person("alice")
        for person in (as_ben, as_alice):
            shown(person, "/campaign run spring", "confirm each")
        for days, person in enumerate((as_ben, as_alice), start=1):
            submitted(person, "It starts at", disclaimer=ALL_FOUR, start_at=now_is // 1000 + days * A_DAY)
        told(as_ben, "/campaign status spring", "asked by Alice")
        assert [start.actor_name for start in ScheduledStart.select().where(ScheduledStart.state == "queued")] == [
            "Alice"
        ]

    def test_time_gone_by_is_said_at_its_input(self, as_ben: Person) -> None:
        make_campaign(name="Spring")
        shown(as_ben, "/campaign run spring", "confirm each")
        wrong = as_ben.submits(disclaimer=ALL_FOUR, start_at=1_000_000_000).errors
        assert wrong == {"start_at": "Choose a time that is still to come."}

    def test_channel_taken_meanwhile_is_refused_at_the_submission(self, as_ben: Person) -> None:
        make_campaign(name="Spring")
        other = make_campaign(name="Water works")
        shown(as_ben, "/campaign run spring", "confirm each")
        factories.run(other)
        before = dump()
        submitted(as_ben, "Water works", disclaimer=ALL_FOUR)
        assert dump() == before

    def test_wrong_state_is_said_with_the_present_state(self, as_ben: Person) -> None:
        make_ended()
        refused = text_of(shown(as_ben, "/campaign run 1", "Only a Ready campaign can be run"))
        assert "Delivered 3" in refused

    def test_two_submissions_run_it_once(self, slack: Workspace) -> None:
        campaign_id = make_campaign(name="Spring")
        ben, alice = slack.person("ben"), slack.person("alice")
        for person in (ben, alice):
            shown(person, "/campaign run spring", "confirm each")
        submitted(ben, "It runs", disclaimer=ALL_FOUR)
        submitted(alice, "Only a Ready campaign can be run", disclaimer=ALL_FOUR)
        assert len(factories.moves_of(campaign_id)) == 1


class TestStop:
    def test_command_answers_with_one_button_that_asks(self, as_ben: Person) -> None:
        campaign_id = make_campaign(name="Spring")
        factories.run(campaign_id)
        asked = told(as_ben, "/campaign stop spring", "Stop *Spring*? 3 messages")
        as_ben.clicks(asked, "stop")
        eventually(lambda: "is stopped: 3 messages are not sent" in text_of(as_ben.messages()))
        assert phase_of(campaign_id) == Phase.STOPPING

    def test_too_late_says_that_all_is_with_the_provider(self, as_ben: Person) -> None:
        campaign_id = make_campaign(messages=1, name="Spring")
        factories.run(campaign_id)
        factories.claim(campaign_id)
        as_ben.clicks(told(as_ben, "/campaign stop spring", "Stop *Spring*? Nothing is left to stop."), "stop")
        late = "is stopped: nothing was left to stop, the last message is already with the provider."
        eventually(lambda: late in text_of(as_ben.messages()))

    def test_what_can_not_be_stopped_says_why(self, as_ben: Person) -> None:
        make_campaign(name="Spring")
        told(as_ben, "/campaign stop spring", "Only a campaign In Progress or Held can be stopped")

    def test_twenty_clicks_stop_it_once(self, slack: Workspace, as_ben: Person) -> None:
        campaign_id = make_campaign(name="Spring")
        factories.run(campaign_id)
        asked = told(as_ben, "/campaign stop spring", "Stop *Spring*?")
        slack.at_once(lambda: as_ben.clicks(asked, "stop"), 20)
        eventually(
            lambda: len([one for one in as_ben.messages() if "Spring is In Progress, stopping" in text_of(one)]) == 19
        )
        assert [move.kind for move in factories.moves_of(campaign_id)].count("stop") == 1


class TestResume:
    def test_it_goes_on(self, as_ben: Person) -> None:
        campaign_id = make_campaign(name="Spring")
        factories.run(campaign_id)
        factories.stop(campaign_id)
        move_all(campaign_id)
        shown(as_ben, "/campaign resume spring", "*3 messages go on.*")
        submitted(as_ben, "It goes on: 3 messages are queued.")
        assert phase_of(campaign_id) == Phase.RUNNING

    def test_a_held_one_goes_on_with_what_stayed_queued(self, as_ben: Person) -> None:
        campaign_id = make_campaign(name="Spring")
        factories.run(campaign_id)
        move_all(campaign_id)
        put_into_phase(campaign_id, Phase.HELD)
        shown(as_ben, "/campaign resume spring", "*3 messages go on.*")
        submitted(as_ben, "It goes on: 3 messages are queued.")

    def test_nothing_left_is_said_to_be_so(self, as_ben: Person) -> None:
        campaign_id = make_ended(messages=1)
        put_into_phase(campaign_id, Phase.FAILED)
        shown(as_ben, f"/campaign resume {campaign_id}", "Nothing is left to send: this only ends the state it is in.")
        submitted(as_ben, "Nothing was left to send. The campaign is not Failed any more.")

    def test_it_warns_that_those_left_out_at_the_run_are_sent_to_by_it(
        self, as_ben: Person, ben: Actor, now_is: int
    ) -> None:
        make_ended(messages=2, now=now_is)
        campaign_id = make_campaign(messages=3, name="Spring")
        run_campaign(campaign_id, actor=ben, disclaimer_accepted=True, leave_out_reached=True, now=now_is)
        move_all(campaign_id)
        factories.stop(campaign_id)
        move_all(campaign_id)
        warned = "Those left out when it was run are among them"
        shown(as_ben, "/campaign resume spring", warned)
        as_ben.closes()
        factories.resume(campaign_id)
        factories.stop(campaign_id)  # before any of them was Queued
        move_all(campaign_id)
        shown(as_ben, "/campaign resume spring", warned)
        as_ben.closes()
        factories.resume(campaign_id)
        move_all(campaign_id)
        factories.stop(campaign_id)
        move_all(campaign_id)
        again = shown(as_ben, "/campaign resume spring", "*3 messages go on.*")
        assert "left out" not in text_of(again)


class TestRetry:
    def failed(self) -> int:
        """A campaign with failures that are likely to work, that are pointless, and one in doubt."""
        campaign_id = make_campaign(messages=6, name="Spring")
        factories.run(campaign_id)
        claimed = factories.claim(campaign_id)
        factories.answer(claimed)
        likely = {"reason": FailureReason.UNREACHABLE, "retry_class": "likely"}
        pointless = {"reason": FailureReason.INVALID_RECIPIENT, "retry_class": "pointless"}
        factories.receive(claimed[:3], Word.FAILED, **likely)
        factories.receive(claimed[3:5], Word.FAILED, **pointless)
        factories.receive(claimed[5:], Word.DELIVERED)
        return campaign_id

    def test_likely_ones_are_ticked_and_others_offered(self, as_ben: Person) -> None:
        self.failed()
        plan = shown(as_ben, "/campaign retry spring", "Likely to work (3 of 5 failed)")
        assert "Unreachable: 3" in text_of(plan)
        assert "Invalid recipient: 2" in text_of(plan)
        assert plan["submit"]["text"] == "Retry 3 messages"
        assert "*Complete (with errors)* to *In Progress*" in text_of(plan)

    def test_each_tick_counts_at_once(self, as_ben: Person) -> None:
        campaign_id = self.failed()
        plan = shown(as_ben, "/campaign retry spring", "Likely to work")
        as_ben.clicks(plan, "tick", ["pointless:invalid_recipient"], block_id="pointless-0")
        eventually(lambda: as_ben.modal()["submit"]["text"] == "Retry 5 messages")
        submitted(as_ben, "*Spring*: 5 messages are queued again. Its card is ")
        move_all(campaign_id)
        assert statuses(campaign_id) == {"queued": 5, "delivered": 1}

    def test_nothing_ticked_is_said_at_the_boxes(self, as_ben: Person) -> None:
        self.failed()
        shown(as_ben, "/campaign retry spring", "Likely to work")
        before = dump()
        assert as_ben.submits(tick=[]).errors == {"likely-0": "Tick what is to be sent again."}
        assert dump() == before

    def test_plan_without_boxes_any_more_says_so_at_the_time(self) -> None:
        state = {"values": {"start_at": {"start_at": {"type": "datetimepicker", "selected_date_time": None}}}}
        assert dialogs.errors_in("retry", {"state": state}) == {"start_at": "Tick what is to be sent again."}

    def test_what_fails_later_is_not_in_it(self, as_ben: Person) -> None:
        campaign_id = make_ended(messages=3, word=Word.FAILED)
        shown(as_ben, f"/campaign retry {campaign_id}", "The set is fixed")
        retry_messages(campaign_id, actor=COMMAND_LINE, criteria=Criteria(), now=factories.NOW + 1)
        move_all(campaign_id)
        factories.send_all(campaign_id, Word.FAILED, now=4_100_000_000_000)
        before = statuses(campaign_id)
        boxes = next(block for block in as_ben.modal()["blocks"] if block["type"] == "input")["element"]
        as_ben.submits(tick=[option["value"] for option in boxes["options"]])
        dialog(as_ben, "no messages that can be retried")
        move_all(campaign_id)
        assert statuses(campaign_id) == before

    def test_submitted_twice_it_queues_once(self, slack: Workspace, as_ben: Person) -> None:
        campaign_id = self.failed()
        plan = shown(as_ben, "/campaign retry spring", "Likely to work")
        slack.at_once(lambda: as_ben.submits(plan), 2)
        eventually(lambda: "queued again" in text_of(as_ben.modals()))
        assert [move.kind for move in factories.moves_of(campaign_id)].count("retry") == 1

    def test_taken_channel_offers_to_wait(self, as_ben: Person) -> None:
        campaign_id = self.failed()
        factories.run(make_campaign(name="Water works"))
        plan = shown(as_ben, f"/campaign retry {campaign_id}", "SMS is in use")
        assert plan["submit"]["text"] == "Start when SMS is free"
        assert "leave it empty to start as soon as SMS is free" in text_of(plan)
        submitted(as_ben, "as soon as the channel is free")
        start = pending_start_of(campaign_id)
        assert start is not None
        assert start.kind == "retry"

    def test_it_can_start_at_a_time_and_be_cancelled(self, as_ben: Person, now_is: int) -> None:
        campaign_id = self.failed()
        shown(as_ben, "/campaign retry spring", "Likely to work")
        submitted(as_ben, "It starts at", start_at=now_is // 1000 + A_DAY)
        start = ScheduledStart.get()
        assert (start.kind, start.starts_at) == ("retry", (now_is // 1000 + A_DAY) * 1000)
        assert start.criteria["failures"] == ["likely:unreachable"]
        snapshot = told(as_ben, "/campaign status spring", "asked by Ben")
        as_ben.clicks(snapshot, "cancel_start")
        eventually(lambda: "The start is cancelled" in text_of(as_ben.messages()))
        assert pending_start_of(campaign_id) is None

    def test_campaign_deleted_meanwhile_is_said_and_nothing_starts_later(self, as_ben: Person, now_is: int) -> None:
        campaign_id = self.failed()
        shown(as_ben, "/campaign retry spring", "Likely to work")
        factories.delete(campaign_id)
        before = dump()
        submitted(as_ben, "is being deleted", start_at=now_is // 1000 + A_DAY)
        assert dump() == before


class TestDelete:
    def test_its_name_has_to_be_typed(self, as_ben: Person) -> None:
        campaign_id = make_campaign(name="Spring")
        shown(as_ben, "/campaign delete spring", "Type its name: Spring")
        assert as_ben.submits(name="Sprung").errors == {"name": "To delete it, type its name: Spring"}
        assert phase_of(campaign_id) == Phase.READY
        submitted(as_ben, "Deleted", name=" sPRING ")
        assert phase_of(campaign_id) == Phase.DELETING


def exported(ben: Actor, now: int) -> tuple[int, int]:
    """An ended campaign all of which Ben has exported; its id and the export's."""
    campaign_id = make_ended(messages=2, word=Word.FAILED, now=now - 60_000)
    export_id = start_export(campaign_id, criteria=Criteria(), actor=ben, now=now)
    do_export(export_id, clock=lambda: now)
    return campaign_id, export_id


class TestExport:
    def test_dialog_offers_what_there_is(self, as_ben: Person) -> None:
        campaign_id = make_ended(messages=2, word=Word.FAILED)
        export = text_of(shown(as_ben, f"/campaign export {campaign_id}", "All 2 messages"))
        assert "Failed: 2" in export
        assert "Delivered" not in export
        submitted(as_ben, "The file comes to you", status="failed")
        assert Export.get().criteria == {"statuses": ["failed"]}

    def test_file_made_in_the_panel_does_not_stand_in_for_the_one_asked_for_here(
        self, slack: Workspace, as_ben: Person, ben: Actor, now_is: int
    ) -> None:
        campaign_id, _ = exported(ben, now_is)
        shown(as_ben, f"/campaign export {campaign_id}", "What changed since my export")
        submitted(as_ben, "The file comes to you", status="all")
        do_export(Export.select().order_by(Export.id.desc()).first().id, clock=now_ms)
        slack.say_what_is_due()
        receipt, file = as_ben.direct_messages()
        assert ("SHA-256" in text_of(receipt), len(file["files"])) == (True, 1)

    def test_what_changed_since_the_last_one_is_offered(self, as_ben: Person, ben: Actor, now_is: int) -> None:
        campaign_id, first = exported(ben, now_is)
        shown(as_ben, f"/campaign export {campaign_id}", "What changed since my export")
        submitted(as_ben, "The file comes to you", status=f"since:{first}")
        assert Export.get_by_id(first + 1).since_id == first

    def test_what_changed_is_about_all_messages_and_says_so_at_a_filter(
        self, as_ben: Person, ben: Actor, now_is: int
    ) -> None:
        campaign_id, first = exported(ben, now_is)
        shown(as_ben, f"/campaign export {campaign_id}", "What changed since my export")
        errors = as_ben.submits(status=f"since:{first}", search="+1").errors
        assert errors == {"search": "What changed since an export is about all messages: leave this empty."}

    def test_filters_typed_start_it_at_once(self, as_ben: Person) -> None:
        make_ended(messages=2)
        told(as_ben, "/campaign export 1 status:delivered", "The file comes to you")
        assert Export.get().criteria == {"statuses": ["delivered"]}

    @pytest.mark.parametrize(
        ("typed", "question", "meant"),
        [
            (
                "spring status:delivered search:“Ann Lee”",
                "Several campaigns fit “spring”. Which one?",
                {"statuses": ["delivered"], "search": "Ann Lee"},
            ),
            ("reason:blocked", "Which campaign?", {"reasons": ["blocked"]}),
        ],
    )
    def test_filters_typed_hold_for_the_campaign_that_is_chosen_then(
        self, as_ben: Person, typed: str, question: str, meant: dict[str, object]
    ) -> None:
        wanted, _ = make_campaign(name="Spring one"), make_campaign(name="Spring two")
        picker = told(as_ben, f"/campaign export {typed}", question)
        option = as_ben.searches(picker, "pick_export", "one").options["option_groups"][0]["options"][0]
        as_ben.clicks(picker, "pick_export", option)
        heard(as_ben, "The file comes to you")
        (export,) = Export.select()
        assert (export.campaign_id, export.criteria) == (wanted, meant)

    def test_search_too_long_to_be_kept_beside_a_choice_is_said_to_be(self, as_ben: Person) -> None:
        make_campaign(name="Spring one")
        make_campaign(name="Spring two")
        told(as_ben, f"/campaign export spring search:{'é' * 235}", "name it whole, or by its number")
        told(as_ben, f"/campaign export spring search:{'é' * 200}", "Which one?")

    def test_filter_that_is_none_is_named_before_a_campaign_is_chosen(self, as_ben: Person) -> None:
        make_campaign(name="Spring one")
        make_campaign(name="Spring two")
        told(as_ben, "/campaign export spring reason:because", "because is none; use one of")

    def test_filter_that_is_none_is_named(self, as_ben: Person) -> None:
        make_ended()
        told(as_ben, "/campaign export 1 reason:because", "because is none; use one of")
        assert not Export.select().count()


ACTS = ("run", "resume", "retry", "delete", "export")


class TestWhoMayNot:
    @pytest.mark.parametrize("act", ACTS)
    def test_viewer_gets_no_form(self, as_vera: Person, act: str) -> None:
        make_campaign(name="Spring")
        before = dump()
        assert shown(as_vera, f"/campaign {act} spring", "you are Viewer")["submit"] is None
        assert dump() == before

    def test_viewer_stops_nothing(self, as_vera: Person) -> None:
        factories.run(make_campaign(name="Spring"))
        before = dump()
        told(as_vera, "/campaign stop spring", "you are Viewer")
        assert dump() == before

    @pytest.mark.parametrize("act", ACTS)
    def test_stranger_is_told_whom_to_ask_in_the_dialog(self, slack: Workspace, act: str) -> None:
        make_campaign(name="Spring")
        before = dump()
        shown(slack.person("mallory"), f"/campaign {act} spring", "Ask Alice to let you in")
        assert dump() == before

    @pytest.mark.parametrize("act", ["help", "list", "status", "failures", "find", "create", "panel", "stop"])
    def test_stranger_is_told_whom_to_ask(self, slack: Workspace, act: str) -> None:
        make_campaign(name="Spring")
        before = dump()
        told(slack.person("mallory"), f"/campaign {act} spring", "Ask Alice to let you in")
        assert dump() == before

    def test_role_is_asked_at_the_submission_too(self, as_ben: Person) -> None:
        campaign_id = make_campaign(name="Spring")
        shown(as_ben, "/campaign run spring", "confirm each")
        PersonRow.update(role="viewer").where(PersonRow.name == "Ben").execute()
        submitted(as_ben, "you are Viewer", disclaimer=ALL_FOUR)
        assert phase_of(campaign_id) == Phase.READY


class TestOldButtons:
    def test_one_of_a_state_gone_by_answers_with_the_present_one(self, slack: Workspace, as_ben: Person) -> None:
        campaign_id = make_campaign(name="Spring")
        factories.run(campaign_id)
        slack.say_what_is_due()
        card = as_ben.latest("Spring: In Progress")
        factories.send_all(campaign_id)
        as_ben.clicks(card, "stop")
        eventually(lambda: "Only a campaign In Progress or Held can be stopped" in text_of(as_ben.messages()))
        assert "Delivered 3" in text_of(as_ben.messages()[-1])

    def test_one_of_a_deleted_campaign_says_so(self, slack: Workspace, as_ben: Person) -> None:
        campaign_id = make_ended(messages=1)
        failures = told(as_ben, f"/campaign status {campaign_id}", "Refresh")
        factories.delete(campaign_id)
        move_all(campaign_id)
        as_ben.clicks(failures, "refresh")
        eventually(lambda: f"There is no campaign {campaign_id}" in text_of(as_ben.messages()))


def test_a_fault_of_ours_in_a_submission_is_told(as_ben: Person) -> None:
    make_campaign(name="Spring")
    run = shown(as_ben, "/campaign run spring", "confirm each")
    with transaction():
        execute("DROP TABLE bulk_moves")
    submitted(as_ben, "That went wrong on our side", disclaimer=ALL_FOUR)
    assert run["callback_id"] == "run"
