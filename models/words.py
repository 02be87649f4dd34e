"""The product's vocabulary: slugs, the sets that have a meaning, and the words shown for them.

Slugs are what is stored, exported and sent over interfaces; labels are what people read. A set of
slugs that means something has its name here, so no other module spells one out.
"""

from enum import StrEnum


class Channel(StrEnum):
    """What a campaign is sent by; fixed at its creation."""

    SMS = "sms"
    EMAIL = "email"


class Phase(StrEnum):
    """The stored state of a campaign; the status shown follows from it and the counts (SPEC 1)."""

    DRAFT = "draft"
    READY = "ready"
    RUNNING = "running"
    HELD = "held"
    STOPPING = "stopping"
    ENDED = "ended"
    FAILED = "failed"
    DELETING = "deleting"


NOT_RUN = frozenset({Phase.DRAFT, Phase.READY})
HOLDS_CHANNEL = frozenset({Phase.RUNNING, Phase.HELD, Phase.STOPPING})
KEEPS_QUEUE = frozenset({Phase.RUNNING, Phase.HELD})  # what is Queued stays so until its turn comes
CUT_SHORT = frozenset({Phase.HELD, Phase.STOPPING, Phase.FAILED})  # a Resume goes on with it
OVER = frozenset({Phase.ENDED, Phase.FAILED})  # was run, and nothing of it is handed over any more


class CampaignStatus(StrEnum):
    """The status shown for a campaign, in the order in which the first match wins (SPEC 1)."""

    DRAFT = "draft"
    FAILED = "failed"
    READY = "ready"
    HELD = "held"
    IN_PROGRESS = "in_progress"
    STOPPED = "stopped"
    ACTIVE_RETRIES = "active_retries"
    COMPLETE_WITH_ERRORS = "complete_with_errors"
    COMPLETE = "complete"


class MessageStatus(StrEnum):
    """Where one message stands; every imported row is in exactly one of these (SPEC 2)."""

    WAITING = "waiting"
    QUEUED = "queued"
    SENDING = "sending"
    RETRYING = "retrying"
    DELIVERED = "delivered"
    ASSUMED_DELIVERED = "assumed_delivered"
    FAILED = "failed"
    OPTED_OUT = "opted_out"
    CANCELLED = "cancelled"
    UNCONFIRMED = "unconfirmed"


TO_BE_SENT = frozenset({MessageStatus.WAITING, MessageStatus.QUEUED})
IN_FLIGHT = frozenset({MessageStatus.QUEUED, MessageStatus.SENDING})
WITH_PROVIDER = frozenset({MessageStatus.SENDING, MessageStatus.RETRYING})
FINAL = frozenset(
    {
        MessageStatus.DELIVERED,
        MessageStatus.ASSUMED_DELIVERED,
        MessageStatus.FAILED,
        MessageStatus.OPTED_OUT,
        MessageStatus.CANCELLED,
        MessageStatus.UNCONFIRMED,
    }
)
RETRYABLE = frozenset({MessageStatus.FAILED, MessageStatus.UNCONFIRMED})
# The recipient has the message, will have it, or may.
REACHED = WITH_PROVIDER | {MessageStatus.DELIVERED, MessageStatus.ASSUMED_DELIVERED, MessageStatus.UNCONFIRMED}
RECOVERED = frozenset({MessageStatus.DELIVERED, MessageStatus.ASSUMED_DELIVERED})


class FailureReason(StrEnum):
    """Why a message failed: twelve standard reasons for both channels, in the order of SPEC 2."""

    INVALID_RECIPIENT = "invalid_recipient"
    UNSUPPORTED_RECIPIENT = "unsupported_recipient"
    UNREACHABLE = "unreachable"
    MAILBOX_FULL = "mailbox_full"
    BLOCKED = "blocked"
    CONTENT_REJECTED = "content_rejected"
    RATE_LIMITED = "rate_limited"
    EXPIRED = "expired"
    CONFIGURATION = "configuration"
    INSUFFICIENT_FUNDS = "insufficient_funds"
    PROVIDER_ERROR = "provider_error"
    UNKNOWN = "unknown"


class LeftOut(StrEnum):
    """Why a message is Cancelled that was left out at Run; what a Stop has cancelled needs no reason of its own."""

    REACHED_LATELY = "reached_lately"


HAS_REASON = frozenset({MessageStatus.FAILED, MessageStatus.CANCELLED})


class RetryClass(StrEnum):
    """What a person's retry of a failure is worth; the provider's code decides, not the reason (SPEC 5)."""

    LIKELY = "likely"
    MAY_HAVE_ARRIVED = "may_have_arrived"
    POINTLESS = "pointless"
    NEVER = "never"


