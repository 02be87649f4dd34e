"""Finding a person's messages by what somebody typed, and samples of failures: by index, and by role."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from models.actors import COMMAND_LINE, Actor
from models.errors import InvalidInputError, NotAllowedError
from models.operations import optouts
from models.operations.seeking import MOST_SOUGHT, find_recipient, with_recipient
from models.operations.signing_in import forget_old_tries
from models.queries.failures import latest_failures
from models.rules.timeouts import DAY
from models.rules.verdicts import Word
from models.words import Channel, FailureReason, MessageStatus, Phase, Role
from tests.factories import (
    NOW,
    SECOND,
    answer,
    claim,
    make_campaign,
    make_draft,
    make_messages,
    put_into_phase,
    receive,
    rows_of,
    run,
    send_all,
)
from tests.integration.plans import make_crowd, noted_statements, plans_on_messages

pytestmark = [pytest.mark.usefixtures("installation")]
both_engines = pytest.mark.both_engines

ANN = "+14155550123"
ANN_WRITES = "ann@bücher.example"
NAUGHTY: list[str] = json.loads(
    (Path(__file__).parents[1] / "fixtures" / "naughty_strings.json").read_text(encoding="utf-8")
)


def failed_campaign(recipients: list[str], channel: Channel = Channel.SMS) -> int:
    """A campaign whose messages all failed, with a code and a text of the provider's."""
    campaign_id = make_campaign(channel, recipients)
    run(campaign_id)
    claimed = claim(campaign_id)
    answer(claimed)
    receive(claimed, Word.FAILED, reason=FailureReason.BLOCKED, code="30007", text=f"{recipients[0]} is filtered")
    return campaign_id


