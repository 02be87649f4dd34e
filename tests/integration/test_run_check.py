"""Before a run: exact figures and warnings, a real contact in the template, and leaving out who was reached lately."""

import json
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

import pytest

from models.actors import COMMAND_LINE, Actor
from models.config import Config
from models.database import execute, on_sqlite, transaction
from models.errors import InvalidInputError, NotFoundError
from models.operations import campaigns, importing, running
from models.operations.counters import recount
from models.operations.forgetting import forget_person
from models.operations.moving import Mover
from models.operations.optouts import opt_in, opt_out
from models.operations.settings import change_setting
from models.queries.campaigns import counts_of
from models.queries.messages import count
from models.queries.pages import page_of_messages, total_of
from models.queries.previews import preview_of
from models.queries.reached import has_left_out
from models.queries.refusing import waiting_who_refuse
from models.queries.run_check import run_check
from models.queries.walks import walk_of
from models.rules.criteria import Criteria
from models.rules.run_warnings import EmptyField
from models.rules.verdicts import Word
from models.tables import Import
from models.words import REACHED, Channel, MessageStatus, Phase
from tests.factories import (
    NOW,
    SECOND,
    answer,
    claim,
    delete,
    make_campaign,
    make_draft,
    make_ended,
    make_left_out,
    move_all,
    moves_of,
    phase_of,
    receive,
    recipients_on,
    refused,
    resume,
    retry,
    rows_of,
    run,
    send_all,
    start_import,
    statuses,
    stop,
    template_for,
)
from tests.integration.plans import CONTACTS, make_crowd, noted_statements, plan_of, plans_on_messages, rows_passed

pytestmark = [pytest.mark.usefixtures("installation")]
both_engines = pytest.mark.both_engines

DAY = 24 * 60 * 60 * SECOND
SQLITE_STEPS = 40  # of its machine, at most, for a row that is read, sorted and held against another
NAUGHTY: list[str] = json.loads(
    (Path(__file__).parents[1] / "fixtures" / "naughty_strings.json").read_text(encoding="utf-8")
)


def make_ready(channel: Channel, body: str, contacts: list[str]) -> int:
    """A Ready campaign with this text, from a file with the columns to, First name and city."""
    campaign_id = make_draft(channel)
    lines = ["to,First name,city", *contacts, ""]
    importing.do_import(start_import(campaign_id, "\n".join(lines)), clock=lambda: NOW)
    campaigns.set_template(campaign_id, template_for(channel, body), actor=COMMAND_LINE, now=NOW)
    campaigns.finish_draft(campaign_id, actor=COMMAND_LINE, now=NOW)
    return campaign_id


def reach(recipients: list[str], word: Word = Word.DELIVERED, *, channel: Channel = Channel.SMS, at: int = NOW) -> int:
    """A campaign to these people, run to its end with this word for each; returns its id."""
    campaign_id = make_campaign(channel, recipients, now=at)
    run(campaign_id, now=at)
    send_all(campaign_id, word, now=at)
    return campaign_id


