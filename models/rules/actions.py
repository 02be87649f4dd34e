"""What may be done with a campaign now, or the sentence that says why not (SPEC 1).

The panel draws its buttons from `available_actions`, Slack those that belong to a campaign's state (SPEC 7); either way
operations ask the same rules at the moment of the act. A refusal names what is in the way and the next step.
"""

from collections.abc import Callable
from dataclasses import dataclass

from models.actors import Actor, Right
from models.rules.counts import Counts, stopping_told
from models.rules.timeouts import DEFERRED, HOUR, given_up_by
from models.rules.verdicts import AttemptState
from models.words import (
    CUT_SHORT,
    HOLDS_CHANNEL,
    KEEPS_QUEUE,
    NOT_RUN,
    OVER,
    RETRYABLE,
    WITH_PROVIDER,
    Action,
    Channel,
    MessageStatus,
    Phase,
    counted,
)


@dataclass(frozen=True)
class Blocker:
    """The campaign that holds the channel since `since_at` (epoch ms), and how far it is.

    The minutes are as of the moment of the question; None where they are not known, or nothing is left to send.
    `unanswered` is how many messages it still awaits the provider's word on.
    """

    campaign_id: int
    name: str
    phase: Phase
    since_at: int
    percent_sent: int
    minutes_since: int | None = None
    minutes_left: int | None = None
    unanswered: int = 0


@dataclass(frozen=True)
class Standing:
    """What the rules need to know of a campaign; `not_configured` names what the channel lacks, '' if nothing.

    `owner_id` is the owner's person, None when nobody owns it.
    """

    name: str
    channel: Channel
    phase: Phase
    counts: Counts
    blocker: Blocker | None = None
    not_configured: str = ""
    owner_id: int | None = None


@dataclass(frozen=True)
class Answer:
    """Yes, or why not. The reason ends with the next step; `next_step` is that step where the same campaign's
    action is it, for a button. `blocker_id` is set when another campaign holds the channel.
    """

    allowed: bool
    reason: str = ""
    blocker_id: int | None = None
    next_step: Action | None = None

    @property
    def opens(self) -> bool:
        """Whether its dialog opens: also where a taken channel lets it only start later."""
        return self.allowed or self.next_step is Action.START_LATER


YES = Answer(True)
Rule = Callable[[Standing], Answer]

_NEXT_STEPS = {
    Action.EDIT: "Finish the draft first.",
    Action.RUN: "Run it first.",
    Action.STOP: "Stop it first.",
    Action.RESUME: "Resume it first.",
    Action.RETRY: "Retry its failed messages instead.",
    Action.DUPLICATE: "Duplicate it to change or send it anew.",
    Action.START_LATER: "Start when the channel is free?",
}


_GOES_ON = "Resume it to go on with the rest."


def no(reason: str, next_step: Action | None = None, *, advice: str = "", blocker_id: int | None = None) -> Answer:
    """A refusal; the next step follows in words, those of `advice` where the usual ones don't fit."""
    sentence = f"{reason} {advice or _NEXT_STEPS[next_step]}" if next_step else reason
    return Answer(False, sentence, blocker_id, next_step)


def available_actions(campaign: Standing, actor: Actor) -> dict[Action, Answer]:
    """Each action with its answer for this actor."""
    return {action: answer_for(action, campaign, actor) for action in Action}


def answer_for(action: Action, campaign: Standing, actor: Actor) -> Answer:
    """Whether this actor may do this now: the role first, then the campaign's state."""
    needed = right_for(action)
    if not actor.may(needed):
        return no(f"Your role does not let you {needed.value}. Ask an Org Admin.")
    if campaign.phase is Phase.DELETING:
        return no(f"{campaign.name} is being deleted.")
    if action is Action.HAND_ON:
        return can_hand_on(campaign, actor)
    return _RULES.get(action, _anytime)(campaign)


def right_for(action: Action) -> Right:
    """The right that an action needs."""
    return _RIGHTS.get(action, Right.CHANGE_CAMPAIGNS)


def can_run(campaign: Standing) -> Answer:
    """Ready, something sendable, the channel configured and free."""
    if campaign.phase is not Phase.READY:
        instead = _instead_of_running(campaign)
        advice = _GOES_ON if instead is Action.RESUME else ""
        return no(_wrong_phase(campaign, "Only a Ready campaign can be run"), instead, advice=advice)
    if not campaign.counts.sendable:
        return nobody_to_send_to(campaign.name)
    return _channel_answer(campaign, Action.RUN)