class TestFind:
    @both_engines
    @pytest.mark.parametrize(
        "typed",
        [
            ANN,
            "+1 415 555 0123",
            " +1 (415) 555-0123\n",
            "+1.415.555.0123",
            "+1\u00a0415\u2011555\u20130123",
            "\u202a+14155550123\u202c",
        ],
    )
    def test_number_is_found_however_it_is_spaced(self, typed: str, ben: Actor) -> None:
        campaign_id = make_campaign(messages=[ANN, "+14155550124"], name="Spring SMS")
        found = find_recipient(typed, ben, now=NOW)
        assert (found.shown, found.channel, found.more) == (ANN, Channel.SMS, 0)
        (message,) = found.messages
        assert (message.campaign_id, message.campaign_name, message.status) == (campaign_id, "Spring SMS", "waiting")

    @both_engines
    @pytest.mark.parametrize("typed", [ANN_WRITES, "Ann@BÜCHER.example", " ann@xn--bcher-kva.example "])
    def test_address_is_found_in_any_case_and_spelling_of_its_domain(self, typed: str, ben: Actor) -> None:
        make_campaign(Channel.EMAIL, ["ann@xn--bcher-kva.example"])
        assert [message.channel for message in find_recipient(typed, ben, now=NOW).messages] == [Channel.EMAIL]

    @both_engines
    def test_newest_twenty_are_shown_and_the_others_counted(self, ben: Actor) -> None:
        ids = [make_campaign(messages=[ANN]) for _ in range(23)]
        found = find_recipient(ANN, ben, now=NOW)
        assert [message.campaign_id for message in found.messages] == ids[:2:-1]
        assert found.more == 3

    @both_engines
    def test_failure_comes_with_what_the_provider_said(self, ben: Actor) -> None:
        failed_campaign([ANN])
        (message,) = find_recipient(ANN, ben, now=NOW).messages
        assert (message.status, message.failure_reason) == (MessageStatus.FAILED, FailureReason.BLOCKED)
        assert (message.provider_code, message.provider_text) == ("30007", f"{ANN} is filtered")
        assert (message.attempts, message.retryable) == (1, True)

    @both_engines
    def test_campaigns_that_are_being_deleted_and_drafts_of_others_are_left_out(self, ben: Actor, alice: Actor) -> None:
        gone, own, other = make_campaign(messages=[ANN]), make_draft(actor=ben), make_draft(actor=alice)
        put_into_phase(gone, Phase.DELETING)
        for draft in (own, other):
            make_messages(draft, [ANN])
        assert [message.campaign_id for message in find_recipient(ANN, ben, now=NOW).messages] == [own]
        assert [message.campaign_id for message in find_recipient(ANN, alice, now=NOW).messages] == [other, own]

    @both_engines
    def test_nobody_has_no_messages_and_is_not_opted_out(self, ben: Actor) -> None:
        make_campaign(messages=[ANN])
        found = find_recipient("+14155550199", ben, now=NOW)
        assert (found.messages, found.opted_out, found.more) == ((), False, 0)

    @both_engines
    def test_opted_out_person_is_told_and_can_not_be_retried(self, ben: Actor) -> None:
        failed_campaign([ANN])
        optouts.opt_out(Channel.SMS, ANN, actor=ben, now=NOW)
        found = find_recipient(ANN, ben, now=NOW)
        assert found.opted_out
        assert not found.messages[0].retryable

    def test_opt_out_of_the_other_channel_says_nothing(self, ben: Actor) -> None:
        optouts.opt_out(Channel.EMAIL, ANN, actor=ben, now=NOW)
        assert find_recipient(ANN, ben, now=NOW).opted_out is False

    @pytest.mark.parametrize(
        ("typed", "sentence"),
        [
            ("", "No destination"),
            ("415 555 0123", "No + and country code"),
            ("+1", "No country"),
            ("+44 020 7946 0958", "national prefix"),
            ("Ann", "Letters"),
            ("ann@", "mail domain"),
            ("@example.com", "Not a valid email"),
            ("Ann <ann@example.com>", "Spaces"),
            ("6.14E+10", "spreadsheet"),
            ("+１４１５５５５０１２３", "digits other than"),
            ("%", "Letters"),
            ("+1415555012_", "Letters"),
        ],
    )
    def test_what_is_no_recipient_is_refused_with_the_reason(self, typed: str, sentence: str, ben: Actor) -> None:
        make_campaign(messages=[ANN])
        with pytest.raises(InvalidInputError, match="That is no recipient") as caught:
            find_recipient(typed, ben, now=NOW)
        assert sentence in str(caught.value)
        assert caught.value.field == "recipient"

    @both_engines
    def test_naughty_strings_are_refused_without_being_repeated_or_find_nothing(self, ben: Actor) -> None:
        make_campaign(messages=[ANN])
        for typed in [*NAUGHTY, "x" * 100_000, "+" * 100_000, "a@" * 50_000, "\0", "' OR 1=1 --@example.com"]:
            try:
                assert find_recipient(typed, ben, now=NOW).messages == ()
            except InvalidInputError as refused:
                assert len(str(refused)) < 250  # noqa: PT017  # most are refused, some are addresses

    @both_engines
    def test_person_is_found_by_index_in_each_campaign(self) -> None:
        make_crowd()
        with noted_statements() as noted:
            assert len(find_recipient("+14155550123", COMMAND_LINE, now=NOW).messages) == 20
        (plan,) = plans_on_messages(noted)
        assert "messages_recipient" in plan
        assert "SCAN m" not in plan
        assert "Seq Scan on messages" not in plan


class TestRoles:
    @both_engines
    def test_viewer_sees_masks_no_texts_and_no_opt_outs(self, vera: Actor, ben: Actor) -> None:
        failed_campaign([ANN])
        optouts.opt_out(Channel.SMS, ANN, actor=ben, now=NOW)
        found = find_recipient(ANN, vera, now=NOW)
        assert found.opted_out is None
        (message,) = found.messages
        assert (message.provider_code, message.provider_text, message.retryable) == ("30007", None, False)
        assert ANN not in repr(found)

    @both_engines
    def test_viewer_finds_nothing_by_a_part(self, vera: Actor) -> None:
        make_campaign(Channel.EMAIL, ["ann@example.com"])
        assert find_recipient("ann@example.co", vera, now=NOW).messages == ()
        assert len(find_recipient("ann@example.com", vera, now=NOW).messages) == 1

    @pytest.mark.parametrize("who", ["ben", "alice"])
    def test_others_see_everything(self, who: str, request: pytest.FixtureRequest) -> None:
        actor: Actor = request.getfixturevalue(who)
        failed_campaign([ANN])
        found = find_recipient(ANN, actor, now=NOW)
        assert (found.shown, found.opted_out) == (ANN, False)
        assert found.messages[0].retryable
        assert found.messages[0].provider_text


