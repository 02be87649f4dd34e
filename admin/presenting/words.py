"""Each status with its icon and colour, and the sentences behind a failure."""

from dataclasses import dataclass

from admin.checkup.findings import Level
from models.rules.counts import Counts, shown_status, worth_of
from models.words import (
    CAMPAIGN_STATUS_LABELS,
    HAS_REASON,
    MESSAGE_STATUS_LABELS,
    REASON_LABELS,
    REASON_NAMES,
    Action,
    CampaignStatus,
    Channel,
    FailureReason,
    MessageStatus,
    MoveKind,
    Phase,
    RetryClass,
    WorkState,
)


@dataclass(frozen=True)
class Badge:
    """A status as people see it: never colour alone, so also a word and an icon of the sprite."""

    word: str
    colour: str
    icon: str


_MESSAGES = {
    MessageStatus.WAITING: ("queued", "clock"),
    MessageStatus.QUEUED: ("queued", "clock"),
    MessageStatus.SENDING: ("sending", "send"),
    MessageStatus.RETRYING: ("retrying", "retry"),
    MessageStatus.DELIVERED: ("delivered", "ok"),
    MessageStatus.ASSUMED_DELIVERED: ("assumed", "okish"),
    MessageStatus.FAILED: ("failed", "fail"),
    MessageStatus.OPTED_OUT: ("opted", "ban"),
    MessageStatus.CANCELLED: ("cancelled", "dash"),
    MessageStatus.UNCONFIRMED: ("unconfirmed", "ask"),
}
_CAMPAIGNS = {
    CampaignStatus.DRAFT: ("cancelled", "pen"),
    CampaignStatus.FAILED: ("failed", "fail"),
    CampaignStatus.READY: ("queued", "ready"),
    CampaignStatus.HELD: ("unconfirmed", "pause"),
    CampaignStatus.IN_PROGRESS: ("sending", "send"),
    CampaignStatus.STOPPED: ("cancelled", "stop"),
    CampaignStatus.ACTIVE_RETRIES: ("retrying", "retry"),
    CampaignStatus.COMPLETE_WITH_ERRORS: ("unconfirmed", "warn"),
    CampaignStatus.COMPLETE: ("delivered", "ok"),
}
_WORK = {
    WorkState.QUEUED: Badge("Waiting", "queued", "clock"),
    WorkState.RUNNING: Badge("At work", "sending", "send"),
    WorkState.DONE: Badge("Done", "delivered", "ok"),
    WorkState.CANCELLED: Badge("Cancelled", "cancelled", "dash"),
    WorkState.REFUSED: Badge("Refused", "unconfirmed", "warn"),
    WorkState.FAILED: Badge("Failed", "failed", "fail"),
}
_FINDINGS = {
    Level.OK: Badge("Well", "delivered", "ok"),
    Level.WARNING: Badge("Look at it", "unconfirmed", "warn"),
    Level.FAULT: Badge("Fault", "failed", "fail"),
}
CHANNEL_ICONS = {Channel.SMS: "sms", Channel.EMAIL: "mail"}
ACTION_WORDS = {
    Action.RUN: ("Run", "play"),
    Action.STOP: ("Stop", "stop"),
    Action.RESUME: ("Resume", "play"),
    Action.RETRY: ("Retry", "retry"),
    Action.EXPORT: ("Export", "down"),
    Action.VIEW_SUMMARY: ("View summary", "eye"),
    Action.EDIT: ("Edit", "pen"),
    Action.START_LATER: ("Start later", "clock"),
    Action.DUPLICATE: ("Duplicate", "copy"),
    Action.HAND_ON: ("Hand on", "user"),
    Action.SEND_TEST: ("Send a test", "send"),
    Action.DELETE: ("Delete", "bin"),
}
MOVE_WORDS = {
    MoveKind.RUN: ("Run", "queued", "play"),
    MoveKind.STOP: ("Stop", "brought to rest", "stop"),
    MoveKind.RESUME: ("Resume", "queued", "play"),
    MoveKind.RETRY: ("Retry", "queued", "retry"),
    MoveKind.DELETE: ("Delete", "removed", "bin"),
    MoveKind.FAIL: ("Failed", "brought to rest", "fail"),
}
RETRY_HINTS = {
    RetryClass.LIKELY: "A retry is likely to work.",
    RetryClass.MAY_HAVE_ARRIVED: "It may have arrived all the same.",
    RetryClass.POINTLESS: "A retry is pointless: the same refusal will come back.",
    RetryClass.NEVER: "It can't be sent to again.",
}
ACCEPTED_BY_SERVER = "Accepted by the mail server, which gives no receipts."
NO_FINAL_WORD = "No final word"
NO_FINAL_WORD_MEANING = "Handed over, and what became of it is not known. It may have arrived."


def message_badge(status: MessageStatus) -> Badge:
    """How a message's status is shown."""
    colour, icon = _MESSAGES[status]
    return Badge(MESSAGE_STATUS_LABELS[status], colour, icon)


def campaign_badge(phase: Phase, counts: Counts) -> Badge:
    """How a campaign's status is shown; a stopping one says so."""
    if phase is Phase.STOPPING:
        return Badge("In Progress, stopping", "sending", "stop")
    status = shown_status(phase, counts)
    colour, icon = _CAMPAIGNS[status]
    return Badge(CAMPAIGN_STATUS_LABELS[status], colour, icon)


def work_badge(state: str) -> Badge:
    """How far a piece of background work has come."""
    return _WORK[WorkState(state)]


def finding_badge(level: Level) -> Badge:
    """How a check of the installation came out."""
    return _FINDINGS[level]


def reason_name(reason: str) -> str:
    """A reason in a few words: "Invalid recipient"."""
    return REASON_NAMES[reason]


def reason_of(status: MessageStatus, reason: str | None) -> str:
    """Why a message stands where it does, as a slug: of each that Failed, and of who was left out; else ''."""
    unnamed = FailureReason.UNKNOWN.value if status is MessageStatus.FAILED else ""
    return (reason or unnamed) if status in HAS_REASON else ""


def reason_meaning(reason: str, retry_class: str | None) -> str:
    """What a reason means, and what a retry is worth."""
    hint = RETRY_HINTS[worth_of(reason, retry_class)] if retry_class else ""
    return f"{REASON_LABELS[reason]}. {hint}".strip()


def number(n: int) -> str:
    """With commas at the thousands."""
    return f"{n:,}"


def share(n: int, total: int) -> str:
    """Of a hundred, to a tenth: "2.6 %"."""
    return f"{100 * n / total:.1f} %" if total else "–"
