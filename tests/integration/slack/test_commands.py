"""What people type after /campaign, and what they are told."""

import pytest

from models.actors import Actor
from models.clock import now_ms
from models.operations.seeking import MOST_SOUGHT, note_sought
from models.queries.starts import pending_start_of
from models.rules.verdicts import Word
from models.tables import Export
from models.tables import Person as PersonRow
from models.words import Channel, Phase
from tests import factories
from tests.factories import dump, make_campaign, make_draft, make_ended, make_left_out, phase_of, put_into_phase
from tests.integration.slack.asking import dialog, heard, shown, text_of, told
from tests.integration.slack.workspace import Workspace
from tests.slack_person import Person, eventually

QUO = r"Status:\u2060quo"  # as it stands in the text of a message, in which no sign of it is a format


class TestHelp:
    def test_it_has_the_commands_and_what_runs(self, as_ben: Person) -> None:
        factories.run(make_campaign(name="Spring"))
        answer = text_of(told(as_ben, "/campaign", "/campaign run"))
        assert "Spring" in answer
        assert "Simulated" in answer

    def test_a_word_that_is_none_is_met_with_the_nearest(self, as_ben: Person) -> None:
        assert "/campaign status" in text_of(told(as_ben, "/campaign statsu spring", "Did you mean"))


class TestList:
    def test_it_shows_those_of_a_group(self, as_ben: Person) -> None:
        make_campaign(name="Spring")
        factories.run(make_campaign(Channel.EMAIL, name="June"))
        assert "Spring" not in text_of(told(as_ben, "/campaign list RUNNING", "June"))
        assert "June" not in text_of(told(as_ben, "/campaign list ready", "Spring"))

    def test_a_group_that_is_none_is_named(self, as_ben: Person) -> None:
        make_campaign(name="Spring")
        told(as_ben, "/campaign list spring", "spring is no group of campaigns")

    def test_only_what_was_run_is_said_to_be_so_far(self, as_ben: Person) -> None:
        make_campaign(name="Spring")
        factories.run(make_campaign(Channel.EMAIL, name="June"))
        listed = text_of(told(as_ben, "/campaign list", "June"))
        assert "*Ready* · SMS · 3 recipients'" in listed
        assert "*In Progress* · Email · 0 % sent of 3 recipients'" in listed

    def test_more_than_one_reads_at_a_glance_are_in_the_panel(self, as_ben: Person) -> None:
        for number in range(21):
            make_campaign(name=f"Spring {number}", messages=1)
        assert "Open panel" in text_of(told(as_ben, "/campaign list", "20 of 21. The rest is in the panel."))

    def test_an_empty_house_says_how_to_begin(self, as_ben: Person) -> None:
        told(as_ben, "/campaign list", "/campaign create")

    def test_stop_behind_the_dots_still_asks(self, as_ben: Person) -> None:
        campaign_id = make_campaign(name="Spring")
        factories.run(campaign_id)
        listed = told(as_ben, "/campaign list", "Spring")
        as_ben.clicks(listed, "menu", f"ask_stop:{campaign_id}")
        heard(as_ben, "Stop *Spring*?")
        assert phase_of(campaign_id) == Phase.RUNNING


