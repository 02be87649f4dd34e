"""A message's story as a timeline: its attempts, the newest first, each with what led to it."""

from collections.abc import Iterator
from dataclasses import dataclass

from admin.presenting import words
from admin.presenting.words import Badge
from models.providers import GIVES_NO_RECEIPTS
from models.queries.pages import Row
from models.queries.stories import MoveTold, Story
from models.rules.in_doubt import AttemptTold
from models.rules.verdicts import NOT_SENT, HandOverAnswer, Word
from models.words import TO_BE_SENT, MessageStatus, MoveKind, Surface, counted

_SURFACES = {Surface.PANEL: ", from the panel", Surface.SLACK: ", from Slack"}  # the others name themselves
_MOVES = {
    MoveKind.RUN: (Badge("Run", "queued", "play"), "ran the campaign"),
    MoveKind.RETRY: (Badge("Retry", "queued", "retry"), "confirmed a retry"),
    MoveKind.RESUME: (Badge("Resume", "queued", "play"), "resumed the campaign"),
    MoveKind.STOP: (Badge("Stop", "cancelled", "stop"), "stopped the campaign"),
    MoveKind.FAIL: (Badge("Failed", "failed", "fail"), "ended the campaign after the account's refusals"),
    MoveKind.DELETE: (Badge("Delete", "cancelled", "bin"), "deleted the campaign"),
}
_ANSWERS = {
    HandOverAnswer.ACCEPTED.value: "The provider took it.",
    HandOverAnswer.REFUSED.value: "The provider refused it.",
    HandOverAnswer.NOT_SENT.value: "It did not reach the provider, and went back to the queue.",
    HandOverAnswer.UNKNOWN.value: "Its answer was lost.",
    None: "No answer yet.",
}
_NOT_SENT = Badge("Not sent", "cancelled", "dash")
_SENT = Badge("On its way", "sending", "send")
_HANDED_OVER = Badge("Handed over", "sending", "send")


@dataclass(frozen=True)
class Entry:
    """One thing that happened, at `at` (epoch ms); `raw` is the provider's own word, `provider_id` its id."""

    badge: Badge
    at: int
    words: str = ""
    raw: str = ""
    provider_id: str = ""


@dataclass(frozen=True)
class Chapter:
    """An attempt with what led to it, or what came after the last one; the newest entry first."""

    title: str
    entries: tuple[Entry, ...]


def chapters(story: Story) -> list[Chapter]:
    """The timeline, the newest chapter first. A bulk move belongs to the attempt that it led to."""
    told, moves = [], list(story.moves)
    for attempt in story.attempts:
        led_to = [move for move in moves if move.at <= attempt.claimed_at]
        moves = moves[len(led_to) :]
        told.append(Chapter(f"Attempt {attempt.number}", _newest_first(attempt, led_to)))
    if moves:
        title = "Not sent yet" if story.message.status in TO_BE_SENT else "Afterwards"
        told.append(Chapter(title, (*_left_out(story.message), *(_move(move) for move in reversed(moves)))))
    return told[::-1]


def _left_out(message: Row) -> Iterator[Entry]:
    """That it was left out at the run that is told before."""
    if message.status is MessageStatus.CANCELLED and message.failure_reason:
        badge = words.message_badge(MessageStatus.CANCELLED)
        told = f"{badge.word}: {words.reason_name(message.failure_reason)}"
        meaning = words.reason_meaning(message.failure_reason, None)
        yield Entry(Badge(told, badge.colour, badge.icon), message.updated_at, meaning)


def _newest_first(attempt: AttemptTold, led_to: list[MoveTold]) -> tuple[Entry, ...]:
    return (*_attempt(attempt), *(_move(move) for move in reversed(led_to)))


def _attempt(attempt: AttemptTold) -> Iterator[Entry]:
    if attempt.verdict_at is not None:
        yield _verdict(attempt, attempt.verdict_at)
    elif attempt.status == MessageStatus.RETRYING:
        badge = words.message_badge(MessageStatus.RETRYING)
        at = attempt.event_at or attempt.claimed_at
        yield Entry(badge, at, "Deferred by the receiving server; the provider goes on trying.", _raw(attempt))
    if attempt.progress == Word.SENT and attempt.progress_at is not None:
        yield Entry(_SENT, attempt.progress_at, "The provider sent it on.")
    at = attempt.handed_over_at or attempt.claimed_at
    yield Entry(_HANDED_OVER, at, _ANSWERS[attempt.answer], provider_id=attempt.provider_id or "")


def _verdict(attempt: AttemptTold, at: int) -> Entry:
    if attempt.status == NOT_SENT:
        return Entry(_NOT_SENT, at, raw=_raw(attempt))
    status = MessageStatus(attempt.status)
    badge, said = words.message_badge(status), ""
    if status is MessageStatus.FAILED:
        reason = attempt.failure_reason or "unknown"
        badge = Badge(f"{badge.word}: {words.reason_name(reason)}", badge.colour, badge.icon)
        said = words.reason_meaning(reason, None)
    elif status is MessageStatus.UNCONFIRMED:
        said = words.NO_FINAL_WORD_MEANING
    elif status is MessageStatus.DELIVERED and attempt.provider in GIVES_NO_RECEIPTS:
        said = words.ACCEPTED_BY_SERVER
    elif attempt.timed_out:
        said = "No word from the provider in time."
    return Entry(badge, at, said, _raw(attempt))


def _raw(attempt: AttemptTold) -> str:
    return ": ".join(filter(None, (attempt.provider_code, attempt.provider_text)))


def _move(move: MoveTold) -> Entry:
    badge, act = _MOVES[move.kind]
    size = f" of {counted(move.total, 'message')}" if move.total and move.kind is MoveKind.RETRY else ""
    return Entry(badge, move.at, f"{move.actor_name} {act}{size}{_SURFACES.get(move.surface, '')}.")
