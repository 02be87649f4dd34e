"""Which act is allowed when, and to whom: the table of SPEC 1, cell by cell."""

from dataclasses import replace

import pytest

from models.actors import Actor, Right
from models.rules.actions import Blocker, Standing, answer_for, available_actions
from models.rules.counts import Counts
from models.words import Action, Channel, MessageStatus, Phase, Role, Surface

D, R, U, H, S, E, F = (
    Phase.DRAFT,
    Phase.READY,
    Phase.RUNNING,
    Phase.HELD,
    Phase.STOPPING,
    Phase.ENDED,
    Phase.FAILED,
)
ANY = {D, R, U, H, S, E, F}
# For a campaign that has something Cancelled, Failed and Waiting, and nothing at the provider.
ALLOWED = {
    Action.EDIT: {D, R},
    Action.DUPLICATE: ANY,
    Action.SEND_TEST: ANY,
    Action.RUN: {R},
    Action.START_LATER: {R, U, E, F},
    Action.HAND_ON: ANY,
    Action.STOP: {U, H},
    Action.RESUME: {H, S, E, F},
    Action.RETRY: {U, E, F},
    Action.DELETE: {D, R, E, F},
    Action.VIEW_SUMMARY: ANY,
    Action.EXPORT: ANY,
}
NEEDS_CHANNEL = {Action.RUN, Action.RESUME, Action.RETRY}
VIEWERS = {Action.VIEW_SUMMARY}
ACTORS = {role: Actor(1, role.value, role, Surface.PANEL) for role in Role}
BEN = ACTORS[Role.CAMPAIGNER]
COUNTS = Counts({MessageStatus.WAITING: 2, MessageStatus.CANCELLED: 3, MessageStatus.FAILED: 4})
BLOCKER = Blocker(7, "Winter SMS", Phase.RUNNING, 0, 73, minutes_since=12, minutes_left=6)


def standing(phase: Phase, counts: Counts = COUNTS, **changes: object) -> Standing:
    campaign = Standing("Spring SMS", Channel.SMS, phase, counts, owner_id=1)
    return replace(campaign, **changes)  # type: ignore[arg-type]  # fields by name


def counts(**by_status: int) -> Counts:
    return Counts(by_status)


def test_table_covers_every_action_and_phase() -> None:
    assert set(ALLOWED) == set(Action)
    assert {*ANY, Phase.DELETING} == set(Phase)


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("phase", Phase)
def test_each_action_is_allowed_as_the_table_says(phase: Phase, role: Role) -> None:
    answers = available_actions(standing(phase), ACTORS[role])
    expected = {
        action: phase in ALLOWED[action] and (role is not Role.VIEWER or action in VIEWERS) for action in Action
    }
    assert {action: answer.allowed for action, answer in answers.items()} == expected


@pytest.mark.parametrize(("role", "may"), [(Role.CAMPAIGNER, False), (Role.ADMIN, True), (Role.ORG_ADMIN, True)])
@pytest.mark.parametrize("owner_id", [2, None])
def test_campaign_of_somebody_else_is_handed_on_by_admins_only(role: Role, may: bool, owner_id: int | None) -> None:
    answer = answer_for(Action.HAND_ON, standing(R, owner_id=owner_id), ACTORS[role])
    assert answer.allowed is may
    assert may or answer.reason == "Only its owner or an Admin can hand on Spring SMS. Ask one of them."


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("phase", Phase)
def test_every_refusal_has_a_whole_sentence(phase: Phase, role: Role) -> None:
    for answer in available_actions(standing(phase), ACTORS[role]).values():
        assert answer.allowed or (answer.reason[0].isupper() and answer.reason.endswith("."))
        assert answer.allowed == (answer.reason == "")


@pytest.mark.parametrize("amount", [COUNTS, Counts({MessageStatus.DELIVERED: 9})])
@pytest.mark.parametrize("blocker", [None, BLOCKER])
@pytest.mark.parametrize("phase", Phase)
def test_next_step_that_is_offered_may_be_done(phase: Phase, blocker: Blocker | None, amount: Counts) -> None:
    answers = available_actions(standing(phase, amount, blocker=blocker), BEN)
    for action, answer in answers.items():
        if answer.next_step:
            step = answers[answer.next_step]
            assert step.allowed or step.blocker_id == 7, f"{action} in {phase} offers {answer.next_step}: {step}"


@pytest.mark.parametrize("phase", Phase)
@pytest.mark.parametrize("action", NEEDS_CHANNEL)
def test_taken_channel_is_refused_unless_it_is_its_own(action: Action, phase: Phase) -> None:
    answer = answer_for(action, standing(phase, blocker=BLOCKER), BEN)
    assert answer.allowed == (phase in ALLOWED[action] & {U, H, S})