class TestStatus:
    @pytest.mark.parametrize("subject", ["spring", "“SPR”", "#{id}", "c{id}", "{id}", "Spring  sale &amp; more"])
    def test_it_knows_what_is_meant(self, as_ben: Person, subject: str) -> None:
        campaign_id = make_campaign(name="Spring sale & more")
        make_campaign(name="Autumn")
        answer = text_of(told(as_ben, f"/campaign status {subject.format(id=campaign_id)}", "Refresh"))
        assert "Spring sale" in answer
        assert "Autumn" not in answer

    def test_without_a_name_it_is_about_what_runs(self, as_ben: Person) -> None:
        make_campaign(name="Spring")
        factories.run(make_campaign(Channel.EMAIL, name="June"))
        assert "June" in text_of(told(as_ben, "/campaign status", "Refresh"))

    def test_without_a_name_both_that_run_are_told(self, as_ben: Person) -> None:
        factories.run(make_campaign(Channel.EMAIL, name="June"))
        factories.run(make_campaign(name="Spring"))
        told(as_ben, "/campaign status", "June")
        heard(as_ben, "Spring")

    @pytest.mark.parametrize("typed", ["Ben’s list – north", "ben's list - north"])
    def test_signs_that_keyboards_change_make_no_difference(self, as_ben: Person, typed: str) -> None:
        make_campaign(name="Ben’s list – north")
        told(as_ben, f"/campaign status {typed}", "Refresh")

    def test_draft_has_no_card_to_post(self, as_ben: Person, ben: Actor) -> None:
        make_draft(name="Secret plan", actor=ben)
        assert "Post here" not in text_of(told(as_ben, "/campaign status secret", "Refresh"))

    def test_refresh_takes_the_place_of_what_was_said(self, as_ben: Person) -> None:
        campaign_id = make_campaign(name="Spring")
        snapshot = told(as_ben, "/campaign status spring", "Waiting 3")
        factories.run(campaign_id)
        as_ben.clicks(snapshot, "refresh")
        heard(as_ben, "Queued 3")
        assert "Waiting 3" not in text_of(as_ben.messages())

    def test_a_slip_in_a_name_is_met_with_the_nearest(self, as_ben: Person) -> None:
        make_campaign(name="Spring sale")
        told(as_ben, "/campaign status sprnig sale", "Did you mean “Spring sale”?")

    def test_unknown_campaign_is_said_to_be_none(self, as_ben: Person) -> None:
        make_campaign(name="Spring")
        before = dump()
        told(as_ben, "/campaign status Winter", "Winter")
        told(as_ben, "/campaign status 99", "99")
        assert dump() == before


class TestPicker:
    def test_several_that_may_be_meant_are_searched_among(self, as_ben: Person) -> None:
        wanted = make_campaign(name="Spring SMS")
        make_campaign(name="Spring again")
        make_campaign(name="Autumn")
        picker = told(as_ben, "/campaign status spring", "Which one?")
        groups = as_ben.searches(picker, "pick_status", "spring").options["option_groups"]
        assert [group["label"]["text"] for group in groups] == ["Ready"]
        options = groups[0]["options"]
        assert {option["text"]["text"] for option in options} == {"Spring SMS", "Spring again"}
        as_ben.clicks(picker, "pick_status", next(one for one in options if one["value"] == str(wanted)))
        heard(as_ben, "Refresh")

    def test_nothing_typed_offers_all_in_groups(self, as_ben: Person) -> None:
        make_campaign(name="Spring")
        make_ended(word=Word.DELIVERED)
        picker = told(as_ben, "/campaign failures", "Which campaign?")
        groups = as_ben.searches(picker, "pick_failures", "").options["option_groups"]
        assert [group["label"]["text"] for group in groups] == ["Ready", "Ended"]

    def test_more_than_slack_takes_are_cut_and_none_is_no_error(self, as_ben: Person) -> None:
        for number in range(103):
            make_campaign(name=f"Spring {number}", messages=1)
        picker = told(as_ben, "/campaign status spring", "Which one?")
        groups = as_ben.searches(picker, "pick_status", "spring").options["option_groups"]
        assert len(groups[0]["options"]) == 100
        assert as_ben.searches(picker, "pick_status", "winter").options == {"options": []}

    def test_who_was_removed_meanwhile_is_offered_nothing(self, as_ben: Person, now_is: int) -> None:
        make_campaign(name="Spring one")
        make_campaign(name="Spring two")
        picker = told(as_ben, "/campaign status spring", "Which one?")
        PersonRow.update(removed_at=now_is).where(PersonRow.name == "Ben").execute()
        assert as_ben.searches(picker, "pick_status", "spring").options == {"options": []}

    @pytest.mark.parametrize("verb", ["run", "delete"])
    def test_what_runs_is_never_meant_by_what_can_not_be_done_to_it(self, as_ben: Person, verb: str) -> None:
        factories.run(make_campaign(name="Spring"))
        shown(as_ben, f"/campaign {verb}", "Which campaign?")

    def test_a_dialog_asks_which_in_itself(self, as_ben: Person) -> None:
        wanted = make_campaign(name="Spring SMS")
        make_campaign(Channel.EMAIL, name="Spring mail")
        which = shown(as_ben, "/campaign run spring", "Which one?")
        option = next(
            one
            for group in as_ben.searches(which, "pick_run", "sms").options["option_groups"]
            for one in group["options"]
        )
        assert option["value"] == str(wanted)
        as_ben.clicks(which, "pick_run", option)
        eventually(lambda: "3 messages" in text_of(as_ben.modal()))
        assert len(as_ben.modals()) == 1