class TestFigures:
    @both_engines
    def test_segments_cost_and_empty_fields_are_exact_over_all_contacts(self, alice: Actor) -> None:
        body = "Hi {{first name}}, come to {{CITY}}. Reply STOP to opt out." + "x" * 116
        contacts = ["+14155550100,Ann,Rome", "+14155550101,,Rome", "+14155550102,Łukasz,", "+14155550103,Bob,Rome"]
        campaign_id = make_ready(Channel.SMS, body, contacts)
        for name, value in (("price.sms", 0.0075), ("currency", "EUR")):
            change_setting(name, value, actor=alice, now=NOW)
        check = run_check(campaign_id, now=NOW)
        # 160 characters with a three-letter name; {{First name}} is longer, and ł makes it UCS-2.
        assert (check.total, check.sendable, check.opted_out) == (4, 4, 0)
        assert (check.segments, check.cost, check.currency) == (1 + 2 + 3 + 1, Decimal("0.0525"), "EUR")
        assert set(check.empty_fields) == {EmptyField("First name", 1), EmptyField("city", 1)}
        assert len(check.warnings) == 2

    @both_engines
    def test_what_only_looks_like_a_field_is_told_of_subject_and_text(self) -> None:
        campaign_id = make_ready(Channel.EMAIL, "<p>{{unsubscribe_url}} {City}</p>", ["ann@example.com,Ann,Rome"])
        with transaction():
            execute("UPDATE campaigns SET subject = 'Hi {{first name}' WHERE id = ?", campaign_id)
        assert run_check(campaign_id, now=NOW).broken == ("{{first name}", "{City}")

    def test_texts_that_become_too_long_for_an_sms_are_counted(self) -> None:
        body = "{{city}} Reply STOP" + "x" * 1581
        campaign_id = make_ready(Channel.SMS, body, ["+14155550100,Ann,Portland", "+14155550101,Bo,Amsterdam"])
        assert run_check(campaign_id, now=NOW).too_long == 1

    @both_engines
    def test_cell_of_spaces_is_no_value_wherever_that_is_told(self) -> None:
        campaign_id = make_ready(Channel.SMS, "{{city}} STOP", ["+14155550100,Ann,  "])
        assert Import.get().report["empty"] == {"First name": 0, "city": 1}
        assert run_check(campaign_id, now=NOW).empty_fields == (EmptyField("city", 1),)
        assert preview_of(campaign_id, 1, COMMAND_LINE).text == "{{city}} STOP"

    @both_engines
    def test_only_what_would_be_sent_is_measured(self) -> None:
        campaign_id = make_ready(Channel.SMS, "{{city}}", ["+14155550100,,", "+14155550101,,Rome"])
        with transaction():
            execute("UPDATE messages SET status = 'opted_out' WHERE recipient = '+14155550100'")
            execute("UPDATE message_counts SET n = 1 WHERE status = 'waiting'")
            execute(
                "INSERT INTO message_counts (campaign_id, status, n) VALUES (?, 'opted_out', 1)",
                campaign_id,
            )
        check = run_check(campaign_id, now=NOW)
        assert (check.total, check.sendable, check.opted_out, check.segments) == (2, 1, 1, 1)
        assert check.empty_fields == ()

    @both_engines
    @pytest.mark.parametrize("channel", Channel)
    def test_who_opted_out_since_the_import_is_not_measured_and_counts_as_opted_out(
        self, channel: Channel, alice: Actor
    ) -> None:
        ann, bob, eve = recipients_on(channel, 3)
        campaign_id = make_ready(channel, "Hi {{first name}}", [f"{ann},Łukasz,", f"{bob},,", f"{eve},Eve,"])
        change_setting(f"price.{channel}", 1, actor=alice, now=NOW)
        for recipient in (ann, bob):
            opt_out(channel, recipient, actor=alice, now=NOW)
        opt_in(channel, bob, actor=alice, now=NOW)
        check = run_check(campaign_id, now=NOW)
        assert (check.total, check.sendable, check.opted_out, check.cost) == (3, 2, 1, 2)
        assert check.empty_fields == (EmptyField("First name", 1),)
        opt_out(channel, bob, actor=alice, now=NOW)
        check = run_check(campaign_id, now=NOW)
        assert (check.sendable, check.opted_out, check.cost, check.empty_fields) == (1, 2, 1, ())

    @both_engines
    def test_opt_outs_cost_a_look_up_each_whatever_the_campaign_has(self, alice: Actor) -> None:
        campaign_id = make_crowd()[0]
        refusing = [f"+1415{5550000 + n}" for n in range(20)]  # every other one waits
        for recipient in refusing:
            opt_out(Channel.SMS, recipient, actor=alice, now=NOW)
        with noted_statements() as noted:
            assert len(waiting_who_refuse(campaign_id, Channel.SMS)) == 10
        assert rows_passed(noted[0]) <= 3 * len(refusing) * (SQLITE_STEPS if on_sqlite() else 1)

    @both_engines
    def test_text_without_fields_is_measured_without_reading_messages(self) -> None:
        campaign_id = make_campaign(messages=3)
        with noted_statements() as noted:
            check = run_check(campaign_id, now=NOW)
        assert (check.segments, check.cost) == (3, None)
        assert [plan for plan in plans_on_messages(noted) if "opt_outs" not in plan] == []
        assert not any("field_values" in statement for statement, _ in noted)

    def test_email_costs_by_the_message_and_has_no_segments(self, alice: Actor) -> None:
        change_setting("price.email", "0.001", actor=alice, now=NOW)
        check = run_check(make_campaign(Channel.EMAIL, 3), now=NOW)
        assert (check.segments, check.cost, check.offers_opt_out) == (None, Decimal("0.003"), False)

    @both_engines
    def test_field_of_an_emails_subject_counts_too(self) -> None:
        campaign_id = make_ready(
            Channel.EMAIL, "{{unsubscribe_url}}", ["ann@example.com,,Rome", "bob@example.com,Bob,"]
        )
        template = campaigns.CampaignTemplate(
            "{{unsubscribe_url}}", subject="For {{first name}}", from_address="a@example.com"
        )
        campaigns.set_template(campaign_id, template, actor=COMMAND_LINE, now=NOW)
        assert run_check(campaign_id, now=NOW).empty_fields == (EmptyField("First name", 1),)

    @both_engines
    def test_naughty_values_break_nothing(self) -> None:
        campaign_id = make_draft()
        values = [text for text in NAUGHTY if text]
        recipients = recipients_on(Channel.SMS, len(values))
        with transaction():
            execute("UPDATE campaigns SET body = '{{it}}', fields = ?", '[{"name":"it","searchable":false}]')
            for recipient, value in zip(recipients, values, strict=True):
                execute(
                    "INSERT INTO messages (campaign_id, recipient, recipient_key, field_values, status, updated_at) "
                    "VALUES (?, ?, ?, ?, 'waiting', ?)",
                    campaign_id,
                    recipient,
                    recipient,
                    json.dumps([value], ensure_ascii=True),
                    NOW,
                )
        assert (run_check(campaign_id, now=NOW).segments or 0) >= len(values)

    def test_unknown_campaign_is_not_found(self) -> None:
        with pytest.raises(NotFoundError):
            run_check(99, now=NOW)