def can_stop(campaign: Standing) -> Answer:
    """Running or held."""
    if campaign.phase in KEEPS_QUEUE:
        return YES
    if campaign.phase is Phase.STOPPING:
        return no(f"{campaign.name} is {_told(campaign)}.")
    return no(_wrong_phase(campaign, "Only a campaign In Progress or Held can be stopped", "nothing of it is sent"))


def can_resume(campaign: Standing) -> Answer:
    """Stopped, Failed, Held or stopping; the channel free or its own."""
    stopped = campaign.phase is Phase.ENDED and campaign.counts[MessageStatus.CANCELLED] > 0
    if stopped or campaign.phase in CUT_SHORT:
        return _channel_answer(campaign, Action.RESUME)
    if campaign.phase is Phase.ENDED:
        instead = Action.RETRY if _has_retryable(campaign) else Action.DUPLICATE
        return no(f"{campaign.name} has no cancelled messages to go on with.", instead)
    return no(_wrong_phase(campaign, "Only a stopped, failed or held campaign can be resumed"), _beginning(campaign))


def can_retry(campaign: Standing) -> Answer:
    """Running, complete or failed and at rest, and something to retry; the channel free or its own."""
    if campaign.phase in (Phase.HELD, Phase.STOPPING):
        return no(f"{campaign.name} is {_told(campaign)}.", Action.RESUME)
    if campaign.phase is not Phase.RUNNING and campaign.phase not in OVER:
        return no(
            _wrong_phase(campaign, "Only messages of a campaign that was run can be retried"), _beginning(campaign)
        )
    if campaign.phase is Phase.FAILED and (queued := campaign.counts[MessageStatus.QUEUED]):
        return no(f"{campaign.name} is still being brought to rest: {queued:,} left. Try again in a moment.")
    if not _has_retryable(campaign):
        so_far = " so far" if campaign.phase is Phase.RUNNING else ""
        instead = _instead_of_retrying(campaign)
        advice = _GOES_ON if instead is Action.RESUME else ""
        return no(f"{campaign.name} has no Failed or Unconfirmed messages{so_far}.", instead, advice=advice)
    return _channel_answer(campaign, Action.RETRY)


def can_delete(campaign: Standing) -> Answer:
    """Draft, Ready, complete or Failed, with nothing at the provider."""
    if campaign.phase is Phase.STOPPING:
        return no(f"{campaign.name} is {_told(campaign)}. Delete it when it has ended.")
    if campaign.phase in HOLDS_CHANNEL:
        return no(f"{campaign.name} is {_told(campaign)}.", Action.STOP)
    waiting = sum(campaign.counts[status] for status in WITH_PROVIDER)
    if waiting:
        are = "1 message" if waiting == 1 else f"{waiting:,} messages"
        settled = f"settled within {_hours(_settles_within(campaign))} at most"
        return no(f"{campaign.name} still has {are} at the provider, {settled}. Delete it then.")
    return YES


def can_edit(campaign: Standing) -> Answer:
    """Draft: all. Ready: template and sender. Failed: the sender of an email."""
    if campaign.phase in NOT_RUN:
        return YES
    if campaign.phase is Phase.FAILED and campaign.channel is Channel.EMAIL:
        return YES
    return no(_wrong_phase(campaign, "Only a Draft or Ready campaign can be edited"), Action.DUPLICATE)


def can_hand_on(campaign: Standing, actor: Actor) -> Answer:
    """At any time, by its owner or an Admin."""
    owns = actor.person_id is not None and actor.person_id == campaign.owner_id
    if owns or actor.may(Right.HAND_ON):
        return YES
    return no(f"Only its owner or an Admin can hand on {campaign.name}. Ask one of them.")


def nobody_to_send_to(name: str) -> Answer:
    """The refusal of a run that would send nothing."""
    return no(
        f"{name} has nobody to send to: every contact has opted out or none was imported.",
        Action.DUPLICATE,
    )


def channel_taken(blocker: Blocker, action: Action) -> Answer:
    """The refusal of an action because another campaign holds the channel; a run or retry may wait for it."""
    waits = Action.START_LATER if action in (Action.RUN, Action.RETRY) else None
    advice = "" if waits else " Wait until it ends, or stop it."
    return no(_in_the_way(blocker) + advice, waits, blocker_id=blocker.campaign_id)


def _anytime(_campaign: Standing) -> Answer:
    return YES


def _start_later(campaign: Standing) -> Answer:
    """As Run or Retry, but a taken channel is what it waits for."""
    rule = can_run if campaign.phase is Phase.READY else can_retry
    answer = rule(campaign)
    return YES if answer.blocker_id is not None else answer