class TestNameLikeAFilter:
    @pytest.fixture(autouse=True)
    def two(self, slack: Workspace) -> None:
        """A campaign whose name looks like a filter, and one that runs."""
        make_campaign(Channel.EMAIL, name="Status:quo")
        factories.run(make_campaign(name="Autumn"))

    @pytest.mark.parametrize("typed", ["status Status:quo", "failures “status:QUO”"])
    def test_it_is_the_campaign_that_is_told_of(self, as_ben: Person, typed: str) -> None:
        assert "Autumn" not in text_of(told(as_ben, f"/campaign {typed}", QUO))

    @pytest.mark.parametrize("verb", ["run", "export", "delete"])
    def test_it_is_the_campaign_that_is_acted_on(self, as_ben: Person, verb: str) -> None:
        assert "Autumn" not in text_of(shown(as_ben, f"/campaign {verb} Status:quo", QUO))

    def test_what_runs_is_not_stopped_in_its_place(self, as_ben: Person) -> None:
        told(as_ben, "/campaign stop Status:quo", f"{QUO} is Ready")
        told(as_ben, "/campaign stop Status:qou", f"Did you mean “{QUO}”?")
        assert "Stop *Autumn*" not in text_of(as_ben.messages())

    def test_filter_at_another_verb_is_no_campaign(self, as_ben: Person) -> None:
        shown(as_ben, "/campaign retry reason:blocked", "There is no campaign")


class TestFailures:
    def test_reasons_have_their_counts_and_samples_come_to_one_alone(self, slack: Workspace, as_ben: Person) -> None:
        campaign_id = make_ended(word=Word.FAILED, messages=3)
        failures = told(as_ben, f"/campaign failures {campaign_id}", "Why 3 failed")
        as_ben.clicks(failures, "samples")
        assert "+14155550000" in text_of(heard(as_ben, "Samples of the last failures"))
        assert "+14155550000" not in text_of(slack.person("alice").messages())

    def test_viewer_sees_masked_samples(self, as_vera: Person) -> None:
        campaign_id = make_ended(word=Word.FAILED, messages=3)
        failures = told(as_vera, f"/campaign failures {campaign_id}", "Why 3 failed")
        as_vera.clicks(failures, "samples")
        assert "+1415555" not in text_of(heard(as_vera, "Samples of the last failures"))

    def test_nothing_failed_is_said(self, as_ben: Person) -> None:
        told(as_ben, f"/campaign failures {make_ended()}", "nothing failed")


