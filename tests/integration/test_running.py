"""Run on real rows, and every act that is refused: right error, nothing changed."""

from collections.abc import Callable

import pytest

from models.actors import COMMAND_LINE, Actor
from models.database import execute, transaction
from models.errors import ChannelTakenError, InvalidInputError, NotAllowedError, NotFoundError, WrongStateError
from models.hints import Work
from models.operations import retrying, running
from models.operations.moving import Mover
from models.queries.campaigns import get_campaign
from models.rules.criteria import Criteria
from models.rules.verdicts import Word
from models.words import Action, Channel, Phase
from tests.factories import (
    NOW,
    delete,
    make_campaign,
    make_ended,
    move_all,
    moves_of,
    put_into_phase,
    refused,
    resume,
    retry,
    rows_of,
    run,
    statuses,
    stop,
)

pytestmark = [pytest.mark.usefixtures("installation")]
both_engines = pytest.mark.both_engines


class TestRun:
    @both_engines
    def test_text_that_was_made_ready_before_a_check_was_there_is_refused_by_run(self) -> None:
        campaign_id = make_campaign(name="Spring")
        with transaction():
            execute("UPDATE campaigns SET body = 'Hi {{first.name}}' WHERE id = ?", campaign_id)
        with pytest.raises(WrongStateError) as refusal:
            run(campaign_id)
        assert str(refusal.value) == (
            "Spring can't be run: The message uses {{first.name}}, but no column provides it. Fields: none."
        )
        assert refusal.value.next_step is Action.EDIT
        assert get_campaign(campaign_id).phase == Phase.READY

    @both_engines
    @pytest.mark.parametrize("channel", Channel)
    def test_run_queues_in_slices_until_all_are_queued(self, channel: Channel, ben: Actor) -> None:
        campaign_id = make_campaign(channel, 1300)
        moved = running.run_campaign(campaign_id, actor=ben, disclaimer_accepted=True, now=NOW + 5)
        assert (moved.messages, statuses(campaign_id)) == (1300, {"waiting": 1300})
        mover = Mover()
        assert mover.advance(campaign_id, now=NOW + 6)
        between = statuses(campaign_id)
        assert between["waiting"] + between["queued"] == 1300
        assert between["queued"] > 0
        move_all(campaign_id, now=NOW + 7)
        assert statuses(campaign_id) == {"queued": 1300}
        move = moves_of(campaign_id)[-1]
        assert (move.state, move.total, move.done, move.actor_name) == ("done", 1300, 1300, "Ben")

    @both_engines
    def test_who_accepted_the_disclaimer_is_kept(self, ben: Actor) -> None:
        campaign_id = make_campaign()
        running.run_campaign(campaign_id, actor=ben, disclaimer_accepted=True, now=NOW + 5)
        campaign = get_campaign(campaign_id)
        assert (campaign.phase, campaign.disclaimer_by, campaign.disclaimer_at) == ("running", "Ben", NOW + 5)
        (row,) = rows_of("audit", "WHERE act = 'run'")
        assert (row["actor_id"], row["numbers"]) == (ben.person_id, '{"messages":3}')

    def test_run_hints_at_its_move_and_then_at_sending(self, hinted: list[tuple[Work, int]]) -> None:
        campaign_id = make_campaign(Channel.EMAIL)
        run(campaign_id)
        assert hinted[0] == (Work.MOVES, campaign_id)
        assert (Work.SEND_EMAIL, campaign_id) in hinted

    def test_refused_act_hints_at_nothing(self, hinted: list[tuple[Work, int]]) -> None:
        campaign_id = make_campaign()
        with refused(InvalidInputError):
            running.run_campaign(campaign_id, actor=COMMAND_LINE, disclaimer_accepted=False, now=NOW)
        assert hinted == []

    @both_engines
    def test_run_without_the_disclaimer_is_refused(self) -> None:
        campaign_id = make_campaign(name="Spring SMS")
        with refused(InvalidInputError) as caught:
            running.run_campaign(campaign_id, actor=COMMAND_LINE, disclaimer_accepted=False, now=NOW)
        assert "accept the disclaimer" in str(caught.value)

    @both_engines
    def test_taken_channel_refuses_with_the_blockers_name(self) -> None:
        blocker, campaign_id = make_campaign(name="Winter SMS"), make_campaign(name="Spring SMS")
        run(blocker)
        with refused(ChannelTakenError) as caught:
            running.run_campaign(campaign_id, actor=COMMAND_LINE, disclaimer_accepted=True, now=NOW)
        assert "Winter SMS" in str(caught.value)
        assert caught.value.blocker_id == blocker  # type: ignore[attr-defined]  # of ChannelTakenError

    @both_engines
    def test_index_has_the_last_word_on_a_taken_channel(self) -> None:
        """Two runs that both saw a free channel: what the rule let through, the database refuses."""
        blocker, campaign_id = make_campaign(name="Winter SMS"), make_campaign()
        seen = running.permitted(Action.RUN, campaign_id, COMMAND_LINE)
        run(blocker)
        with refused(ChannelTakenError) as caught:
            running.take_channel(Action.RUN, campaign_id, seen, now=NOW)
        assert "Winter SMS" in str(caught.value)

    @both_engines
    def test_one_campaign_of_each_channel_runs_at_once(self) -> None:
        for channel in Channel:
            run(make_campaign(channel))

    @both_engines
    def test_run_of_a_running_campaign_is_refused(self) -> None:
        campaign_id = make_campaign()
        run(campaign_id)
        with refused(WrongStateError):
            running.run_campaign(campaign_id, actor=COMMAND_LINE, disclaimer_accepted=True, now=NOW)

    def test_run_with_nobody_to_send_to_is_refused(self) -> None:
        campaign_id = make_campaign()
        with transaction():
            execute("UPDATE messages SET status = 'opted_out'")
            execute("UPDATE message_counts SET status = 'opted_out'")
        with refused(WrongStateError):
            running.run_campaign(campaign_id, actor=COMMAND_LINE, disclaimer_accepted=True, now=NOW)


