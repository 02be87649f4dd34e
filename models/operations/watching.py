"""Watching a campaign while it sends: refusals of the account, the guard, and its end."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from models.actors import SYSTEM
from models.database import execute, for_update, select, transaction
from models.operations import audit, leaving
from models.queries.campaigns import counts_of
from models.queries.progress import failure_reasons
from models.queries.settings import setting
from models.rules.account import NOT_CONFIGURED
from models.rules.counts import likely_to_work, shown_status
from models.rules.guard import ACCOUNT_REFUSALS, FAILED_MARK, slide, trips
from models.rules.silence import Sounds, silence_of
from models.tables.campaigns import IS_HOLDING
from models.words import HOLDS_CHANNEL, KEEPS_QUEUE, Channel, FailureReason, MessageStatus, MoveKind, Phase

TOP_REASONS = 3


@dataclass(frozen=True)
class _Refusal:
    """The account's: the provider's code and text, and our reason for it."""

    code: str
    text: str
    reason: FailureReason | None


_ACCEPTED = None


@dataclass(slots=True)
class Marks:
    """What one settling says about a campaign, in the order in which it was said."""

    accepted_at: int | None = None
    receipt_at: int | None = None
    answers: list[_Refusal | None] = field(default_factory=list)  # refusals of the account, and _ACCEPTED between
    verdicts: str = ""

    def accepted(self, at: int) -> None:
        """The provider took a message."""
        self.accepted_at = max(at, self.accepted_at or 0)
        self.answers.append(_ACCEPTED)

    def heard(self, at: int) -> None:
        """A receipt came."""
        self.receipt_at = max(at, self.receipt_at or 0)

    def refused(self, code: str, text: str, reason: FailureReason | None) -> None:
        """The whole account was refused."""
        self.answers.append(_Refusal(code, text or code or "refused", reason))

    def judged(self, mark: str) -> None:
        """A first attempt came to a verdict; `mark` as the guard reads it."""
        self.verdicts += mark


def note(campaign_id: int, marks: Marks, *, now: int) -> None:
    """Write down what a settling says about its campaign, within that settling's transaction.

    Five refusals of the account without a success between make it Failed, so that no claim follows the
    fifth; the guard holds it when too many first attempts failed.
    """
    if marks == Marks():
        return
    phase, refusals, window, receipt_at, unheard_since = select(
        "SELECT phase, account_refusals, guard_window, receipt_at, unheard_since FROM campaigns "
        f"WHERE id = ?{for_update()}",
        campaign_id,
    )[0]
    refusals = _refusals_after(refusals, marks)
    if phase != Phase.HELD:  # else it stays the one for which it was held; Resume begins anew
        window = slide(window, marks.verdicts)
    execute(
        "UPDATE campaigns SET accepted_at = COALESCE(?, accepted_at), receipt_at = ?, unheard_since = ?, "
        "account_refusals = ?, guard_window = ? WHERE id = ?",
        marks.accepted_at,
        *_heard(receipt_at, unheard_since, marks),
        refusals,
        window,
        campaign_id,
    )
    if refusals >= ACCOUNT_REFUSALS and phase in KEEPS_QUEUE:
        _fail(campaign_id, marks, now=now)
    elif phase == Phase.RUNNING and FAILED_MARK in marks.verdicts and _is_to_hold(campaign_id, window):
        execute("UPDATE campaigns SET phase = 'held', updated_at = ? WHERE id = ?", now, campaign_id)
        numbers: dict[str, Any] = {
            "failed": window.count(FAILED_MARK),
            "first_attempts": len(window),
            "queued": queued(campaign_id),
            "reasons": _reasons(campaign_id),
        }
        audit.record(SYSTEM, "hold", now=now, kind="campaign", object_id=campaign_id, **numbers)


def refuse_configuration(campaign_id: int, text: str, *, now: int) -> None:
    """A channel whose configuration is gone counts as the account's refusal."""
    marks = Marks()
    marks.refused(NOT_CONFIGURED, text, FailureReason.CONFIGURATION)
    with transaction():
        note(campaign_id, marks, now=now)