class TestFind:
    def test_every_message_with_its_state_and_retry_on_what_failed(self, as_ben: Person) -> None:
        make_campaign(name="Spring", messages=["+14155550000"])
        failed = make_ended(Channel.SMS, word=Word.FAILED, messages=1)
        found = told(as_ben, "/campaign find +1 415 555-0000", "2 messages")
        assert "not opted out" in text_of(found)
        as_ben.clicks(found, "retry_one", block_id=next(b["block_id"] for b in found["blocks"] if "accessory" in b))
        eventually(lambda: "*1 message*" in text_of(as_ben.modals()))
        as_ben.submits()
        eventually(lambda: "1 message is queued again" in text_of(as_ben.modals()))
        assert phase_of(failed) == Phase.RUNNING

    def test_link_that_slack_makes_of_a_number_is_understood(self, as_ben: Person) -> None:
        make_campaign(messages=["+14155550000"])
        told(as_ben, "/campaign find <tel:+14155550000|+14155550000>", "1 message")

    def test_viewer_sees_it_masked_and_may_retry_nothing(self, as_vera: Person) -> None:
        make_ended(Channel.SMS, word=Word.FAILED, messages=1)
        found = text_of(told(as_vera, "/campaign find +14155550000", "You are a Viewer"))
        assert "+14155550000" not in found.replace("'value': '+14155550000'", "")
        assert "retry_one" not in found
        assert "opted out" not in found.replace("opt-outs", "")

    def test_viewer_who_tries_number_after_number_is_stopped(self, as_vera: Person, vera: Actor) -> None:
        make_campaign(name="Spring")
        for n in range(MOST_SOUGHT):
            note_sought(Channel.SMS, f"+1415556{n:04}", vera, now=now_ms())
        refused = text_of(told(as_vera, "/campaign find +14155550000", "You have looked for 30 different recipients"))
        assert "Ask a Campaigner" in refused
        told(as_vera, "/campaign find +14155560000", "no messages")

    def test_nobody_wrote_to_them_is_said(self, as_ben: Person) -> None:
        told(as_ben, "/campaign find +14155550100", "no messages")
        told(as_ben, "/campaign find nobody@example.org", "no messages")

    @pytest.mark.parametrize("typed", ["", " nobody", " +1"])
    def test_what_is_no_recipient_is_said(self, as_ben: Person, typed: str) -> None:
        told(as_ben, f"/campaign find{typed}", "Type")


class TestLeftOut:
    """Who was left out at Run, in the panel's words."""

    TOLD = "2 left out: reached in the 24 hours before Run"

    def test_status_and_summary_say_why(self, as_ben: Person, now_is: int) -> None:
        campaign_id = make_left_out(now=now_is)
        told(as_ben, f"/campaign status {campaign_id}", f"{self.TOLD}.")
        shown(as_ben, f"/campaign summary {campaign_id}", f"Cancelled 2 ({self.TOLD})")

    def test_find_says_why(self, as_ben: Person, now_is: int) -> None:
        make_left_out(now=now_is)
        told(as_ben, "/campaign find +14155550000", "Cancelled: Reached in the 24 hours before Run")

    def test_export_is_filtered_by_it(self, as_ben: Person, now_is: int) -> None:
        campaign_id = make_left_out(now=now_is)
        export = text_of(shown(as_ben, f"/campaign export {campaign_id}", "All 3 messages"))
        assert "Reached in the 24 hours before Run: 2" in export
        as_ben.closes()
        told(as_ben, f"/campaign export {campaign_id} reason:reached_lately", "The export is being made")
        assert Export.get().criteria == {"reasons": ["reached_lately"]}


class TestSummary:
    def test_it_turns_from_contact_to_contact(self, as_ben: Person) -> None:
        campaign_id = make_campaign(name="Spring")
        summary = shown(as_ben, f"/campaign summary {campaign_id}", "Contact 1 of 3")
        assert "+14155550000" in text_of(summary)
        as_ben.clicks(summary, "page_on")
        eventually(lambda: "Contact 2 of 3" in text_of(as_ben.modal()))
        assert "+14155550001" in text_of(as_ben.modal())
        as_ben.clicks(as_ben.modal(), "page_back")
        eventually(lambda: "Contact 1 of 3" in text_of(as_ben.modal()))

    def test_what_starts_later_is_taken_back_here_too(self, as_ben: Person, now_is: int) -> None:
        campaign_id = make_campaign(name="Spring")
        factories.run_later(campaign_id, at=now_is + 3_600_000, now=now_is)
        summary = shown(as_ben, f"/campaign summary {campaign_id}", "Cancel the start")
        as_ben.clicks(summary, "cancel_start")
        eventually(lambda: "The start is cancelled" in text_of(as_ben.modals()))
        assert pending_start_of(campaign_id) is None

    def test_viewer_sees_no_contact(self, as_vera: Person) -> None:
        campaign_id = make_campaign(name="Spring")
        assert "+14155550000" not in text_of(shown(as_vera, f"/campaign summary {campaign_id}", "Hello"))