@pytest.mark.parametrize(("action", "phase"), [(Action.RUN, R), (Action.RESUME, E), (Action.RETRY, F)])
def test_taken_channel_is_named_with_the_next_step(action: Action, phase: Phase) -> None:
    answer = answer_for(action, standing(phase, blocker=BLOCKER), BEN)
    assert answer.blocker_id == 7
    assert answer.reason.startswith(
        "Winter SMS is In Progress, begun 12 minutes ago, 73 % sent, about 6 minutes left. "
    )
    waits = action is not Action.RESUME  # only a run and a retry can start later
    assert answer.next_step == (Action.START_LATER if waits else None)
    assert answer.reason.endswith("Start when the channel is free?" if waits else "Wait until it ends, or stop it.")


HOLDERS = [
    (BLOCKER, "Winter SMS is In Progress, begun 12 minutes ago, 73 % sent, about 6 minutes left."),
    (replace(BLOCKER, minutes_since=None, minutes_left=None), "Winter SMS is In Progress, 73 % sent."),
    (replace(BLOCKER, minutes_since=0, minutes_left=1), "Winter SMS is In Progress, 73 % sent, about 1 minute left."),
    (
        replace(BLOCKER, phase=Phase.HELD, minutes_since=150, minutes_left=None),
        "Winter SMS is Held until somebody resumes or stops it, begun 2 hours ago, 73 % sent.",
    ),
    (
        replace(BLOCKER, phase=Phase.HELD, minutes_since=5000, minutes_left=None),
        "Winter SMS is Held until somebody resumes or stops it, begun 3 days ago, 73 % sent.",
    ),
    (
        replace(BLOCKER, phase=Phase.STOPPING, minutes_left=None, unanswered=40),
        "Winter SMS is In Progress, stopping, begun 12 minutes ago, 73 % sent, 40 still with the provider.",
    ),
    (
        replace(BLOCKER, percent_sent=100, minutes_since=None, minutes_left=None, unanswered=1_200),
        "Winter SMS is In Progress, 100 % sent, 1,200 still with the provider.",
    ),
]


@pytest.mark.parametrize(("blocker", "told"), HOLDERS)
def test_campaign_in_the_way_is_told_with_what_is_known_of_it(blocker: Blocker, told: str) -> None:
    assert answer_for(Action.RUN, standing(R, blocker=blocker), BEN).reason == f"{told} Start when the channel is free?"


@pytest.mark.parametrize("phase", sorted(ALLOWED[Action.START_LATER]))
def test_start_later_waits_for_a_taken_channel(phase: Phase) -> None:
    assert answer_for(Action.START_LATER, standing(phase, blocker=BLOCKER), BEN).allowed


@pytest.mark.parametrize("action", [*NEEDS_CHANNEL, Action.START_LATER])
def test_channel_that_is_not_configured_names_the_variable(action: Action) -> None:
    phase = R if action in (Action.RUN, Action.START_LATER) else F
    answer = answer_for(action, standing(phase, not_configured="SMS is not configured: set SMS_PROVIDER."), BEN)
    assert not answer.allowed
    assert "SMS_PROVIDER" in answer.reason


def test_run_without_anybody_to_send_to_is_refused() -> None:
    assert not answer_for(Action.RUN, standing(R, counts(opted_out=3)), BEN).allowed


def test_resume_needs_something_cancelled_once_it_ended() -> None:
    assert not answer_for(Action.RESUME, standing(E, counts(failed=3)), BEN).allowed


@pytest.mark.parametrize("phase", [H, S, F])
def test_resume_elsewhere_needs_nothing_cancelled(phase: Phase) -> None:
    assert answer_for(Action.RESUME, standing(phase, counts(failed=3)), BEN).allowed


@pytest.mark.parametrize("status", [MessageStatus.FAILED, MessageStatus.UNCONFIRMED])
def test_retry_needs_failed_or_unconfirmed_messages(status: MessageStatus) -> None:
    assert answer_for(Action.RETRY, standing(E, counts(**{status: 1})), BEN).allowed
    assert not answer_for(Action.RETRY, standing(E, counts(delivered=1, cancelled=1, opted_out=1)), BEN).allowed


@pytest.mark.parametrize("phase", [H, S])
def test_retry_of_held_or_stopping_says_resume_first(phase: Phase) -> None:
    answer = answer_for(Action.RETRY, standing(phase), BEN)
    assert answer.reason.endswith("Resume it first.")
    assert answer.next_step is Action.RESUME