@both_engines
def test_viewer_is_refused_every_act(vera: Actor) -> None:
    ready, ended = make_campaign(), make_ended(Channel.EMAIL, word=Word.FAILED)
    acts: list[Callable[[], object]] = [
        lambda: running.run_campaign(ready, actor=vera, disclaimer_accepted=True, now=NOW),
        lambda: running.stop_campaign(ready, actor=vera, now=NOW),
        lambda: running.resume_campaign(ended, actor=vera, now=NOW),
        lambda: running.delete_campaign(ended, actor=vera, typed_name=get_campaign(ended).name, now=NOW),
        lambda: retrying.retry_messages(ended, actor=vera, criteria=Criteria(), now=NOW),
    ]
    for act in acts:
        with refused(NotAllowedError):
            act()


def test_unknown_campaign_is_not_found_by_any_act() -> None:
    acts: list[Callable[[], object]] = [
        lambda: running.run_campaign(99, actor=COMMAND_LINE, disclaimer_accepted=True, now=NOW),
        lambda: running.stop_campaign(99, actor=COMMAND_LINE, now=NOW),
        lambda: running.resume_campaign(99, actor=COMMAND_LINE, now=NOW),
        lambda: running.delete_campaign(99, actor=COMMAND_LINE, typed_name="x", now=NOW),
        lambda: retrying.retry_messages(99, actor=COMMAND_LINE, criteria=Criteria(), now=NOW),
    ]
    for act in acts:
        with refused(NotFoundError):
            act()


WRONG_PHASES = {
    "run": {"draft", "running", "held", "stopping", "ended", "failed", "deleting"},
    "stop": {"draft", "ready", "stopping", "ended", "failed", "deleting"},
    "resume": {"draft", "ready", "running", "deleting"},
    "retry": {"draft", "ready", "held", "stopping", "deleting"},
    "delete": {"running", "held", "stopping", "deleting"},
}


@both_engines
@pytest.mark.parametrize("act", WRONG_PHASES)
def test_act_in_a_wrong_phase_changes_nothing(act: str) -> None:
    campaign_id = make_ended(word=Word.FAILED)
    acts: dict[str, Callable[[], object]] = {
        "run": lambda: running.run_campaign(campaign_id, actor=COMMAND_LINE, disclaimer_accepted=True, now=NOW),
        "stop": lambda: stop(campaign_id),
        "resume": lambda: resume(campaign_id),
        "retry": lambda: retry(campaign_id),
        "delete": lambda: delete(campaign_id),
    }
    for phase in sorted(WRONG_PHASES[act]):
        put_into_phase(campaign_id, Phase(phase))
        with refused(WrongStateError):
            acts[act]()
