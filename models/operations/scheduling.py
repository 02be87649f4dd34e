"""Start later: a run or retry is asked for now, and checked again and done when its moment comes (SPEC 1)."""

from models.actors import COMMAND_LINE, SYSTEM, Actor
from models.database import execute, transaction
from models.errors import CampaignError, InvalidInputError, NotAllowedError, WrongStateError
from models.operations import audit, retrying, running, telling
from models.operations.running import Moved, refusal, require_disclaimer
from models.operations.unscheduling import drop_start, end_start
from models.queries.campaigns import get_campaign, seen_standing, standing_of
from models.queries.people import person_by_id
from models.rules.actions import Standing, answer_for, right_for
from models.rules.criteria import Criteria
from models.rules.time_zones import is_time_zone
from models.rules.timeouts import DAY, HOUR
from models.tables import ScheduledStart
from models.words import ROLE_LABELS, Action, MessageStatus, Role, StartKind, Surface, WorkState

LATEST_AFTER_TIME = HOUR  # ms
LATEST_AFTER_REQUEST = DAY  # of a start without a time
FURTHEST = 366 * DAY


def schedule_start(  # noqa: PLR0913  # what, when and by whom: each is a question of the dialog
    campaign_id: int,
    *,
    kind: StartKind,
    criteria: Criteria | None,
    start_at: int | None,
    when_free: bool,
    time_zone: str,
    actor: Actor,
    disclaimer_accepted: bool = False,
    leave_out_reached: bool = False,
    now: int,
) -> int:
    """Let a campaign be run, or its failures be retried, later; returns the start's id.

    At `start_at` (epoch ms), or without one as soon as its channel is free; while another campaign holds the
    channel it waits, an hour after its time or a day after the request at most. `criteria` says what a retry
    is about; what comes to its status after its cutoff (this moment, if it has none) is not in it. `time_zone` is
    the one in which the person was shown the time. An earlier start of the campaign is replaced.
    `leave_out_reached` is a run's, as for `running.run_campaign`.

    Raises NotFoundError, NotAllowedError, WrongStateError, and InvalidInputError for a moment or zone that
    can't be, or when the disclaimer of a run was not accepted.
    """
    _check_moment(start_at, when_free=when_free, time_zone=time_zone, now=now)
    start = ScheduledStart(
        campaign_id=campaign_id,
        kind=kind.value,
        criteria=(criteria or Criteria()).to_json() if kind is StartKind.RETRY else _run_options(leave_out_reached),
        starts_at=start_at,
        when_free=int(when_free),
        expires_at=now + LATEST_AFTER_REQUEST if start_at is None else start_at + LATEST_AFTER_TIME,
        time_zone=time_zone,
        state=WorkState.QUEUED.value,
        **actor.as_columns(),
        created_at=now,
    )
    _keep(start, actor, disclaimer_accepted=disclaimer_accepted)
    return int(start.id)


def cancel_start(campaign_id: int, *, actor: Actor, now: int) -> bool:
    """Take back what was to start later; False when nothing does. Raises NotFoundError, NotAllowedError."""
    actor.require(right_for(Action.START_LATER))
    with transaction():
        seen_standing(campaign_id, actor)
        return drop_start(campaign_id, by="cancel_start", actor=actor, now=now)


def fire_start(start_id: int, *, now: int) -> Moved | None:
    """Run or retry what was to start later, as the person who asked for it and is told; None when it waits no longer.

    One transaction: either the start is over and its bulk move is open, or nothing happened and it still
    waits. Raises what Run and Retry raise, and NotAllowedError when that person's role no longer reaches.
    """
    with transaction():
        start = _get(start_id)
        if start is None:
            return None
        get_campaign(start.campaign_id, lock=True)  # before the start's own row: in this order Stop locks them
        if not end_start(start_id, WorkState.DONE, now=now):
            return None
        moved = _STARTS[StartKind(start.kind)](start, now)
        telling.tell_of_start(f"planned_{start.kind}", start.campaign_id, actor_of(start), moved.messages, now=now)
        return moved


def refuse_start(start_id: int, refusal: CampaignError, *, now: int) -> None:
    """End a start that did not take place, and tell the campaign's owner, and who asked for it, why."""
    with transaction():
        start = _get(start_id)
        if start is None or not end_start(start_id, WorkState.REFUSED, now=now, result=refusal.in_public):
            return
        audit.record(
            SYSTEM,
            "late_start",
            now=now,
            kind="campaign",
            object_id=start.campaign_id,
            name=get_campaign(start.campaign_id).name,
            start=start.kind,
            asked_by=start.actor_id,
            reason=refusal,
        )