def test_retry_waits_until_a_refused_account_has_brought_its_queue_to_rest() -> None:
    """Or part of that queue would be sent with it and the rest cancelled."""
    answer = answer_for(Action.RETRY, standing(F, counts(failed=3, queued=2)), BEN)
    assert answer.reason == "Spring SMS is still being brought to rest: 2 left. Try again in a moment."
    assert answer_for(Action.RETRY, standing(U, counts(failed=3, queued=2)), BEN).allowed


@pytest.mark.parametrize(("phase", "step"), [(U, Action.STOP), (H, Action.STOP), (S, None)])
def test_delete_of_a_running_campaign_says_stop_first(phase: Phase, step: Action | None) -> None:
    answer = answer_for(Action.DELETE, standing(phase), BEN)
    assert answer.next_step is step
    assert answer.reason.endswith("Stop it first." if step else "Delete it when it has ended.")


@pytest.mark.parametrize("status", [MessageStatus.SENDING, MessageStatus.RETRYING])
@pytest.mark.parametrize("phase", [E, F])
def test_delete_waits_for_what_the_provider_has(phase: Phase, status: MessageStatus) -> None:
    answer = answer_for(Action.DELETE, standing(phase, counts(**{status: 12})), BEN)
    assert not answer.allowed
    assert "12 messages at the provider, settled within 5 hours at most. Delete it then." in answer.reason


@pytest.mark.parametrize(
    ("status", "within"), [(MessageStatus.SENDING, "3 hours"), (MessageStatus.RETRYING, "73 hours")]
)
def test_delete_says_until_when_the_provider_has_emails(status: MessageStatus, within: str) -> None:
    answer = answer_for(Action.DELETE, standing(E, counts(**{status: 1}), channel=Channel.EMAIL), BEN)
    assert f"1 message at the provider, settled within {within} at most." in answer.reason


@pytest.mark.parametrize(
    ("phase", "amount", "step"),
    [
        (U, counts(delivered=9), None),
        (E, counts(delivered=9), Action.DUPLICATE),
        (E, counts(delivered=9, cancelled=1), Action.RESUME),
        (F, counts(cancelled=9), Action.RESUME),
    ],
)
def test_retry_of_nothing_offers_what_sends_something(phase: Phase, amount: Counts, step: Action | None) -> None:
    assert answer_for(Action.RETRY, standing(phase, amount), BEN).next_step is step


def test_stopping_campaign_says_how_many_keep_it_from_its_end() -> None:
    for action in (Action.STOP, Action.RUN, Action.RETRY, Action.DELETE):
        answer = answer_for(action, standing(S, counts(sending=40)), BEN)
        assert "Spring SMS is In Progress, stopping: 40 still with the provider" in answer.reason


def test_edit_of_a_failed_email_is_allowed() -> None:
    assert answer_for(Action.EDIT, standing(F, channel=Channel.EMAIL), BEN).allowed


def test_role_is_named_before_the_state() -> None:
    answer = answer_for(Action.STOP, standing(E), ACTORS[Role.VIEWER])
    assert answer.reason == "Your role does not let you create, run and change campaigns. Ask an Org Admin."


def test_deleting_campaign_refuses_everything_by_name() -> None:
    reasons = {answer.reason for answer in available_actions(standing(Phase.DELETING), ACTORS[Role.ORG_ADMIN]).values()}
    assert reasons == {"Spring SMS is being deleted."}


# SPEC 9's table: who has the right, weakest first.
RIGHTS = {
    Right.SEE_CAMPAIGNS: "viewer campaigner admin org_admin",
    Right.SEE_RECIPIENTS: "campaigner admin org_admin",
    Right.CHANGE_CAMPAIGNS: "campaigner admin org_admin",
    Right.EXPORT: "campaigner admin org_admin",
    Right.ADD_OPT_OUTS: "campaigner admin org_admin",
    Right.REMOVE_OPT_OUTS: "admin org_admin",
    Right.SEE_OPERATIONS: "admin org_admin",
    Right.HAND_ON: "admin org_admin",
    Right.MANAGE_STAFF: "admin org_admin",
    Right.MANAGE_EVERYBODY: "org_admin",
    Right.CHANGE_SETTINGS: "org_admin",
    Right.FORGET_PEOPLE: "org_admin",
}


@pytest.mark.parametrize("right", Right)
def test_each_right_belongs_to_the_roles_of_the_table(right: Right) -> None:
    assert [role.value for role in Role if ACTORS[role].may(right)] == RIGHTS[right].split()