class TestPace:
    """How many a Viewer may seek: the mask hides a thousand numbers."""

    LAST = f"+1415556{MOST_SOUGHT:04}"

    def seek(self, actor: Actor, *, now: int, most: int = MOST_SOUGHT) -> None:
        for n in range(most):
            find_recipient(f"+1415556{n:04}", actor, now=now + n)

    @both_engines
    def test_viewer_finds_so_many_a_day_and_is_told_when_there_is_more(self, vera: Actor) -> None:
        self.seek(vera, now=NOW)
        told = r"^You have looked for 30 different recipients in the last 24 hours, as many as a Viewer may\. "
        with pytest.raises(NotAllowedError, match=told + r"Ask a Campaigner, or try again in about 24 h\.$"):
            find_recipient(self.LAST, vera, now=NOW + MOST_SOUGHT)
        with pytest.raises(NotAllowedError, match="about 1 s"):
            find_recipient(self.LAST, vera, now=NOW + DAY - SECOND)
        find_recipient(self.LAST, vera, now=NOW + DAY)  # the first of them counts no more
        with pytest.raises(NotAllowedError):
            find_recipient(ANN, vera, now=NOW + DAY)

    @both_engines
    def test_whom_one_sought_already_can_be_looked_at_again(self, vera: Actor) -> None:
        self.seek(vera, now=NOW)
        self.seek(vera, now=NOW + SECOND)

    @both_engines
    def test_a_campaigns_table_and_find_count_together(self, vera: Actor) -> None:
        campaign_id = make_campaign(messages=1)
        self.seek(vera, now=NOW, most=MOST_SOUGHT - 1)
        with_recipient(campaign_id, Channel.SMS, "+1", vera, now=NOW)
        with_recipient(campaign_id, Channel.SMS, "+14155560000", vera, now=NOW)
        with pytest.raises(NotAllowedError):
            with_recipient(campaign_id, Channel.SMS, "+2", vera, now=NOW)
        with pytest.raises(NotAllowedError):
            find_recipient(self.LAST, vera, now=NOW)

    @both_engines
    def test_others_seek_without_limit_and_nobody_counts_for_another(
        self, vera: Actor, ben: Actor, cast: Callable[[str, Role], Actor]
    ) -> None:
        self.seek(vera, now=NOW)
        self.seek(ben, now=NOW, most=MOST_SOUGHT + 1)
        find_recipient(self.LAST, cast("Walt", Role.VIEWER), now=NOW)

    @both_engines
    def test_no_address_is_kept_and_old_searches_go(self, vera: Actor) -> None:
        self.seek(vera, now=NOW)
        kept = rows_of("leases")
        assert len(kept) == MOST_SOUGHT
        assert "4155560" not in repr(kept)
        forget_old_tries(now=NOW + DAY + MOST_SOUGHT)
        assert rows_of("leases") == []


class TestFailureSamples:
    @both_engines
    def test_latest_five_failures_are_shown(self, ben: Actor) -> None:
        recipients = [f"+1415555{n:04}" for n in range(7)]
        campaign_id = failed_campaign(recipients)
        samples = latest_failures(campaign_id, ben)
        assert [sample.recipient for sample in samples] == recipients[:1:-1]
        assert (samples[0].reason, samples[0].code, samples[0].at) == (FailureReason.BLOCKED, "30007", NOW)
        assert len(latest_failures(campaign_id, ben, limit=2)) == 2

    @both_engines
    def test_viewer_sees_masks_and_no_text(self, vera: Actor) -> None:
        samples = latest_failures(failed_campaign([ANN]), vera)
        assert [(sample.recipient, sample.code, sample.text) for sample in samples] == [("+1415***0123", "30007", "")]

    @both_engines
    def test_campaign_without_failures_has_no_samples(self, ben: Actor) -> None:
        campaign_id = make_campaign()
        run(campaign_id)
        send_all(campaign_id)
        failed_campaign([ANN])
        assert latest_failures(campaign_id, ben) == ()
        assert latest_failures(99, ben) == ()

    @both_engines
    def test_samples_are_read_by_index(self, ben: Actor) -> None:
        campaign_id = make_crowd()[0]
        with noted_statements() as noted:
            assert len(latest_failures(campaign_id, ben)) == 5
        (plan,) = plans_on_messages(noted)
        assert "messages_status" in plan
        assert "TEMP B-TREE" not in plan
        assert "Sort" not in plan