class TestPanel:
    def test_sign_in_link_comes_alone(self, slack: Workspace, as_ben: Person, ben: Actor) -> None:
        told(as_ben, "/campaign panel", "A sign-in link waits")
        assert "/login/" in text_of(as_ben.direct_messages())
        assert "/login/" not in text_of(slack.person("alice").messages())

    @pytest.mark.parametrize("verb", ["panel", "create"])
    def test_sign_in_link_says_what_it_was_asked_for_with(self, as_ben: Person, ben: Actor, verb: str) -> None:
        told(as_ben, f"/campaign {verb}", "A sign-in link waits")
        assert f"You asked for it with `/campaign {verb}`." in text_of(as_ben.direct_messages())

    def test_create_needs_the_right(self, as_vera: Person) -> None:
        told(as_vera, "/campaign create", "you are Viewer")
        assert "/login/" not in text_of(as_vera.direct_messages())


class TestInThread:
    def test_shortcut_on_the_card_does_what_commands_do(self, slack: Workspace, as_ben: Person) -> None:
        campaign_id = make_campaign(name="Spring")
        factories.run(campaign_id)
        slack.say_what_is_due()
        card = as_ben.latest("Spring: In Progress")
        as_ben.chooses_shortcut("act_on_card", card)
        actions = eventually(lambda: [one for one in as_ben.modals() if "Stop…" in text_of(one)])[-1]
        as_ben.clicks(actions, "summary")
        eventually(lambda: "Contact 1 of 3" in text_of(as_ben.modals()[-1]))
        assert len(as_ben.modals()) == 2

    def test_shortcut_on_the_thread_finds_its_card(self, slack: Workspace, as_ben: Person) -> None:
        factories.run(make_campaign(name="Spring"))
        slack.say_what_is_due()
        card = as_ben.latest("Spring: In Progress")
        line = eventually(lambda: [one for one in as_ben.messages() if one.get("thread_ts") == card["ts"] != one["ts"]])
        as_ben.chooses_shortcut("act_on_card", line[-1])
        eventually(lambda: "Stop…" in text_of(as_ben.modals()))

    def test_fourth_dialog_takes_the_place_of_the_third(self, slack: Workspace, as_ben: Person) -> None:
        campaign_id = make_campaign(messages=6, name="Spring")
        factories.run(campaign_id)
        claimed = factories.claim(campaign_id, limit=3)
        factories.answer(claimed)
        factories.receive(claimed, Word.FAILED)
        put_into_phase(campaign_id, Phase.HELD)
        slack.say_what_is_due()
        as_ben.chooses_shortcut("act_on_card", as_ben.latest("Spring: Held"))
        as_ben.clicks(dialog(as_ben, "Stop…"), "failures")
        as_ben.clicks(dialog(as_ben, "Show samples"), "retry")
        as_ben.clicks(dialog(as_ben, "Not done"), "resume")
        dialog(as_ben, "*3 messages go on.*")
        assert len(as_ben.modals()) == 3

    def test_shortcut_on_another_message_says_so(self, as_ben: Person) -> None:
        as_ben.types("Good morning")
        as_ben.chooses_shortcut("act_on_card", as_ben.latest("Good morning"))
        eventually(lambda: "no card of a campaign" in text_of(as_ben.modals()))