class TestWebhook:
    @pytest.mark.parametrize(
        ("variables", "channel", "missing"),
        [
            ({}, Channel.SMS, ""),
            ({"EMAIL_PROVIDER": "smtp"}, Channel.EMAIL, ""),
            ({"SMS_PROVIDER": "twilio"}, Channel.SMS, "PUBLIC_URL"),
            ({"SMS_PROVIDER": "twilio", "PUBLIC_URL": "https://example.com"}, Channel.SMS, ""),
            ({"EMAIL_PROVIDER": "sendgrid"}, Channel.EMAIL, "PUBLIC_URL"),
            (
                {"EMAIL_PROVIDER": "sendgrid", "PUBLIC_URL": "https://example.com"},
                Channel.EMAIL,
                "SENDGRID_WEBHOOK_PUBLIC_KEY",
            ),
            (
                {
                    "EMAIL_PROVIDER": "sendgrid",
                    "PUBLIC_URL": "https://example.com",
                    "SENDGRID_WEBHOOK_PUBLIC_KEY": "x",
                },
                Channel.EMAIL,
                "",
            ),
        ],
    )
    def test_variable_without_which_no_receipt_comes_is_named(
        self, variables: dict[str, str], channel: Channel, missing: str
    ) -> None:
        lacks = Config.from_env(variables).webhook_lacks(channel)
        assert bool(lacks) == bool(missing)
        assert missing in lacks


