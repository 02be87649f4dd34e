"""Run, stop, resume, delete: the operations on a whole campaign's sending."""

from dataclasses import dataclass, replace

from peewee import IntegrityError

from models.actors import Actor
from models.database import execute, marks, transaction
from models.errors import CampaignError, ChannelTakenError, InvalidInputError, WrongStateError
from models.hints import SENDING, hint
from models.operations import audit
from models.operations.campaigns import check_template, template_of
from models.operations.leaving import end_open_moves, leave, open_move
from models.operations.unscheduling import drop_start
from models.queries.campaigns import blocker_of, get_campaign, seen_standing, standing_of
from models.queries.reached import LATELY, count_reached
from models.queries.refusing import cancelled_of_forgotten, waiting_who_refuse
from models.rules.actions import Answer, Standing, answer_for, channel_taken, nobody_to_send_to, right_for
from models.rules.typed import is_same_name
from models.words import CHANNEL_LABELS, CUT_SHORT, OVER, Action, MessageStatus, MoveKind, Phase

DISCLAIMER = (
    "All recipients agreed to be written to on this channel.",
    "The content is lawful and suitable for them.",
    "It offers a way to opt out, and nobody who opted out is on the list.",
    "I am responsible for the data and for how it is used.",
)


@dataclass(frozen=True)
class Moved:
    """A bulk move was opened: its id and how many rows it is about; `warning` is what else to say, '' if nothing.

    `sending` is how many a stop found with the provider: they finish by themselves.
    """

    move_id: int | None
    messages: int
    warning: str = ""
    sending: int = 0


def run_campaign(
    campaign_id: int, *, actor: Actor, disclaimer_accepted: bool, leave_out_reached: bool = False, now: int
) -> Moved:
    """Start a Ready campaign: it takes the channel, and Waiting becomes Queued.

    With `leave_out_reached` those whom another campaign of the channel reached in the 24 hours before `now` become
    Cancelled instead; the move's `left_out` says how many.

    Raises NotFoundError, NotAllowedError, WrongStateError (also for a template or sender that can't be sent as it
    is), ChannelTakenError, and InvalidInputError when the disclaimer was not accepted, or nobody is left who was not
    reached.
    """
    permitted(Action.RUN, campaign_id, actor, now=now)
    sendable = require_recipients(campaign_id, leave_out_reached=leave_out_reached, now=now)
    with transaction():
        campaign = permitted(Action.RUN, campaign_id, actor, now=now)
        require_disclaimer(campaign_id, campaign.name, accepted=disclaimer_accepted)
        _require_sound_template(campaign_id)
        drop_start(campaign_id, by="run", actor=actor, now=now)
        take_channel(Action.RUN, campaign_id, campaign, now=now)
        execute(
            "UPDATE campaigns SET run_at = ?, disclaimer_by = ?, disclaimer_at = ? WHERE id = ?",
            now,
            actor.name,
            now,
            campaign_id,
        )
        criteria: dict[str, object] = {"reached_since": now - LATELY} if leave_out_reached else {}
        move_id = open_move(campaign_id, kind=MoveKind.RUN, actor=actor, now=now, criteria=criteria)
        audit.record(
            actor,
            "run",
            now=now,
            kind="campaign",
            object_id=campaign_id,
            name=campaign.name,
            messages=sendable,
            **({"leave_out_reached": True} if leave_out_reached else {}),
        )
    return Moved(move_id, sendable)