def finish_if_done(campaign_id: int, *, now: int) -> bool:
    """End a campaign in which nothing is Queued, Sending or moving any more; returns whether it did."""
    if _pending(campaign_id):
        return False
    with transaction():
        row = select(f"SELECT phase, name FROM campaigns WHERE id = ?{for_update()}", campaign_id)
        if not row or row[0][0] not in HOLDS_CHANNEL:
            return False
        if leaving.has_open_move(campaign_id) or _pending(campaign_id):  # in this order: a move that is done has queued
            return False
        execute(
            "UPDATE campaigns SET phase = 'ended', ended_at = ?, updated_at = ?, silence = NULL WHERE id = ?",
            now,
            now,
            campaign_id,
        )
        numbers: dict[str, Any] = {"stopped": row[0][0] == Phase.STOPPING, **_figures(campaign_id)}
        audit.record(SYSTEM, "end", now=now, kind="campaign", object_id=campaign_id, name=row[0][1], **numbers)
    return True


def notice_silence(providers: Mapping[Channel, str], *, now: int, scale: float) -> None:
    """Note for each campaign at work whether its provider has fallen silent, and tell of it once."""
    for row in select(
        "SELECT id, name, channel, phase, COALESCE(started_at, 0), accepted_at, unheard_since, silence FROM campaigns "
        f"WHERE {IS_HOLDING}"
    ):
        campaign_id, name, channel, phase, *moments, told = row
        counts = (_counted(campaign_id, "queued"), _counted(campaign_id, "sending"))
        sounds = Sounds(Phase(phase), providers.get(Channel(channel), ""), *counts, *moments)
        silence = silence_of(sounds, now=now, scale=scale)
        if silence == told:
            continue
        with transaction():
            still = execute(f"UPDATE campaigns SET silence = ? WHERE id = ? AND {IS_HOLDING}", silence, campaign_id)
            if still and silence:
                audit.record(SYSTEM, silence.value, now=now, kind="campaign", object_id=campaign_id, name=name)


def queued(campaign_id: int) -> int:
    """How many messages are Queued, from the counters."""
    return _counted(campaign_id, "queued")


def _pending(campaign_id: int) -> int:
    return _counted(campaign_id, "queued", "sending")  # at once: one may become the other meanwhile


def _counted(campaign_id: int, *statuses: str) -> int:
    listed = ", ".join(f"'{status}'" for status in statuses)
    found = select(f"SELECT SUM(n) FROM message_counts WHERE campaign_id = ? AND status IN ({listed})", campaign_id)
    return int(found[0][0] or 0)


def _is_to_hold(campaign_id: int, window: str) -> bool:
    return trips(window) and queued(campaign_id) > 0 and bool(setting("guard"))


def _refusals_after(before: int, marks: Marks) -> int:
    refusals = before
    for answer in marks.answers:
        refusals = 0 if answer is _ACCEPTED else refusals + 1
        if refusals >= ACCOUNT_REFUSALS:
            return refusals
    return refusals


def _heard(receipt_at: int | None, unheard_since: int | None, marks: Marks) -> tuple[int | None, int | None]:
    """When the last receipt came, and since when none has; one that came before and is read again is no news."""
    unheard_since = unheard_since or marks.accepted_at
    if marks.receipt_at is None:
        return receipt_at, unheard_since
    followed = unheard_since is None or marks.receipt_at >= unheard_since
    return max(marks.receipt_at, receipt_at or 0), None if followed else unheard_since


def _fail(campaign_id: int, marks: Marks, *, now: int) -> None:
    refusal = next(answer for answer in reversed(marks.answers) if answer is not _ACCEPTED)
    execute(
        "UPDATE campaigns SET failed_code = ?, failed_text = ?, ended_at = ?, silence = NULL WHERE id = ?",
        refusal.code,
        refusal.text,
        now,
        campaign_id,
    )
    numbers: dict[str, Any] = {
        "code": refusal.code,
        "reason": refusal.reason,
        "messages": _counted(campaign_id, "queued", "waiting"),
        "retried": bool(select("SELECT 1 FROM campaigns WHERE id = ? AND retry_cutoff_at > 0", campaign_id)),
    }
    leaving.leave(campaign_id, to=Phase.FAILED, kind=MoveKind.FAIL, actor=SYSTEM, now=now)
    audit.record(SYSTEM, "fail", now=now, kind="campaign", object_id=campaign_id, **numbers)


def _figures(campaign_id: int) -> dict[str, object]:
    """How a campaign ends: the status shown, how many messages stand where, how many a retry would likely mend, and
    why people were left out at its run."""
    counts = counts_of(campaign_id)
    there = {status.value: counts[status] for status in MessageStatus if counts[status]}
    left_out = {"left_out": dict(counts.left_out)} if counts.left_out else {}
    return {"status": shown_status(Phase.ENDED, counts), "likely": likely_to_work(counts), **there, **left_out}


def _reasons(campaign_id: int) -> dict[str, int]:
    return dict(failure_reasons(counts_of(campaign_id))[:TOP_REASONS])