class TestWebhookOfThisInstallation:
    @pytest.fixture
    def environment(self) -> Mapping[str, str]:
        return {"SMS_PROVIDER": "twilio"}

    def test_run_warns_of_it(self) -> None:
        assert "PUBLIC_URL" in run_check(make_campaign(), now=NOW).warnings[-1]


class TestReachedLately:
    @both_engines
    @pytest.mark.parametrize("word", [Word.DELIVERED, Word.ASSUMED, Word.UNCONFIRMED, Word.SENT])
    def test_who_has_or_may_have_another_message_is_counted(self, word: Word) -> None:
        ann, bob, eve = recipients_on(Channel.SMS, 3)
        reach([ann, bob], word)
        reach([bob], word) if word is Word.DELIVERED else None
        check = run_check(make_campaign(messages=[bob, ann, eve]), now=NOW + SECOND)
        assert check.reached_lately == 2

    @both_engines
    @pytest.mark.parametrize("word", [Word.FAILED, Word.OPTED_OUT])
    def test_who_did_not_get_it_is_not_counted(self, word: Word) -> None:
        reach(recipients_on(Channel.SMS, 2), word)
        assert run_check(make_campaign(messages=2), now=NOW).reached_lately == 0

    @both_engines
    def test_retry_whose_answer_was_lost_counts_from_itself(self) -> None:
        campaign_id = make_ended(messages=1, word=Word.FAILED)
        later = NOW + 3 * DAY
        retry(campaign_id, now=later)
        move_all(campaign_id, now=later)
        answer(claim(campaign_id, now=later), Word.UNKNOWN, at=later)
        assert run_check(make_campaign(messages=1), now=later + SECOND).reached_lately == 1

    @both_engines
    def test_hand_over_whose_answer_was_lost_counts(self) -> None:
        other = make_campaign(messages=2)
        run(other)
        answer(claim(other, limit=1), Word.UNKNOWN)
        check = run_check(make_campaign(messages=2), now=NOW)
        assert check.reached_lately == 1

    @both_engines
    def test_a_day_is_a_day(self) -> None:
        reach(recipients_on(Channel.SMS, 2))
        campaign_id = make_campaign(messages=2)
        assert run_check(campaign_id, now=NOW + DAY).reached_lately == 2
        assert run_check(campaign_id, now=NOW + DAY + 1).reached_lately == 0

    @both_engines
    def test_old_hand_overs_of_a_campaign_that_was_run_again_do_not_count(self) -> None:
        ann, bob = recipients_on(Channel.SMS, 2)
        other = make_campaign(messages=[ann, bob])
        run(other)
        claimed = claim(other, limit=1)
        answer(claimed)
        receive(claimed, Word.DELIVERED)
        stop(other)
        move_all(other)
        late = NOW + DAY + SECOND
        resume(other, now=late)
        move_all(other, now=late)
        send_all(other, now=late)
        assert run_check(make_campaign(messages=[ann, bob]), now=late).reached_lately == 1

    @both_engines
    def test_other_channel_own_messages_and_deleted_ones_do_not_count(self) -> None:
        reach(["ann@example.com"], channel=Channel.EMAIL)
        gone = reach(recipients_on(Channel.SMS, 1))
        delete(gone)
        move_all(gone)
        assert run_check(make_campaign(messages=2), now=NOW).reached_lately == 0

    @both_engines
    def test_messages_of_campaigns_that_did_not_run_since_are_not_read(self) -> None:
        campaign_id = make_crowd()[0]
        with noted_statements() as noted:
            assert run_check(campaign_id, now=NOW).reached_lately == 0
        assert [plan for plan in plans_on_messages(noted) if "opt_outs" not in plan] == []

    @both_engines
    def test_messages_of_campaigns_that_ran_since_are_read_by_index_each_once(self) -> None:
        campaign_id, *others = make_crowd()
        with transaction():
            for other in others[:2]:
                execute("UPDATE campaigns SET started_at = ?, phase = 'ended' WHERE id = ?", NOW, other)
                execute("UPDATE messages SET status = 'delivered' WHERE campaign_id = ?", other)
        with noted_statements() as noted:
            assert run_check(campaign_id, now=NOW).reached_lately == 250
        (statement,) = [statement for statement in noted if "INTERSECT" in statement[0]]
        plan = plan_of(statement)
        assert "SCAN messages" not in plan
        assert "Seq Scan on messages" not in plan
        assert "MERGE (INTERSECT)" in plan if on_sqlite() else "SetOp Intersect" in plan
        assert rows_passed(statement) <= 3 * CONTACTS * (SQLITE_STEPS if on_sqlite() else 1)


