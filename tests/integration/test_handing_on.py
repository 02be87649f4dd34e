"""Handing a campaign on: who may, to whom, and who is told."""

from collections.abc import Callable

import pytest

from models.actors import COMMAND_LINE, Actor
from models.config import Config
from models.database import execute, transaction
from models.errors import InvalidInputError, NotAllowedError, NotFoundError
from models.operations.handing_on import hand_on
from models.queries.campaigns import get_campaign
from models.words import Phase, Role
from tests.factories import NOW, make_draft, put_into_phase, refused, rows_of

Cast = Callable[[str, Role], Actor]
NOBODY = 999_999


@pytest.fixture
def carol(cast: Cast) -> Actor:
    """Carol, Campaigner."""
    return cast("Carol", Role.CAMPAIGNER)


def owner_of(campaign_id: int) -> int | None:
    return get_campaign(campaign_id).owner_id  # type: ignore[no-any-return]  # peewee's rows have no types


def person(actor: Actor) -> int:
    assert actor.person_id is not None
    return actor.person_id


@pytest.mark.both_engines
class TestWhoMay:
    def test_owner_hands_it_on(self, installation: Config, ben: Actor, carol: Actor) -> None:
        campaign_id = make_draft(actor=ben)
        assert hand_on(campaign_id, to=person(carol), actor=ben, now=NOW) == "Carol"
        assert owner_of(campaign_id) == carol.person_id

    @pytest.mark.parametrize("role", [Role.ADMIN, Role.ORG_ADMIN])
    def test_admins_hand_on_other_peoples(
        self, installation: Config, ben: Actor, carol: Actor, cast: Cast, role: Role
    ) -> None:
        campaign_id = make_draft(actor=ben)
        hand_on(campaign_id, to=person(carol), actor=cast("Dora", role), now=NOW)
        assert owner_of(campaign_id) == carol.person_id

    def test_command_line_does_too_and_an_ownerless_one_gets_an_owner(self, installation: Config, carol: Actor) -> None:
        campaign_id = make_draft()
        assert owner_of(campaign_id) is None
        hand_on(campaign_id, to=person(carol), actor=COMMAND_LINE, now=NOW)
        assert owner_of(campaign_id) == carol.person_id

    def test_campaigners_do_not_take_other_peoples(self, installation: Config, ben: Actor, carol: Actor) -> None:
        campaign_id = make_draft(name="Bens own", actor=ben)
        put_into_phase(campaign_id, Phase.READY)  # of a draft Carol would not even know
        with refused(NotAllowedError) as caught:
            hand_on(campaign_id, to=person(carol), actor=carol, now=NOW)
        assert str(caught.value) == "Only its owner or an Admin can hand on Bens own. Ask one of them."

    def test_who_has_become_a_viewer_does_not_even_ones_own(
        self, installation: Config, ben: Actor, vera: Actor, carol: Actor
    ) -> None:
        campaign_id = make_draft(actor=ben)
        with transaction():
            execute("UPDATE campaigns SET owner_id = ? WHERE id = ?", vera.person_id, campaign_id)
        with refused(NotAllowedError):
            hand_on(campaign_id, to=person(carol), actor=vera, now=NOW)

    def test_after_it_the_old_owner_may_no_more(self, installation: Config, ben: Actor, carol: Actor) -> None:
        campaign_id = make_draft(actor=ben)
        put_into_phase(campaign_id, Phase.READY)
        hand_on(campaign_id, to=person(carol), actor=ben, now=NOW)
        with refused(NotAllowedError):
            hand_on(campaign_id, to=person(ben), actor=ben, now=NOW)


@pytest.mark.both_engines
class TestToWhom:
    @pytest.mark.parametrize("role", [Role.CAMPAIGNER, Role.ADMIN, Role.ORG_ADMIN])
    def test_anybody_who_may_run_campaigns(self, installation: Config, ben: Actor, cast: Cast, role: Role) -> None:
        campaign_id, dora = make_draft(actor=ben), cast("Dora", role)
        hand_on(campaign_id, to=person(dora), actor=ben, now=NOW)
        assert owner_of(campaign_id) == dora.person_id

    def test_not_to_a_viewer_nobody_or_oneself(self, installation: Config, ben: Actor, vera: Actor) -> None:
        campaign_id = make_draft(actor=ben)
        for to, why in ((person(vera), "Vera may not run"), (NOBODY, "Choose who"), (person(ben), "Ben owns")):
            with refused(InvalidInputError) as caught:
                hand_on(campaign_id, to=to, actor=ben, now=NOW)
            assert why in str(caught.value)

    def test_not_to_somebody_removed(self, installation: Config, ben: Actor, carol: Actor) -> None:
        campaign_id = make_draft(actor=ben)
        with transaction():
            execute("UPDATE people SET removed_at = ? WHERE id = ?", NOW, carol.person_id)
        with refused(InvalidInputError):
            hand_on(campaign_id, to=person(carol), actor=ben, now=NOW)


class TestWhen:
    @pytest.mark.parametrize("phase", set(Phase) - {Phase.DELETING})
    def test_at_any_time(self, installation: Config, ben: Actor, carol: Actor, phase: Phase) -> None:
        campaign_id = make_draft(actor=ben)
        put_into_phase(campaign_id, phase)
        hand_on(campaign_id, to=person(carol), actor=ben, now=NOW)

    def test_not_what_is_being_deleted_or_never_was(self, installation: Config, ben: Actor, carol: Actor) -> None:
        campaign_id = make_draft(actor=ben)
        put_into_phase(campaign_id, Phase.DELETING)
        with refused(NotAllowedError):
            hand_on(campaign_id, to=person(carol), actor=ben, now=NOW)
        with refused(NotFoundError):
            hand_on(999, to=person(carol), actor=ben, now=NOW)


class TestTelling:
    def test_new_owner_gets_a_direct_message_and_the_audit_a_row(
        self, installation: Config, ben: Actor, carol: Actor
    ) -> None:
        campaign_id = make_draft(actor=ben)
        hand_on(campaign_id, to=person(carol), actor=ben, now=NOW)
        (letter,) = rows_of("slack_outbox", "WHERE kind = 'dm'")
        assert letter["address"] == str(carol.person_id)
        (row,) = rows_of("audit", "WHERE act = 'hand_on'")
        assert (row["object_id"], row["actor_name"]) == (campaign_id, "Ben")
        assert "@" not in row["numbers"]

    def test_who_takes_it_over_needs_no_message(self, installation: Config, ben: Actor, alice: Actor) -> None:
        hand_on(make_draft(actor=ben), to=person(alice), actor=alice, now=NOW)
        assert rows_of("slack_outbox", "WHERE kind = 'dm'") == []