def _channel_answer(campaign: Standing, action: Action) -> Answer:
    if campaign.not_configured:
        return no(campaign.not_configured)
    if campaign.blocker is None or campaign.phase in HOLDS_CHANNEL:
        return YES
    return channel_taken(campaign.blocker, action)


def _in_the_way(blocker: Blocker) -> str:
    """How far the other campaign is, and what ends it. No time of day: the sentence does not know the reader's zone."""
    since, left = blocker.minutes_since, blocker.minutes_left
    ends_with_answers = blocker.phase is Phase.STOPPING or blocker.percent_sent == 100
    figures = [
        f"{blocker.name} is {_HOLDING_WORDS.get(blocker.phase) or _PHASE_WORDS[blocker.phase]}",
        f"begun {_minutes(since)} ago" if since else "",
        f"{blocker.percent_sent} % sent",
        f"about {_minutes(left)} left" if left else "",
        _with_provider(blocker.unanswered) if blocker.unanswered and ends_with_answers else "",
    ]
    return ", ".join(figure for figure in figures if figure) + "."


def _minutes(n: int) -> str:
    if n >= 2 * 24 * 60:
        return f"{n // (24 * 60)} days"
    if n >= 2 * 60:
        return f"{n // 60} hours"
    return counted(n, "minute")


def _settles_within(campaign: Standing) -> int:
    """Until the last time-out decides what the provider does not (SPEC 2), in ms."""
    if campaign.channel is Channel.EMAIL and campaign.counts[MessageStatus.RETRYING]:
        return DEFERRED
    return given_up_by(campaign.channel, AttemptState(MessageStatus.SENDING, claimed_at=0), scale=1)


def _with_provider(messages: int) -> str:
    return f"{messages:,} still with the provider"


def _hours(ms: int) -> str:
    return counted(-(-ms // HOUR), "hour")


def _has_retryable(campaign: Standing) -> bool:
    return any(campaign.counts[status] for status in RETRYABLE)


def _beginning(campaign: Standing) -> Action | None:
    """What comes first for a campaign that has not been run."""
    if campaign.phase is Phase.DRAFT:
        return Action.EDIT
    return Action.RUN if campaign.phase is Phase.READY and campaign.counts.sendable else None


def _instead_of_running(campaign: Standing) -> Action | None:
    """What somebody may have meant who asks to run what is not Ready."""
    if campaign.phase is Phase.DRAFT:
        return Action.EDIT
    if campaign.phase in CUT_SHORT:
        return Action.RESUME
    return Action.DUPLICATE if campaign.phase is Phase.ENDED else None


def _instead_of_retrying(campaign: Standing) -> Action | None:
    """What else sends something again where nothing failed; nothing while it is under way."""
    if campaign.phase is Phase.RUNNING:
        return None
    goes_on = campaign.phase is Phase.FAILED or campaign.counts[MessageStatus.CANCELLED]
    return Action.RESUME if goes_on else Action.DUPLICATE


_PHASE_WORDS = {
    Phase.DRAFT: "a Draft",
    Phase.READY: "Ready",
    Phase.RUNNING: "In Progress",
    Phase.HELD: "Held",
    Phase.STOPPING: "In Progress, stopping",
    Phase.ENDED: "complete",
    Phase.FAILED: "Failed",
    Phase.DELETING: "being deleted",
}
_HOLDING_WORDS = {Phase.HELD: "Held until somebody resumes or stops it"}


def _told(campaign: Standing) -> str:
    if campaign.phase is Phase.RUNNING:
        return f"{_PHASE_WORDS[campaign.phase]}, {campaign.counts.percent_sent} % sent"
    if campaign.phase is Phase.STOPPING:
        return f"{_PHASE_WORDS[Phase.RUNNING]}{stopping_told(campaign.phase, campaign.counts)}"
    return _PHASE_WORDS[campaign.phase]


def _wrong_phase(campaign: Standing, rule: str, so: str = "") -> str:
    return f"{rule}; {campaign.name} is {_told(campaign)}{f': {so}' if so else ''}."


_RULES: dict[Action, Rule] = {
    Action.EDIT: can_edit,
    Action.RUN: can_run,
    Action.START_LATER: _start_later,
    Action.STOP: can_stop,
    Action.RESUME: can_resume,
    Action.RETRY: can_retry,
    Action.DELETE: can_delete,
}
_RIGHTS = {Action.VIEW_SUMMARY: Right.SEE_CAMPAIGNS, Action.EXPORT: Right.EXPORT}