class Scope(StrEnum):
    """Whose fault a refusal is: this message's, or the whole account's (SPEC 2)."""

    MESSAGE = "message"
    ACCOUNT = "account"


class MoveKind(StrEnum):
    """The kinds of bulk move (SPEC 1); `fail` is the system's own, after the account's refusals."""

    RUN = "run"
    STOP = "stop"
    RESUME = "resume"
    RETRY = "retry"
    DELETE = "delete"
    FAIL = "fail"


class StartKind(StrEnum):
    """What can start later; each is also an `Action`."""

    RUN = "run"
    RETRY = "retry"


class WorkState(StrEnum):
    """How far a piece of background work has come: a bulk move, an import, an export."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"
    REFUSED = "refused"
    FAILED = "failed"


OPEN_WORK = frozenset({WorkState.QUEUED, WorkState.RUNNING})


class Action(StrEnum):
    """What a person may ask of a campaign (SPEC 1)."""

    EDIT = "edit"
    DUPLICATE = "duplicate"
    SEND_TEST = "send_test"
    RUN = "run"
    START_LATER = "start_later"
    HAND_ON = "hand_on"
    STOP = "stop"
    RESUME = "resume"
    RETRY = "retry"
    DELETE = "delete"
    VIEW_SUMMARY = "view_summary"
    EXPORT = "export"


class Role(StrEnum):
    """What a person may do (SPEC 9), weakest first."""

    VIEWER = "viewer"
    CAMPAIGNER = "campaigner"
    ADMIN = "admin"
    ORG_ADMIN = "org_admin"


class Surface(StrEnum):
    """Where an act came from; kept in the audit."""

    PANEL = "panel"
    SLACK = "slack"
    COMMAND_LINE = "command_line"
    SYSTEM = "system"


class Silence(StrEnum):
    """What a provider has not done for five minutes while a campaign sends."""

    NOTHING_ACCEPTED = "nothing_accepted"
    NO_RECEIPTS = "no_receipts"


class SlackWay(StrEnum):
    """Which way Slack and we reach each other."""

    SAYS = "says"  # what we say there
    HEARS = "hears"  # what people type and click there, over Socket Mode


class Tally(StrEnum):
    """What is counted over the installation's whole life, for `/metrics`."""

    SENT = "sent"
    OUTCOMES = "outcomes"
    EXPIRED_LEASES = "expired_leases"
    SLACK_429 = "slack_429"
    REQUESTS = "requests"
    SLACK_ACKS = "slack_acks"


class Listed(StrEnum):
    """What a provider's list showed of a hand-over in doubt."""

    NOTHING = "nothing"
    IT = "it"
    UNCLEAR = "unclear"  # several that fit, or one that may be another's


class OptOutSource(StrEnum):
    """How a person came onto the opt-out list."""

    PROVIDER = "provider"
    INBOUND = "inbound"
    LINK = "link"
    COMPLAINT = "complaint"
    HAND = "hand"
    FORGET = "forget"


class OptInReason(StrEnum):
    """Why somebody is taken off the opt-out list: words of ours, since what people type may hold an address."""

    ASKED = "asked"
    MISTAKE = "mistake"
    NEW_OWNER = "new_owner"


CAMPAIGN_STATUS_LABELS = {
    CampaignStatus.DRAFT: "Draft",
    CampaignStatus.FAILED: "Failed",
    CampaignStatus.READY: "Ready",
    CampaignStatus.HELD: "Held",
    CampaignStatus.IN_PROGRESS: "In Progress",
    CampaignStatus.STOPPED: "Stopped",
    CampaignStatus.ACTIVE_RETRIES: "Active Retries",
    CampaignStatus.COMPLETE_WITH_ERRORS: "Complete (with errors)",
    CampaignStatus.COMPLETE: "Complete",
}

MESSAGE_STATUS_LABELS = {status: status.value.replace("_", " ").title() for status in MessageStatus}

CHANNEL_LABELS = {Channel.SMS: "SMS", Channel.EMAIL: "Email"}

ROLE_LABELS = {
    Role.VIEWER: "Viewer",
    Role.CAMPAIGNER: "Campaigner",
    Role.ADMIN: "Admin",
    Role.ORG_ADMIN: "Org Admin",
}

OPT_OUT_SOURCE_LABELS = {
    OptOutSource.PROVIDER: "Refused at the provider",
    OptOutSource.INBOUND: "Sent STOP",
    OptOutSource.LINK: "Unsubscribe link",
    OptOutSource.COMPLAINT: "Complaint",
    OptOutSource.HAND: "By hand",
    OptOutSource.FORGET: "Forgotten",
}