class TestLeavingOut:
    @both_engines
    @pytest.mark.parametrize("channel", Channel)
    def test_who_was_reached_lately_becomes_cancelled_instead(self, channel: Channel, ben: Actor) -> None:
        people = recipients_on(channel, 1300)
        reach(people[::2], channel=channel)
        campaign_id = make_campaign(channel, people)
        began = running.run_campaign(
            campaign_id, actor=ben, disclaimer_accepted=True, leave_out_reached=True, now=NOW + SECOND
        )
        assert began.messages == 650
        move_all(campaign_id, now=NOW + SECOND)
        assert statuses(campaign_id) == {"queued": 650, "cancelled": 650}
        left = {
            row["recipient"]
            for row in rows_of("messages", f"WHERE campaign_id = {campaign_id} AND status = 'cancelled'")
        }
        assert left == set(people[::2])
        (move,) = moves_of(campaign_id)
        assert (move.total, move.done, move.left_out, move.state) == (1300, 650, 650, "done")
        assert move.result == "650 messages, 650 left out"
        (audit,) = rows_of("audit", f"WHERE act = 'run' AND object_id = {campaign_id}")
        assert json.loads(audit["numbers"]) == {"messages": 650, "leave_out_reached": True}

    @both_engines
    def test_who_was_left_out_has_the_reason_and_is_counted_by_it(self) -> None:
        campaign_id = make_left_out(left_out=2)
        rows = rows_of("messages", f"WHERE campaign_id = {campaign_id} AND status = 'cancelled'")
        assert [(row["failure_reason"], row["retry_class"]) for row in rows] == [("reached_lately", None)] * 2
        counts = counts_of(campaign_id)
        assert counts.left_out == {"reached_lately": 2}
        for criteria in (
            Criteria(reasons=("reached_lately",)),
            Criteria(("cancelled",), ("reached_lately",)),
            Criteria(("failed",), ("reached_lately",)),
            Criteria(("cancelled",)),
        ):
            assert total_of(campaign_id, criteria, counts).n == count(campaign_id, criteria), criteria
        walk = walk_of(Criteria(reasons=("reached_lately",)), counts)
        found = page_of_messages(campaign_id, Criteria(reasons=("reached_lately",)), walk=walk).rows
        assert [row.recipient for row in found] == recipients_on(Channel.SMS, 2)

    @both_engines
    def test_reason_goes_with_a_resume_and_a_stop_gives_none(self) -> None:
        campaign_id = make_left_out(left_out=2)
        resume(campaign_id)
        move_all(campaign_id)
        assert counts_of(campaign_id).left_out == {}
        stop(campaign_id)
        move_all(campaign_id)
        assert statuses(campaign_id) == {"delivered": 1, "cancelled": 2}
        assert counts_of(campaign_id).left_out == {}
        assert recount(campaign_id) == {}

    @both_engines
    def test_counts_stay_true_when_somebody_left_out_is_forgotten(self, alice: Actor) -> None:
        campaign_id = make_left_out(left_out=2)
        ann = recipients_on(Channel.SMS, 1)[0]
        forget_person(ann, typed_again=ann, actor=alice, now=NOW + 2 * SECOND)
        assert counts_of(campaign_id).left_out == {"reached_lately": 2}
        assert recount(campaign_id) == {}
        resume(campaign_id)
        move_all(campaign_id)
        assert statuses(campaign_id) == {"delivered": 1, "cancelled": 1, "queued": 1}
        assert counts_of(campaign_id).left_out == {"reached_lately": 1}
        assert recount(campaign_id) == {}

    @both_engines
    def test_they_are_among_what_a_resume_sends_until_it_has_queued_them(self, alice: Actor) -> None:
        campaign_id = make_left_out(left_out=2)
        assert has_left_out(campaign_id)
        resume(campaign_id)
        stop(campaign_id)
        move_all(campaign_id)
        assert has_left_out(campaign_id)
        for recipient in recipients_on(Channel.SMS, 2):
            forget_person(recipient, typed_again=recipient, actor=alice, now=NOW + 2 * SECOND)
        assert counts_of(campaign_id).left_out == {"reached_lately": 2}
        assert not has_left_out(campaign_id)

    @both_engines
    def test_a_resume_leaves_none_of_them(self) -> None:
        campaign_id = make_left_out(left_out=2)
        resume(campaign_id)
        move_all(campaign_id)
        stop(campaign_id)
        move_all(campaign_id)
        assert statuses(campaign_id) == {"delivered": 1, "cancelled": 2}
        assert not has_left_out(campaign_id)

    @both_engines
    def test_check_tells_exactly_how_many_will_be_left_out(self, ben: Actor) -> None:
        reach(recipients_on(Channel.SMS, 7))
        campaign_id = make_campaign(messages=10)
        told = run_check(campaign_id, now=NOW).reached_lately
        running.run_campaign(campaign_id, actor=ben, disclaimer_accepted=True, leave_out_reached=True, now=NOW)
        move_all(campaign_id, now=NOW + 2 * DAY)
        assert moves_of(campaign_id)[0].left_out == told == 7

    @both_engines
    def test_who_opted_out_since_is_opted_out_and_not_left_out(self, ben: Actor) -> None:
        ann, bob, eve = recipients_on(Channel.SMS, 3)
        reach([ann, bob])
        campaign_id = make_campaign(messages=[ann, bob, eve])
        opt_out(Channel.SMS, ann, actor=ben, now=NOW)
        check = run_check(campaign_id, now=NOW)
        assert (check.sendable, check.opted_out, check.reached_lately) == (2, 1, 1)
        running.run_campaign(campaign_id, actor=ben, disclaimer_accepted=True, leave_out_reached=True, now=NOW)
        move_all(campaign_id)
        send_all(campaign_id)
        assert statuses(campaign_id) == {"opted_out": 1, "cancelled": 1, "delivered": 1}

    @both_engines
    def test_without_being_asked_nobody_is_left_out(self) -> None:
        reach(recipients_on(Channel.SMS, 3))
        campaign_id = make_campaign(messages=3)
        run(campaign_id)
        assert statuses(campaign_id) == {"queued": 3}

    @both_engines
    def test_move_goes_on_where_a_worker_left_it(self, ben: Actor) -> None:
        people = recipients_on(Channel.SMS, 1300)
        reach(people[:900])
        campaign_id = make_campaign(messages=people)
        running.run_campaign(campaign_id, actor=ben, disclaimer_accepted=True, leave_out_reached=True, now=NOW)
        slices = 0
        while Mover().advance(campaign_id, now=NOW):  # another worker for each slice
            slices += 1
        assert slices > 2
        assert statuses(campaign_id) == {"cancelled": 900, "queued": 400}
        assert moves_of(campaign_id)[0].left_out == 900

    @both_engines
    def test_resume_sends_to_them_after_all(self, ben: Actor) -> None:
        reach(recipients_on(Channel.SMS, 2))
        campaign_id = make_campaign(messages=3)
        running.run_campaign(campaign_id, actor=ben, disclaimer_accepted=True, leave_out_reached=True, now=NOW)
        move_all(campaign_id)
        send_all(campaign_id)
        assert phase_of(campaign_id) == Phase.ENDED
        resume(campaign_id)
        move_all(campaign_id)
        send_all(campaign_id)
        assert statuses(campaign_id) == {"delivered": 3}

    @both_engines
    def test_run_that_would_leave_everybody_out_is_refused(self, ben: Actor) -> None:
        reach(recipients_on(Channel.SMS, 2))
        campaign_id = make_campaign(messages=3)
        opt_out(Channel.SMS, recipients_on(Channel.SMS, 3)[-1], actor=ben, now=NOW)
        with refused(InvalidInputError) as caught:
            running.run_campaign(campaign_id, actor=ben, disclaimer_accepted=True, leave_out_reached=True, now=NOW)
        assert "nobody to send to without those reached in the last 24 hours" in str(caught.value)
        run(campaign_id)
        assert statuses(campaign_id) == {"queued": 3}


