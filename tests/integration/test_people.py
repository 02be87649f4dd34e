"""People: who may change whom, the last Org Admin, what is handed on, what one does about oneself."""

import threading
from collections.abc import Callable

import pytest

from models import database
from models.actors import COMMAND_LINE, Actor
from models.errors import CampaignError, InvalidInputError, NotAllowedError, NotFoundError, WrongStateError
from models.operations import own_account, people, signing_in
from models.operations.administering import change_role, link_slack, remove_person
from models.queries.people import everybody_here, person_by_id, person_by_slack_id
from models.tables import Campaign, Person
from models.words import Role
from tests.factories import NOW, SECOND, make_draft, refused, rows_of

both_engines = pytest.mark.both_engines
Cast = Callable[[str, Role], Actor]
PASSWORD, BETTER = "correct horse battery", "an even longer staple"


def role_of(person: Actor) -> str:
    return str(Person.get_by_id(person.person_id).role)


def at_once(*acts: Callable[[], object]) -> list[CampaignError | None]:
    """Do them all in the same moment; returns the refusal of each."""
    gate, came = threading.Barrier(len(acts)), [None] * len(acts)

    def do(number: int, act: Callable[[], object]) -> None:
        gate.wait()
        try:
            act()
        except CampaignError as refusal:
            came[number] = refusal  # type: ignore[call-overload]  # one of each
        finally:
            database.close()

    threads = [threading.Thread(target=do, args=numbered) for numbered in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return came  # type: ignore[return-value]  # the same


def test_the_audit_names_whom_an_act_was_about(alice: Actor) -> None:
    people.create_person(email="dora@example.com", role=Role.VIEWER, actor=alice, now=NOW)
    people.make_sign_in_link("dora@example.com", actor=alice, now=NOW)
    people.link_slack_user("dora@example.com", "U0DORA", now=NOW)
    acts = {row["act"]: row["object_name"] for row in rows_of("audit")}
    assert {acts[act] for act in ("create_person", "sign_in_link", "link_slack")} == {"Dora"}


class TestRoles:
    @both_engines
    def test_org_admin_gives_any_role(self, alice: Actor, ben: Actor) -> None:
        for role in Role:
            change_role(ben.person_id or 0, role, actor=alice, now=NOW)
            assert role_of(ben) == role
        assert [row["object_name"] for row in rows_of("audit", "WHERE act = 'change_role'")] == ["Ben"] * 4

    @both_engines
    @pytest.mark.parametrize("wanted", [Role.ADMIN, Role.ORG_ADMIN])
    def test_admin_makes_nobody_an_admin(self, cast: Cast, ben: Actor, wanted: Role) -> None:
        carol = cast("Carol", Role.ADMIN)
        with refused(NotAllowedError):
            change_role(ben.person_id or 0, wanted, actor=carol, now=NOW)
        change_role(ben.person_id or 0, Role.VIEWER, actor=carol, now=NOW)
        assert role_of(ben) == Role.VIEWER

    @both_engines
    @pytest.mark.parametrize("role", [Role.ADMIN, Role.ORG_ADMIN])
    def test_admin_touches_no_admin(self, cast: Cast, role: Role) -> None:
        carol, dave = cast("Carol", Role.ADMIN), cast("Dave", role)
        cast("Erin", Role.ORG_ADMIN)
        for act in (
            lambda: change_role(dave.person_id or 0, Role.VIEWER, actor=carol, now=NOW),
            lambda: link_slack(dave.person_id or 0, "U0DAVE", actor=carol, now=NOW),
            lambda: remove_person(dave.person_id or 0, actor=carol, now=NOW),
        ):
            with refused(NotAllowedError):
                act()

    def test_campaigner_manages_nobody(self, ben: Actor, vera: Actor) -> None:
        with refused(NotAllowedError):
            change_role(vera.person_id or 0, Role.CAMPAIGNER, actor=ben, now=NOW)

    def test_same_role_again_is_no_act(self, alice: Actor, ben: Actor) -> None:
        change_role(ben.person_id or 0, Role.CAMPAIGNER, actor=alice, now=NOW)
        assert rows_of("audit", "WHERE act = 'change_role'") == []


class TestLastOrgAdmin:
    @both_engines
    def test_can_be_neither_demoted_nor_removed(self, alice: Actor) -> None:
        for act in (
            lambda: change_role(alice.person_id or 0, Role.ADMIN, actor=COMMAND_LINE, now=NOW),
            lambda: remove_person(alice.person_id or 0, actor=COMMAND_LINE, now=NOW),
        ):
            with refused(WrongStateError) as caught:
                act()
            assert "Alice is the last Org Admin" in str(caught.value)

    @both_engines
    @pytest.mark.parametrize("acts", ["remove", "demote", "both"])
    def test_two_who_do_it_to_each_other_leave_one(self, alice: Actor, cast: Cast, acts: str) -> None:
        adam = cast("Adam", Role.ORG_ADMIN)

        def remove(victim: Actor, by: Actor) -> None:
            remove_person(victim.person_id or 0, actor=by, now=NOW)

        def demote(victim: Actor, by: Actor) -> None:
            change_role(victim.person_id or 0, Role.VIEWER, actor=by, now=NOW)

        first, second = {"remove": (remove, remove), "demote": (demote, demote), "both": (remove, demote)}[acts]
        came = at_once(lambda: first(alice, adam), lambda: second(adam, alice))
        assert [type(refusal) for refusal in came if refusal] == [WrongStateError]
        assert [person.role for person in everybody_here()].count("org_admin") == 1


class TestRemoving:
    @both_engines
    def test_campaigns_go_to_the_first_org_admin_and_sessions_end(self, alice: Actor, cast: Cast, ben: Actor) -> None:
        cast("Adam", Role.ORG_ADMIN)
        campaign_id = make_draft(actor=ben)
        assert signing_in.person_in_session(ben.person_id or 0, "s", begun_at=NOW) is not None
        token = people.make_own_sign_in_link(ben, now=NOW)
        assert remove_person(ben.person_id or 0, actor=alice, now=NOW + SECOND) == 1
        assert Campaign.get_by_id(campaign_id).owner_id == alice.person_id
        assert signing_in.person_in_session(ben.person_id or 0, "s", begun_at=NOW + 2 * SECOND) is None
        with pytest.raises(NotAllowedError):
            people.use_sign_in_link(token, now=NOW + SECOND)
        assert person_by_id(ben.person_id or 0) is None

    @both_engines
    def test_first_org_admin_hands_on_to_the_next(self, alice: Actor, cast: Cast) -> None:
        adam = cast("Adam", Role.ORG_ADMIN)
        campaign_id = make_draft(actor=alice)
        remove_person(alice.person_id or 0, actor=alice, now=NOW)
        assert Campaign.get_by_id(campaign_id).owner_id == adam.person_id

    @both_engines
    def test_address_and_slack_user_are_free_again(self, alice: Actor, ben: Actor) -> None:
        link_slack(ben.person_id or 0, "U0BEN", actor=alice, now=NOW)
        remove_person(ben.person_id or 0, actor=alice, now=NOW)
        again = people.create_person(email="ben@example.com", role=Role.VIEWER, slack_id="U0BEN", actor=alice, now=NOW)
        assert again != ben.person_id
        with pytest.raises(NotFoundError):
            remove_person(ben.person_id or 0, actor=alice, now=NOW)


class TestSlack:
    @both_engines
    def test_org_admins_link_themselves_and_nobody_else_does(self, alice: Actor, cast: Cast) -> None:
        adam = cast("Adam", Role.ORG_ADMIN)
        with refused(NotAllowedError):
            link_slack(alice.person_id or 0, "U0ALICE", actor=adam, now=NOW)
        link_slack(alice.person_id or 0, " u0alice ", actor=alice, now=NOW)
        found = person_by_slack_id("U0ALICE")
        assert found is not None
        assert found.id == alice.person_id
        link_slack(alice.person_id or 0, "", actor=alice, now=NOW)
        assert person_by_slack_id("U0ALICE") is None

    @both_engines
    def test_slack_user_is_one_person(self, alice: Actor, ben: Actor, vera: Actor) -> None:
        link_slack(ben.person_id or 0, "U0BEN", actor=alice, now=NOW)
        with refused(InvalidInputError):
            link_slack(vera.person_id or 0, "U0BEN", actor=alice, now=NOW)

    @pytest.mark.parametrize("wrong", ["ben", "C0GENERAL", "U0'; --", "U"])
    def test_what_is_no_member_id_is_refused(self, alice: Actor, ben: Actor, wrong: str) -> None:
        with refused(InvalidInputError):
            link_slack(ben.person_id or 0, wrong, actor=alice, now=NOW)


class TestOneself:
    @both_engines
    def test_first_password_needs_no_old_one_and_ends_sessions(self, ben: Actor) -> None:
        own_account.change_password(ben, old="", new=PASSWORD, address="", now=NOW + SECOND)
        assert signing_in.person_in_session(ben.person_id or 0, "s", begun_at=NOW) is None
        assert signing_in.person_in_session(ben.person_id or 0, "s", begun_at=NOW + SECOND) is not None
        assert signing_in.check_password("ben@example.com", PASSWORD, address="", now=NOW).id == ben.person_id

    @both_engines
    def test_next_password_needs_the_old_one(self, ben: Actor) -> None:
        own_account.change_password(ben, old="", new=PASSWORD, address="", now=NOW)
        with pytest.raises(InvalidInputError):
            own_account.change_password(ben, old="wrong", new=BETTER, address="", now=NOW)
        own_account.change_password(ben, old=PASSWORD, new=BETTER, address="", now=NOW)
        assert signing_in.check_password("ben@example.com", BETTER, address="", now=NOW).id == ben.person_id

    def test_guessing_the_old_one_is_slowed_down_as_at_a_sign_in(self, ben: Actor) -> None:
        own_account.change_password(ben, old="", new=PASSWORD, address="", now=NOW)
        for _ in range(6):
            with pytest.raises(InvalidInputError):
                own_account.change_password(ben, old="guess", new=BETTER, address="a", now=NOW)
        with pytest.raises(NotAllowedError):
            own_account.change_password(ben, old=PASSWORD, new=BETTER, address="a", now=NOW)

    def test_short_password_is_refused(self, ben: Actor) -> None:
        with refused(InvalidInputError):
            own_account.change_password(ben, old="", new="short", address="", now=NOW)

    @both_engines
    def test_name_and_zone_are_ones_own(self, ben: Actor) -> None:
        own_account.change_account(ben, name="  Benedict   B. ", time_zone="Europe/Berlin", now=NOW)
        person = Person.get_by_id(ben.person_id)
        assert (person.name, person.time_zone) == ("Benedict B.", "Europe/Berlin")
        own_account.change_account(ben, name="Ben", time_zone="", now=NOW)
        assert Person.get_by_id(ben.person_id).time_zone is None

    @pytest.mark.parametrize(("name", "zone"), [("", ""), ("x" * 81, ""), ("Ben", "Mars/Olympus"), ("Ben", "../etc")])
    def test_what_makes_no_sense_is_refused(self, ben: Actor, name: str, zone: str) -> None:
        with refused(InvalidInputError):
            own_account.change_account(ben, name=name, time_zone=zone, now=NOW)

    def test_command_line_has_no_account(self) -> None:
        for act in (
            lambda: own_account.change_account(COMMAND_LINE, name="x", time_zone="", now=NOW),
            lambda: own_account.change_password(COMMAND_LINE, old="", new=PASSWORD, address="", now=NOW),
        ):
            with pytest.raises(NotAllowedError):
                act()