OPT_IN_REASON_LABELS = {
    OptInReason.ASKED: "They asked to get messages again",
    OptInReason.MISTAKE: "They were listed by mistake",
    OptInReason.NEW_OWNER: "The number or address has a new owner",
}

SURFACE_LABELS = {
    Surface.PANEL: "Panel",
    Surface.SLACK: "Slack",
    Surface.COMMAND_LINE: "Command line",
    Surface.SYSTEM: "System",
}

FAILURE_REASON_NAMES = {reason: reason.value.replace("_", " ").capitalize() for reason in FailureReason}
LEFT_OUT_NAMES = {LeftOut.REACHED_LATELY: "Reached in the 24 hours before Run"}
# Whatever a message may have for a reason, by its slug.
REASON_NAMES = {reason.value: name for reason, name in (*FAILURE_REASON_NAMES.items(), *LEFT_OUT_NAMES.items())}

SILENCE_LABELS = {
    Silence.NOTHING_ACCEPTED: "The provider has accepted nothing for 5 minutes, and messages are Queued. "
    "Signalbox keeps trying; look at the provider's status page and at Health.",
    Silence.NO_RECEIPTS: "No receipt has come for 5 minutes, though messages are with the provider. "
    "Check that its webhook points to this installation.",
}

# What a retry plan calls the failures whose retry is worth the same, and what it says of them.
RETRY_GROUPS = {
    RetryClass.LIKELY: ("Likely to work", ""),
    RetryClass.MAY_HAVE_ARRIVED: ("May have arrived", "people may get it twice"),
    RetryClass.POINTLESS: ("Pointless", "the same refusal will come back"),
}
# What is said of a run or retry that waits for its channel.
START_WAITS = "It starts as soon as the channel is free, within 24 hours. If it is not free by then, you get a message."

START_CANCELLED = "The start is cancelled: nothing starts by itself any more."
NO_START = "Nothing was to start any more."
# What the dialogs say of an act, so that nobody takes it for less or more than it is.
STOP_MEANS = (
    "What is not with the provider yet becomes Cancelled, and Resume goes on with it; what was queued by a retry goes "
    "back to what it was before. What is being sent finishes."
)
NOTHING_TO_RESUME = "Nothing was left to send. The campaign is not Failed any more."
RESUME_LEFT_OUT = "Those left out when it was run are among them, and will be sent to."
DELETE_MEANS = "The campaign, its messages and its exports go for good. Opt-outs and the audit stay."
LEAVE_OUT_MEANS = "They become Cancelled. A later Resume sends to them after all."

# What each reason means, for tooltips.
FAILURE_REASON_LABELS = {
    FailureReason.INVALID_RECIPIENT: "Number or address is wrong or no longer exists",
    FailureReason.UNSUPPORTED_RECIPIENT: "Landline, short code or a type that cannot take it",
    FailureReason.UNREACHABLE: "Could not be reached for now",
    FailureReason.MAILBOX_FULL: "Mailbox is full",
    FailureReason.BLOCKED: "Carrier or mail server refused the sender",
    FailureReason.CONTENT_REJECTED: "Text refused: spam, too long, empty or bad media",
    FailureReason.RATE_LIMITED: "Too fast, or a daily cap was reached",
    FailureReason.EXPIRED: "Waited too long",
    FailureReason.CONFIGURATION: "Our account, sender, permission or registration",
    FailureReason.INSUFFICIENT_FUNDS: "Account suspended or no credit left",
    FailureReason.PROVIDER_ERROR: "Fault at the provider",
    FailureReason.UNKNOWN: "No known reason was given",
}
LEFT_OUT_LABELS = {
    LeftOut.REACHED_LATELY: "Left out at Run: another campaign had reached them in the 24 hours before. "
    "Resume sends to them after all",
}
REASON_LABELS = {reason.value: label for reason, label in (*FAILURE_REASON_LABELS.items(), *LEFT_OUT_LABELS.items())}


def status_with(reason: str) -> MessageStatus:
    """Where all messages stand that have this reason."""
    return MessageStatus.CANCELLED if reason in LEFT_OUT_NAMES else MessageStatus.FAILED


def counted(n: int, noun: str) -> str:
    """A number with its noun: "1 message", "1,240 messages"."""
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def duration(seconds: float) -> str:
    """Roughly, in one unit: "50 s", "6 min", "2 h"."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    if seconds < 90 * 60:
        return f"{round(seconds / 60)} min"
    return f"{round(seconds / 3600)} h"