def stop_campaign(campaign_id: int, *, actor: Actor, now: int) -> Moved:
    """Halt hand-overs at once; what is still to be sent becomes Cancelled, or what it was before its retry.

    Raises NotFoundError, NotAllowedError, WrongStateError.
    """
    with transaction():
        campaign = permitted(Action.STOP, campaign_id, actor, now=now)
        messages, sending = campaign.counts.to_be_sent, campaign.counts[MessageStatus.SENDING]
        drop_start(campaign_id, by="stop", actor=actor, now=now)
        beside: dict[str, object] = {"sending": sending}
        move_id = leave(campaign_id, to=Phase.STOPPING, kind=MoveKind.STOP, actor=actor, now=now, criteria=beside)
        audit.record(
            actor,
            "stop",
            now=now,
            kind="campaign",
            object_id=campaign_id,
            name=campaign.name,
            messages=messages,
            sending=sending,
        )
    return Moved(move_id, messages, sending=sending)


def resume_campaign(campaign_id: int, *, actor: Actor, now: int) -> Moved:
    """Go on with a stopped, stopping, held or failed campaign: Cancelled becomes Queued, beside what stayed so.

    With nothing left to send it only ends the Failed state. Raises NotFoundError, NotAllowedError,
    WrongStateError, ChannelTakenError.
    """
    with transaction():
        campaign = permitted(Action.RESUME, campaign_id, actor, now=now)
        end_open_moves(campaign_id, by=MoveKind.RESUME, now=now)
        messages = campaign.counts.left
        audit.record(
            actor,
            "resume",
            now=now,
            kind="campaign",
            object_id=campaign_id,
            name=campaign.name,
            messages=messages,
        )
        if campaign.phase is Phase.FAILED and not _has_left(campaign):
            execute("UPDATE campaigns SET phase = 'ended', updated_at = ? WHERE id = ?", now, campaign_id)
            return Moved(None, 0)
        take_channel(Action.RESUME, campaign_id, campaign, now=now)
        execute("UPDATE campaigns SET guard_window = '' WHERE id = ?", campaign_id)
        beside: dict[str, object] = {"queued": campaign.counts[MessageStatus.QUEUED]}
        move_id = open_move(campaign_id, kind=MoveKind.RESUME, actor=actor, now=now, criteria=beside)
        hint(SENDING[campaign.channel], campaign_id)
    return Moved(move_id, messages)


def delete_campaign(campaign_id: int, *, actor: Actor, typed_name: str, now: int) -> Moved:
    """Remove a campaign; its rows go in the background, audit and opt-outs stay, its name is free at once.

    Raises NotFoundError, NotAllowedError, WrongStateError, and InvalidInputError when `typed_name` is not its name.
    """
    with transaction():
        campaign = permitted(Action.DELETE, campaign_id, actor, now=now)
        if not is_same_name(typed_name, campaign.name):
            raise InvalidInputError(
                f"To delete it, type its name: {campaign.name}", field="typed_name", campaign_id=campaign_id
            )
        drop_start(campaign_id, by="delete", actor=actor, now=now)
        move_id = leave(campaign_id, to=Phase.DELETING, kind=MoveKind.DELETE, actor=actor, now=now)
        total = campaign.counts.total
        audit.record(
            actor,
            "delete",
            now=now,
            kind="campaign",
            object_id=campaign_id,
            name=campaign.name,
            messages=total,
        )
    return Moved(move_id, total)


def require_disclaimer(campaign_id: int, name: str, *, accepted: bool) -> None:
    """Raise InvalidInputError, with its text, when the disclaimer was not accepted."""
    if not accepted:
        raise InvalidInputError(
            f"To run {name}, accept the disclaimer: {' '.join(DISCLAIMER)}", field="disclaimer", campaign_id=campaign_id
        )


def _require_sound_template(campaign_id: int) -> None:
    """What is Ready was checked when it was made; a version before this one may have let it pass."""
    campaign = get_campaign(campaign_id)
    try:
        check_template(campaign, template_of(campaign))
    except InvalidInputError as fault:
        sentence = f"{campaign.name} can't be run: {fault}"
        raise WrongStateError(sentence, campaign_id=campaign_id, next_step=Action.EDIT) from fault


