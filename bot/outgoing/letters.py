"""What happened in, words out: the lines of a card's thread, and the messages to people and channels.

All is told in the past tense with the numbers of that moment, from what the outbox holds: the campaign may
have gone on meanwhile, or be deleted. In channels nothing carries a recipient, a field value or a provider's text.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from bot.drawing import blocks, buttons, lines
from bot.drawing.blocks import Message, escaped
from bot.outgoing.places import RESTRICTED
from bot.site import site
from models.config import current
from models.providers import provider_name
from models.rules.account import who_can_mend
from models.rules.counts import left_out_told
from models.rules.slack_places import is_direct
from models.rules.stopping import nothing_stopped
from models.words import (
    CAMPAIGN_STATUS_LABELS,
    CHANNEL_LABELS,
    FAILURE_REASON_NAMES,
    MESSAGE_STATUS_LABELS,
    SILENCE_LABELS,
    CampaignStatus,
    Channel,
    FailureReason,
    MessageStatus,
    Phase,
    Silence,
    StartKind,
)

Content = Mapping[str, Any]

_SHUT_BECAUSE = {"is_archived": "it is archived"} | dict.fromkeys(RESTRICTED, "only some people may post there")
_CANCELLED_BY = {
    **dict.fromkeys(("set_message", "attach_file", "detach_file"), "editing it"),
    "run": "running it",
    "stop": "stopping it",
    "retry": "retrying it",
    "delete": "deleting it",
    "schedule_start": "planning another",
}
_BUTTONS = {
    "hold": ("resume", "stop", "samples"),
    "fail": ("resume", "failures", "panel"),
    "end": ("retry", "failures", "export"),
    "late_start": ("run", "panel"),
    "planned_run": ("status", "panel"),
    "planned_retry": ("status", "panel"),
    "mend_counts": ("status", "panel"),
}
# News that is none any more once the campaign has left that phase.
_NEWS_WHILE = {"hold": Phase.HELD, "fail": Phase.FAILED, "end": Phase.ENDED}


def thread_line(content: Content, who: str) -> Message:
    """What happened, and who did it, in one line."""
    line = _THREAD[content["act"]](content["numbers"], who)
    return Message(line, [blocks.section(line)])


def letter(campaign_id: int, content: Content, who: str, *, gone: bool) -> Message:
    """A message about what became of a campaign, or what somebody did to it; without buttons when it is gone."""
    act, name = content["act"], escaped(content["campaign"])
    told = _LETTERS[act](content, who, name)
    shown = [blocks.section(told)]
    if act == "hold":
        shown.append(blocks.section(f"*Why:* {_reasons(content['numbers'])}"))
    if not gone:
        shown.append(buttons.row(campaign_id, _BUTTONS.get(act, ("status",)), site()))
    notes = [lines.SIMULATED] if Channel(content["channel"]) in current().simulated else []
    if act == "end":
        notes.insert(0, "You get this as the owner. Mute “finished” in App Home.")
    if notes:
        shown.append(blocks.context(" ".join(notes)))
    return Message(told.replace("*", ""), shown)


def deleted(content: Content) -> Message:
    """What a card says after its campaign was deleted."""
    text = f"{escaped(content['campaign'])} was deleted."
    return Message(text, [blocks.section(text)])


def is_overtaken(act: str, phase: str | None) -> bool:
    """Whether a campaign that is in `phase` by now has gone on from what happened; None when it is deleted."""
    return phase is not None and act in _NEWS_WHILE and phase != _NEWS_WHILE[act]


def _counted(numbers: Mapping[str, Any], then: str = "", noun: str = "message") -> str:
    n = int(numbers.get(f"{noun}s") or 0)
    return lines.counted(n, then, noun)


def _unsent(numbers: Mapping[str, Any]) -> str:
    """What a stop has kept from being sent, in the middle of a sentence."""
    return _counted(numbers, "were not sent") if numbers["messages"] else nothing_stopped(numbers.get("sending", 0))


def _reasons(numbers: Mapping[str, Any]) -> str:
    told = [f"{FAILURE_REASON_NAMES[FailureReason(reason)]} {n:,}" for reason, n in numbers.get("reasons", {}).items()]
    return " · ".join(told) or "no reason was given"


def _outcome(numbers: Mapping[str, Any]) -> str:
    """Where the messages stood at the end, those that nobody asks about left out."""
    told = [
        f"{numbers[status]:,} {MESSAGE_STATUS_LABELS[status].lower()}" for status in MessageStatus if status in numbers
    ]
    left_out = left_out_told(numbers.get("left_out", {}))
    return (", ".join(told) or "no messages") + (f" ({left_out})" if left_out else "")


def _ended(numbers: Mapping[str, Any], _who: str) -> str:
    return f"It ended as *{CAMPAIGN_STATUS_LABELS[CampaignStatus(numbers['status'])]}*: {_outcome(numbers)}."


def _too_many(numbers: Mapping[str, Any]) -> str:
    return f"{numbers['failed']:,} of the last {numbers['first_attempts']:,} first attempts"


def _held(numbers: Mapping[str, Any], _who: str) -> str:
    return f"*Held*: {_too_many(numbers)} failed. {_reasons(numbers)}."


def _failed(numbers: Mapping[str, Any], _who: str) -> str:
    code = escaped(str(numbers.get("code") or "no code"))
    return f"*Failed*: the provider refused the account five times ({code}). {_counted(numbers, 'were not sent')}."


def _start(numbers: Mapping[str, Any]) -> str:
    """What was to come later: its start, or a retry of it."""
    return "retry" if numbers.get("start") == StartKind.RETRY else "start"


def _scheduled(numbers: Mapping[str, Any], who: str) -> str:
    at = numbers.get("starts_at")
    when = [f"for {blocks.local_date(at)}"] if at else []
    when += ["when the channel is free"] if numbers.get("when_free") else []
    return f"{who} scheduled its {_start(numbers)} {' and '.join(when)}".rstrip() + "."


def _moved(numbers: Mapping[str, Any], who: str) -> str:
    place = str(numbers.get("place") or "")
    return f"{who} put the card into {'direct messages' if is_direct(place) else f'<#{place}>'}."


def _cancelled_by(numbers: Mapping[str, Any]) -> str:
    """By which act a planned start was cancelled, '' if somebody did just that."""
    how = _CANCELLED_BY.get(str(numbers.get("by")), "")
    return f" by {how}" if how else ""


_THREAD: dict[str, Callable[[Mapping[str, Any], str], str]] = {
    "run": lambda n, who: (
        f"{who} ran the campaign: {lines.counted(n['messages'], noun='recipient')}, "
        f"{'without those reached in the 24 hours before, ' * bool(n.get('leave_out_reached'))}disclaimer accepted."
    ),
    "stop": lambda n, who: f"{who} stopped it: {_unsent(n)}.",
    "resume": lambda n, who: f"{who} resumed it: {_counted(n, 'went on')}.",
    "retry": lambda n, who: f"{who} retried {_counted(n)}.",
    "delete": lambda n, who: f"{who} deleted it with {_counted(n)}.",
    "set_message": lambda _, who: f"{who} edited it.",
    "attach_file": lambda _, who: f"{who} attached a file to it.",
    "detach_file": lambda _, who: f"{who} took a file away from it.",
    "move_card": _moved,
    "export": lambda n, who: f"{who} started an export of {_counted(n, noun='row')}.",
    "send_test": lambda n, who: f"{who} sent a test to {lines.counted(n['n'], noun='recipient')}; it is in no count.",
    "duplicate": lambda _, who: f"{who} duplicated it.",
    "hand_on": lambda n, who: f"{who} handed it on to {escaped(str(n.get('to') or 'another owner'))}.",
    "schedule_start": _scheduled,
    "cancel_start": lambda n, who: f"{who} cancelled its scheduled {_start(n)}{_cancelled_by(n)}.",
    # The reason may be a provider's own words: it is for the owner alone.
    "late_start": lambda *_: "It was to start later, and did not. Its owner was told why.",
    "look_up": lambda n, who: f"{who} asked the provider about {lines.counted(n['n'], noun='Unconfirmed message')}.",
    "looked_up": lambda n, _who: (
        f"The provider was asked about Unconfirmed messages: {n['found']:,} bound to what it has, "
        f"{n['unlisted'] + n['unclear'] + n['unasked']:,} still not known."
    ),
    "mend_counts": lambda n, _who: f"The counts were wrong by {n['messages']:,} and were set right.",
    "hold": _held,
    "fail": _failed,
    "end": _ended,
    **{silence.value: lambda _n, _who, silence=silence: SILENCE_LABELS[silence] for silence in Silence},  # type: ignore[misc]
}


def _letter_hold(content: Content, _who: str, name: str) -> str:
    numbers = content["numbers"]
    top = next(iter(numbers.get("reasons", {})), "")
    most = f", most of them {FAILURE_REASON_NAMES[FailureReason(top)]}" if top else ""
    return (
        f"*{name} is Held.* {_too_many(numbers)} failed{most}. Nothing more is handed over until somebody decides; "
        f"{numbers['queued']:,} stay Queued, and {_channel(content)} stays taken."
    )


def _letter_fail(content: Content, _who: str, name: str) -> str:
    numbers = content["numbers"]
    who = provider_name(current().providers.get(Channel(content["channel"]), ""))
    funds, code = numbers.get("reason") == FailureReason.INSUFFICIENT_FUNDS, str(numbers.get("code") or "")
    why = "no balance" if funds else f"code {escaped(code or 'none')}"
    mend = "whoever pays for the account there" if funds else who_can_mend(code, who)
    return (
        f"*{name} is Failed.* {who[0].upper()}{who[1:]} refused the account five times: {why}. "
        f"{_counted(numbers, 'were not sent')}, {_channel(content)} is free. "
        f"*Who can mend it:* {mend}. Then Resume{', and Retry what a retry had queued' * bool(numbers.get('retried'))}."
    )


def _letter_end(content: Content, _who: str, name: str) -> str:
    numbers = content["numbers"]
    total = sum(numbers.get(status, 0) for status in MessageStatus)
    delivered = 100 * numbers.get(MessageStatus.DELIVERED, 0) / max(1, total)
    parts = [f"{delivered:.1f} % delivered"]
    if assumed := numbers.get(MessageStatus.ASSUMED_DELIVERED):
        parts.append(f"{assumed:,} assumed delivered")
    if failed := numbers.get(MessageStatus.FAILED):
        parts.append(f"{failed:,} failed, {numbers['likely']:,} of them likely to work on retry")
    if unconfirmed := numbers.get(MessageStatus.UNCONFIRMED):
        parts.append(f"{unconfirmed:,} Unconfirmed")
    if cancelled := numbers.get(MessageStatus.CANCELLED):
        left_out = left_out_told(numbers.get("left_out", {}))
        parts.append(f"{cancelled:,} Cancelled" + f" ({left_out})" * bool(left_out))
    return f"*{name} is {CAMPAIGN_STATUS_LABELS[CampaignStatus(numbers['status'])]}.* {' · '.join(parts)}."


def _letter_shut(content: Content, _who: str, name: str) -> str:
    place, problem = content["numbers"]["place"], content["numbers"]["problem"]
    because = _SHUT_BECAUSE.get(problem, "I am not a member there")
    return (
        f"*The card of {name} came to you*, for I can't post in <#{place}>: {because}. To have it there, type "
        "`/invite @Signalbox` in that channel, then choose *Move card here* in the card's menu."
    )


def _acted(past: str, then: Callable[[Mapping[str, Any]], str]) -> Callable[[Content, str, str], str]:
    """What somebody else did: once, or several times within five minutes."""

    def tell(content: Content, who: str, name: str) -> str:
        times = "" if content["times"] == 1 else f" {content['times']} times"
        told = then(content["numbers"])
        return f"{who} *{past} {name}{times}.* {told[0].upper()}{told[1:]}."

    return tell


def _channel(content: Content) -> str:
    return CHANNEL_LABELS[Channel(content["channel"])]


_LETTERS: dict[str, Callable[[Content, str, str], str]] = {
    "hold": _letter_hold,
    "fail": _letter_fail,
    "end": _letter_end,
    "stop": _acted("stopped", _unsent),
    "resume": _acted("resumed", partial(_counted, then="went on")),
    "retry": _acted("retried", partial(_counted, then="were queued again")),
    "delete": _acted("deleted", partial(_counted, then="went with it")),
    "hand_on": lambda _, who, name: f"{who} *handed {name} on to you.* You are its owner now, and get its news.",
    "cancel_start": lambda content, who, name: (
        f"{who} *cancelled your planned {_start(content['numbers'])} of {name}*{_cancelled_by(content['numbers'])}."
    ),
    "late_start": lambda content, _who, name: (
        f"*{name} was not started as planned.* {escaped(str(content['numbers'].get('reason') or ''))}".rstrip()
    ),
    "planned_run": lambda content, _who, name: (
        f"*{name} was started as planned.* {_counted(content['numbers'], 'are being queued')}."
    ),
    "planned_retry": lambda content, _who, name: (
        f"*Retry of {_counted(content['numbers'])} started in {name} as planned.*"
    ),
    "shut": _letter_shut,
    "mend_counts": lambda content, _who, name: (
        f"*The counts of {name} were wrong* by {_counted(content['numbers'])}, and were set right by the "
        "messages themselves. No message was changed. The audit has the figures: please report this as a fault."
    ),
    Silence.NOTHING_ACCEPTED.value: lambda _, _who, name: f"*{name}*: {SILENCE_LABELS[Silence.NOTHING_ACCEPTED]}",
}