class TestPreview:
    @both_engines
    def test_contacts_are_leafed_through(self, ben: Actor) -> None:
        campaign_id = make_ready(Channel.SMS, "Hi {{first name}}!", ["+14155550100,Ann,", "+14155550101,,"])
        first, second = (preview_of(campaign_id, place, ben) for place in (1, 2))
        assert (first.text, first.recipient, first.segments) == ("Hi Ann!", "+14155550100", 1)
        assert (first.place, first.total, first.previous, first.next) == (1, 2, None, 2)
        assert (second.text, second.previous, second.next) == ("Hi {{first name}}!", 1, None)

    @both_engines
    @pytest.mark.parametrize(("place", "shown"), [(-5, 1), (0, 1), (3, 2), (10**18, 2)])
    def test_place_out_of_reach_is_the_nearest(self, place: int, shown: int, ben: Actor) -> None:
        assert preview_of(make_campaign(messages=2), place, ben).place == shown

    def test_email_is_escaped_as_html_and_plain_as_text_and_its_link_leads_nowhere(self, ben: Actor) -> None:
        body = '<p>Hi {{first name}}</p><a href="{{unsubscribe_url}}">Away</a>'
        campaign_id = make_ready(Channel.EMAIL, body, ["ann@example.com,<b>Ann</b>,"])
        preview = preview_of(campaign_id, 1, ben)
        assert preview.body == '<p>Hi &lt;b&gt;Ann&lt;/b&gt;</p><a href="#">Away</a>'
        assert preview.text == "Hi <b>Ann</b>\n\nAway (#)"
        assert (preview.subject, preview.segments) == ("News", None)

    @both_engines
    def test_viewer_sees_neither_recipient_nor_values(self, vera: Actor) -> None:
        campaign_id = make_ready(Channel.SMS, "Hi {{first name}}!", ["+14155550100,Ann,Rome"])
        preview = preview_of(campaign_id, 1, vera)
        assert (preview.recipient, preview.text) == ("+1415***0100", "Hi •••!")
        assert "Ann" not in repr(preview)

    def test_campaign_without_contacts_shows_its_template(self, ben: Actor) -> None:
        preview = preview_of(make_draft(actor=ben), 1, ben)
        assert (preview.place, preview.total, preview.text) == (0, 0, "Hello")
        assert (preview.previous, preview.next) == (None, None)


def test_reached_are_the_statuses_in_which_a_message_may_be_with_its_recipient() -> None:
    assert set(MessageStatus) - REACHED == {
        MessageStatus.WAITING,
        MessageStatus.QUEUED,
        MessageStatus.FAILED,
        MessageStatus.OPTED_OUT,
        MessageStatus.CANCELLED,
    }