def require_recipients(campaign_id: int, *, leave_out_reached: bool = False, now: int) -> int:
    """To how many a run would send now: who opted out since the import is left out. It reads the opt-out list.

    With `leave_out_reached` it is those whom no other campaign of the channel reached in the 24 hours before `now`.
    Raises WrongStateError when nobody is left, and InvalidInputError when `leave_out_reached` leaves nobody.
    """
    campaign = standing_of(campaign_id)
    sendable = campaign.counts.sendable - len(waiting_who_refuse(campaign_id, campaign.channel))
    if not sendable:
        raise refusal(nobody_to_send_to(campaign.name), campaign_id)
    if not leave_out_reached:
        return sendable
    unreached = sendable - count_reached(campaign_id, campaign.channel, since=now - LATELY)
    if not unreached:
        raise InvalidInputError(
            f"{campaign.name} has nobody to send to without those reached in the last 24 hours. "
            "Run it for them too, or later.",
            field="leave_out",
            campaign_id=campaign_id,
        )
    return unreached


_BEGINS_IN = {
    Action.RUN: (Phase.READY,),
    Action.RESUME: (Phase.ENDED, *CUT_SHORT),
    Action.RETRY: tuple(OVER),
}


def take_channel(action: Action, campaign_id: int, campaign: Standing, *, now: int) -> None:
    """Enter `running` for an action, within the open transaction; the partial unique index has the last word.

    Raises ChannelTakenError naming the other campaign, and WrongStateError when somebody else was first.
    """
    phases = _BEGINS_IN[action]
    try:
        with transaction():
            changed = execute(
                "UPDATE campaigns SET phase = 'running', started_at = ?, updated_at = ?, ended_at = NULL, "
                "failed_code = NULL, failed_text = NULL, account_refusals = 0, unheard_since = NULL, silence = NULL "
                f"WHERE id = ? AND phase IN ({marks(phases)})",
                now,
                now,
                campaign_id,
                *(phase.value for phase in phases),
            )
    except IntegrityError as taken:
        raise _taken(action, campaign_id, campaign, now=now) from taken
    if not changed:
        raise WrongStateError(
            f"{campaign.name} was changed by somebody else just now; look again.", campaign_id=campaign_id
        )


def refusal(answer: Answer, campaign_id: int) -> CampaignError:
    """The error that carries a rule's refusal."""
    if answer.blocker_id is not None:
        return ChannelTakenError(
            answer.reason, campaign_id=campaign_id, blocker_id=answer.blocker_id, next_step=answer.next_step
        )
    return WrongStateError(answer.reason, campaign_id=campaign_id, next_step=answer.next_step)


def permitted(action: Action, campaign_id: int, actor: Actor, *, now: int | None = None) -> Standing:
    """The campaign, its row locked, if this actor may do this to it now; else the refusal is raised."""
    actor.require(right_for(action))
    campaign = seen_standing(campaign_id, actor, now=now)
    if action is Action.RESUME:  # which leaves out whom we were asked to forget
        counts = campaign.counts.without(cancelled_of_forgotten(campaign_id), MessageStatus.CANCELLED)
        campaign = replace(campaign, counts=counts)
    answer = answer_for(action, campaign, actor)
    if not answer.allowed:
        raise refusal(answer, campaign_id)
    return campaign


def _has_left(campaign: Standing) -> bool:
    """Whether a failed campaign still has rows to go on with, at rest or on their way there."""
    to_go = (MessageStatus.CANCELLED, MessageStatus.QUEUED, MessageStatus.WAITING, MessageStatus.SENDING)
    return any(campaign.counts[status] for status in to_go)


def _taken(action: Action, campaign_id: int, campaign: Standing, *, now: int) -> CampaignError:
    blocker = blocker_of(campaign.channel, campaign_id, now=now)
    if blocker is None:
        return WrongStateError(
            f"Another campaign held {CHANNEL_LABELS[campaign.channel]} until just now; try again.",
            campaign_id=campaign_id,
        )
    return refusal(channel_taken(blocker, action), campaign_id)
