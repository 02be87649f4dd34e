"""Send a test: a campaign's template, with one contact's values or typed ones, to a few addresses (SPEC 1).

It makes no message and is in no count. It is handed over at most once: a crash in the middle ends it.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from models.actors import Actor
from models.addresses import REFUSAL_LABELS, judge, opt_out_key
from models.config import current
from models.database import execute, select, transaction
from models.errors import InvalidInputError, NotConfiguredError
from models.hints import Work, hint
from models.operations import audit, running
from models.operations.campaigns import check_template, template_of
from models.operations.optouts import list_key
from models.queries.campaigns import get_campaign
from models.queries.refusing import opted_out
from models.rules.timeouts import DAY, MINUTE
from models.rules.verdicts import Word
from models.tables import SentTest
from models.words import CHANNEL_LABELS, Action, Channel, OptOutSource, WorkState

MOST = 10  # addresses
LATEST = 10 * MINUTE  # a test that comes later surprises whoever gets it
LOST = 15 * MINUTE  # longer than any provider is waited for: a mail server has ten minutes for the content
KEPT = DAY  # addresses are not kept for longer than their results are looked at
_NOBODY = "Nobody took it up within 10 minutes, so nothing was sent: no worker is running. Try again."
_CUT_OFF = "It was cut off in the middle: whoever has not got it by now may still get it."


@dataclass(frozen=True)
class Result:
    """What came of the hand-over to one address; the words of `jobs.providers.base.Outcome`."""

    recipient: str
    word: str
    reason: str | None = None
    code: str = ""
    text: str = ""
    provider_id: str = ""


def ask_for_test(
    campaign_id: int, recipients: Sequence[str], values: Mapping[str, str], *, actor: Actor, now: int
) -> int:
    """Have the template sent with `values` (by field name) to up to 10 recipients; returns the test's id.

    Raises NotFoundError, NotAllowedError, NotConfiguredError, and InvalidInputError for a template that can't be
    sent, or a recipient that is none or has opted out; its `field` is then `recipients`.
    """
    with transaction():
        standing = running.permitted(Action.SEND_TEST, campaign_id, actor, now=now)
        if lacks := current().lacks(standing.channel):
            raise NotConfiguredError(lacks, campaign_id=campaign_id)
        campaign = get_campaign(campaign_id)
        check_template(campaign, template_of(campaign))
        chosen = _checked(standing.channel, recipients)
        test_id = int(
            SentTest.insert(
                campaign_id=campaign_id,
                recipients=chosen,
                field_values=dict(values),
                state=WorkState.QUEUED.value,
                **actor.as_columns(),
                created_at=now,
            ).execute()
        )
        audit.record(
            actor, "send_test", now=now, kind="campaign", object_id=campaign_id, name=campaign.name, n=len(chosen)
        )
        hint(Work.TEST, test_id)
    return test_id


def begin_test(test_id: int, *, now: int) -> SentTest | None:
    """Take a test on, once and for all; None if somebody has, or its time is over.

    Whoever opted out since is not among its recipients.
    """
    with transaction():
        begun = execute(
            "UPDATE sent_tests SET state = 'running', started_at = ? "
            "WHERE id = ? AND state = 'queued' AND created_at > ?",
            now,
            test_id,
            now - LATEST,
        )
        if not begun:
            return None
        test: SentTest = SentTest.get_by_id(test_id)
        channel = Channel(get_campaign(test.campaign_id).channel)
        refusing = _refusing(channel, test.recipients)
        test.recipients = [recipient for recipient in test.recipients if recipient not in refusing]
    return test


def end_test(test: SentTest, channel: Channel, results: Sequence[Result], *, now: int, refused: str = "") -> None:
    """Keep what came of it; who refused the channel at the provider goes on the opt-out list.

    The list hears of it also when the campaign was deleted meanwhile, and the test with it.
    """
    with transaction():
        state = WorkState.REFUSED if refused else WorkState.DONE
        SentTest.update(
            state=state.value, results=[asdict(result) for result in results], result=refused, ended_at=now
        ).where(SentTest.id == test.id, SentTest.state == WorkState.RUNNING.value).execute()
        for result in results:
            if result.word == Word.OPTED_OUT:
                list_key(
                    channel,
                    opt_out_key(channel, result.recipient),
                    source=OptOutSource.PROVIDER,
                    campaign_id=test.campaign_id,
                    by="provider",
                    now=now,
                )


def find_tests(*, now: int) -> None:
    """Hint again at tests that wait, end those that wait or work for too long, and forget the old ones."""
    found = select("SELECT id, state, COALESCE(ended_at, started_at, created_at) FROM sent_tests")
    for test_id, state, since in found:
        if state == WorkState.QUEUED:
            if now - since < LATEST:
                hint(Work.TEST, test_id)
            else:
                _give_up(test_id, state, _NOBODY, now=now)
        elif state == WorkState.RUNNING and now - since >= LOST:
            _give_up(test_id, state, _CUT_OFF, now=now)
        elif state != WorkState.RUNNING and now - since >= KEPT:
            with transaction():
                execute("DELETE FROM sent_tests WHERE id = ?", test_id)


def forget_tested(channel: Channel, recipient_key: str) -> None:
    """Remove the tests that went to somebody, whatever became of them."""
    found = select(
        "SELECT t.id, t.recipients FROM sent_tests t JOIN campaigns c ON c.id = t.campaign_id WHERE c.channel = ?",
        channel.value,
    )
    for test_id, recipients in found:
        if recipient_key in {opt_out_key(channel, recipient) for recipient in json.loads(recipients)}:
            with transaction():
                execute("DELETE FROM sent_tests WHERE id = ?", test_id)


def _give_up(test_id: int, state: str, result: str, *, now: int) -> None:
    with transaction():
        execute(
            "UPDATE sent_tests SET state = 'failed', result = ?, ended_at = ? WHERE id = ? AND state = ?",
            result,
            now,
            test_id,
            state,
        )


def _checked(channel: Channel, recipients: Sequence[str]) -> list[str]:
    """Each of them once, all fit to be sent to; raises InvalidInputError."""
    by_key = {opt_out_key(channel, given): given for given in map(str.strip, recipients) if given}
    chosen = list(by_key.values())
    if not chosen:
        raise InvalidInputError("Name at least one recipient of the test.", field="recipients")
    if len(chosen) > MOST:
        raise InvalidInputError(
            f"A test goes to {MOST} recipients at most; these are {len(chosen)}.", field="recipients"
        )
    for recipient in chosen:
        if refusal := judge(channel, recipient).refusal:
            raise InvalidInputError(f"“{recipient[:80]}”: {REFUSAL_LABELS[refusal]}.", field="recipients")
    if refusing := _refusing(channel, chosen):
        raise InvalidInputError(
            f"{', '.join(sorted(refusing))} opted out of {CHANNEL_LABELS[channel]}, so no test goes there.",
            field="recipients",
        )
    return chosen


def _refusing(channel: Channel, recipients: Sequence[str]) -> set[str]:
    """Those of the recipients who are on the opt-out list."""
    keys = {recipient: opt_out_key(channel, recipient) for recipient in recipients}
    listed = opted_out(channel, list(keys.values()))
    return {recipient for recipient, key in keys.items() if key in listed}