def require_in_time(start: ScheduledStart, *, now: int) -> None:
    """Raise WrongStateError, saying what it waited for, when a start's allowance is over."""
    if now <= start.expires_at:
        return
    passed = (
        "24 hours have passed since the request" if start.starts_at is None else "An hour has passed since its time"
    )
    blocker = standing_of(start.campaign_id, now=now).blocker
    why = f"{blocker.name} still holds the channel" if blocker else "it could not be started before"
    raise WrongStateError(f"{passed}, and {why}. Start it by hand, or later again.", campaign_id=start.campaign_id)


def actor_of(start: ScheduledStart) -> Actor:
    """Who asked for a start, with the role of this moment; raises NotAllowedError when that no longer reaches."""
    surface = Surface(start.surface)
    if start.actor_id is None:
        return COMMAND_LINE if surface is Surface.COMMAND_LINE else SYSTEM
    person = person_by_id(start.actor_id)
    if person is None:
        raise NotAllowedError(
            f"{start.actor_name}, who asked for it, is no longer a person here. Start it by hand.",
            campaign_id=start.campaign_id,
        )
    actor = Actor(person.id, person.name, Role(person.role), surface)
    if not actor.may(right_for(Action.START_LATER)):
        raise NotAllowedError(
            f"{person.name}, who asked for it, is {ROLE_LABELS[actor.role]} by now. Start it by hand.",
            campaign_id=start.campaign_id,
        )
    return actor


def _check_moment(start_at: int | None, *, when_free: bool, time_zone: str, now: int) -> None:
    if start_at is None and not when_free:
        raise InvalidInputError("Say when to start: at a time, when the channel is free, or both.", field="start_at")
    if start_at is not None and start_at <= now:
        raise InvalidInputError("That time is over; choose a later one.", field="start_at")
    if start_at is not None and start_at > now + FURTHEST:
        raise InvalidInputError("That is more than a year ahead; choose an earlier time.", field="start_at")
    if not is_time_zone(time_zone):
        raise InvalidInputError(
            f"There is no time zone {time_zone}; give one such as Europe/Berlin.", field="time_zone"
        )


def _run_options(leave_out_reached: bool) -> dict[str, object]:
    """How a run was asked for, as it is kept."""
    return {"leave_out_reached": True} if leave_out_reached else {}


def _keep(start: ScheduledStart, actor: Actor, *, disclaimer_accepted: bool) -> None:
    kind, now = StartKind(start.kind), start.created_at
    if kind is StartKind.RUN:
        _permitted(kind, start.campaign_id, actor, now=now)
        running.require_recipients(start.campaign_id, now=now)
    with transaction():
        campaign = _permitted(kind, start.campaign_id, actor, now=now)
        if kind is StartKind.RUN:
            require_disclaimer(start.campaign_id, campaign.name, accepted=disclaimer_accepted)
        else:
            start.criteria = retrying.fix_set(start.campaign_id, Criteria.from_json(start.criteria), now=now).to_json()
        drop_start(start.campaign_id, by="schedule_start", actor=actor, now=now)
        start.save()
        audit.record(
            actor,
            "schedule_start",
            now=now,
            kind="campaign",
            object_id=start.campaign_id,
            name=campaign.name,
            start=kind.value,
            starts_at=start.starts_at,
            when_free=bool(start.when_free),
            disclaimer=kind is StartKind.RUN,
        )


def _permitted(kind: StartKind, campaign_id: int, actor: Actor, *, now: int) -> Standing:
    """As for the act itself, but a taken channel is what the start waits for."""
    actor.require(right_for(Action.START_LATER))
    campaign = seen_standing(campaign_id, actor, now=now)
    answer = answer_for(Action(kind), campaign, actor)
    if not answer.allowed and answer.blocker_id is None:
        raise refusal(answer, campaign_id)
    return campaign


def _get(start_id: int) -> ScheduledStart | None:
    found: ScheduledStart | None = ScheduledStart.get_or_none(ScheduledStart.id == start_id)
    return found


def _run(start: ScheduledStart, now: int) -> Moved:
    moved = running.run_campaign(
        start.campaign_id,
        actor=actor_of(start),
        disclaimer_accepted=True,
        leave_out_reached=bool(start.criteria.get("leave_out_reached")),
        now=now,
    )
    execute(  # accepted when it was asked for
        "UPDATE campaigns SET disclaimer_by = ?, disclaimer_at = ? WHERE id = ?",
        start.actor_name,
        start.created_at,
        start.campaign_id,
    )
    return moved


def _retry(start: ScheduledStart, now: int) -> Moved:
    criteria = Criteria.from_json(start.criteria)
    return retrying.retry_messages(
        start.campaign_id,
        actor=actor_of(start),
        criteria=criteria,
        include_unconfirmed=MessageStatus.UNCONFIRMED in criteria.statuses,
        now=now,
    )


_STARTS = {StartKind.RUN: _run, StartKind.RETRY: _retry}
