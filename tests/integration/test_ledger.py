"""What the installation keeps about itself: files, settings, people, leases, and an audit that can't be changed."""

import hashlib
import random
from itertools import islice

import pytest
from peewee import DatabaseError

from models.actors import COMMAND_LINE, Actor
from models.config import Config
from models.database import execute, transaction
from models.errors import InvalidInputError, NotAllowedError, NotFoundError
from models.installation import open_installation
from models.operations import optouts, people, presence
from models.operations.files import CHUNK, remove_expired_files, remove_file, store_file
from models.operations.settings import change_setting
from models.queries.files import read_file
from models.queries.people import find_person, first_org_admin
from models.queries.settings import allowed_rate, setting
from models.rules.setting_values import DEFINITIONS
from models.secret_key import derived, opt_out_hashes
from models.tables import File, Person
from models.words import Channel, Role
from tests.engines import let_go
from tests.factories import MINUTE, NOW, SECOND, dump, make_ended, refused, rows_of

pytestmark = [pytest.mark.usefixtures("installation")]
both_engines = pytest.mark.both_engines


def reopen(config: Config) -> None:
    """As a process does that starts after this one."""
    let_go()
    open_installation(config)


class TestFiles:
    @both_engines
    @pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK + 7])
    def test_file_comes_back_byte_for_byte(self, size: int) -> None:
        content = random.Random(size).randbytes(size)
        pieces = [content[start : start + 100_000] for start in range(0, size, 100_000)]
        file_id = store_file("a.bin", "application/octet-stream", pieces, now=NOW)
        assert b"".join(read_file(file_id)) == content
        file = File.get_by_id(file_id)
        assert (file.size, file.sha256) == (size, hashlib.sha256(content).hexdigest())

    @both_engines
    @pytest.mark.parametrize("chunks_read", [0, 1, 2])
    def test_file_that_goes_while_it_is_read_is_not_taken_for_a_shorter_one(self, chunks_read: int) -> None:
        file_id = store_file("a.bin", "text/plain", [b"x" * (2 * CHUNK + 1)], now=NOW)
        reading = read_file(file_id)
        assert len(list(islice(reading, chunks_read))) == chunks_read
        remove_file(file_id)
        with pytest.raises(NotFoundError, match="no longer kept"):
            list(reading)

    @both_engines
    def test_removed_file_leaves_nothing(self) -> None:
        before = dump()
        file_id = store_file("a.bin", "text/plain", [b"x" * (CHUNK + 1)], now=NOW)
        remove_file(file_id)
        remove_file(file_id)
        assert dump() == before

    @both_engines
    def test_files_are_removed_once_their_time_is_over(self) -> None:
        kept = [store_file("kept", "text/plain", [b"k"], now=NOW)]
        kept.append(store_file("later", "text/plain", [b"l"], now=NOW, expires_at=NOW + MINUTE))
        store_file("over", "text/plain", [b"o"], now=NOW, expires_at=NOW + SECOND)
        assert remove_expired_files(now=NOW + SECOND) == 0
        assert remove_expired_files(now=NOW + 2 * SECOND) == 1
        assert sorted(row["id"] for row in rows_of("files")) == kept


class TestSettings:
    @both_engines
    def test_setting_has_its_default_until_it_is_changed(self, alice: Actor) -> None:
        assert (setting("time_zone"), allowed_rate(Channel.SMS)) == ("UTC", None)
        for rate in (5, 12.5):
            change_setting("rate.sms", rate, actor=alice, now=NOW)
        assert (allowed_rate(Channel.SMS), allowed_rate(Channel.EMAIL)) == (12.5, None)
        assert [row["object_name"] for row in rows_of("audit", "WHERE act = 'change_setting'")] == ["rate.sms"] * 2

    @both_engines
    @pytest.mark.parametrize("name", [name for name, known in DEFINITIONS.items() if known.default is None])
    def test_setting_can_be_set_back_to_none(self, name: str, alice: Actor) -> None:
        change_setting(name, "C07" if name == "slack_channel" else 7, actor=alice, now=NOW)
        change_setting(name, None, actor=alice, now=NOW)
        assert setting(name) is None

    @both_engines
    def test_only_an_org_admin_changes_settings(self, ben: Actor) -> None:
        with refused(NotAllowedError):
            change_setting("rate.sms", 5, actor=ben, now=NOW)

    def test_unknown_setting_is_refused(self, alice: Actor) -> None:
        with refused(InvalidInputError):
            change_setting("rate.pigeon", 5, actor=alice, now=NOW)

    @both_engines
    def test_environment_gives_the_first_value_only(self, installation: Config, alice: Actor) -> None:
        given = Config.from_env({**installation.variables, "SMS_RATE": "3", "SLACK_CHANNEL": "C1"})
        reopen(given)
        assert (allowed_rate(Channel.SMS), setting("slack_channel")) == (3, "C1")
        change_setting("rate.sms", 8, actor=alice, now=NOW)
        reopen(given)
        assert allowed_rate(Channel.SMS) == 8


class TestPeople:
    @both_engines
    def test_address_is_kept_in_lower_case_and_once(self, ben: Actor) -> None:
        assert find_person(" BEN@Example.com ").name == "Ben"
        with refused(InvalidInputError):
            people.create_person(email="BEN@example.com", role=Role.VIEWER, actor=COMMAND_LINE, now=NOW)

    @both_engines
    def test_slack_user_is_one_person(self) -> None:
        people.create_person(email="a@example.com", role=Role.VIEWER, slack_id="U0A", actor=COMMAND_LINE, now=NOW)
        with refused(InvalidInputError):
            people.create_person(email="b@example.com", role=Role.VIEWER, slack_id="U0A", actor=COMMAND_LINE, now=NOW)

    @both_engines
    def test_removed_person_may_come_back_as_another(self, ben: Actor) -> None:
        with transaction():
            Person.update(removed_at=NOW).where(Person.id == ben.person_id).execute()
        again = people.create_person(email="ben@example.com", role=Role.VIEWER, actor=COMMAND_LINE, now=NOW)
        assert again != ben.person_id

    @pytest.mark.parametrize(
        ("role", "makes"),
        [
            (Role.VIEWER, set()),
            (Role.CAMPAIGNER, set()),
            (Role.ADMIN, {Role.VIEWER, Role.CAMPAIGNER}),
            (Role.ORG_ADMIN, set(Role)),
        ],
    )
    def test_role_decides_whom_one_lets_in(self, role: Role, makes: set[Role]) -> None:
        actor = Actor(1, "Somebody", role, COMMAND_LINE.surface)
        for new in Role:
            email = f"{new}@example.com"
            if new in makes:
                people.create_person(email=email, role=new, actor=actor, now=NOW)
            else:
                with refused(NotAllowedError):
                    people.create_person(email=email, role=new, actor=actor, now=NOW)

    @pytest.mark.parametrize("email", ["", "nobody", "a@b@c.example"])
    def test_address_that_is_none_is_refused(self, email: str) -> None:
        with refused(InvalidInputError):
            people.create_person(email=email, role=Role.VIEWER, actor=COMMAND_LINE, now=NOW)

    def test_short_password_is_refused(self) -> None:
        with refused(InvalidInputError) as caught:
            people.create_person(
                email="a@example.com", role=Role.VIEWER, password="x" * 11, actor=COMMAND_LINE, now=NOW
            )
        assert caught.value.field == "password"  # type: ignore[attr-defined]  # of InvalidInputError

    def test_first_org_admin_is_the_oldest_one(self, ben: Actor, alice: Actor) -> None:
        people.create_person(email="olga@example.com", role=Role.ORG_ADMIN, actor=alice, now=NOW)
        first = first_org_admin()
        assert first is not None
        assert first.id == alice.person_id


class TestSignInLinks:
    @both_engines
    def test_link_signs_in_once(self, ben: Actor) -> None:
        token = people.make_sign_in_link("ben@example.com", actor=COMMAND_LINE, now=NOW)
        assert token not in repr(dump())
        assert people.use_sign_in_link(token, now=NOW + SECOND).id == ben.person_id
        with refused(NotAllowedError):
            people.use_sign_in_link(token, now=NOW + 2 * SECOND)

    @both_engines
    @pytest.mark.parametrize(("after", "works"), [(15 * MINUTE - SECOND, True), (15 * MINUTE + SECOND, False)])
    def test_link_lives_for_15_minutes(self, ben: Actor, after: int, works: bool) -> None:
        token = people.make_sign_in_link("ben@example.com", actor=COMMAND_LINE, now=NOW)
        if works:
            people.use_sign_in_link(token, now=NOW + after)
        else:
            with refused(NotAllowedError):
                people.use_sign_in_link(token, now=NOW + after)

    @both_engines
    def test_link_of_a_person_removed_meanwhile_is_refused(self, ben: Actor) -> None:
        token = people.make_sign_in_link("ben@example.com", actor=COMMAND_LINE, now=NOW)
        with transaction():
            Person.update(removed_at=NOW).where(Person.id == ben.person_id).execute()
        with refused(NotAllowedError):
            people.use_sign_in_link(token, now=NOW)

    def test_guessed_link_is_refused(self) -> None:
        with refused(NotAllowedError):
            people.use_sign_in_link("guess", now=NOW)

    def test_mallory_gets_no_link(self, mallory: str) -> None:
        with refused(NotFoundError):
            people.make_sign_in_link(mallory, actor=COMMAND_LINE, now=NOW)

    def test_campaigner_makes_no_links(self, alice: Actor, ben: Actor) -> None:
        with refused(NotAllowedError):
            people.make_sign_in_link("alice@example.com", actor=ben, now=NOW)


class TestOptOuts:
    @both_engines
    def test_role_decides_who_adds_and_who_removes(self, alice: Actor, ben: Actor, vera: Actor) -> None:
        with refused(NotAllowedError):
            optouts.opt_out(Channel.EMAIL, "a@example.com", actor=vera, now=NOW)
        optouts.opt_out(Channel.EMAIL, "a@example.com", actor=ben, now=NOW)
        with refused(NotAllowedError):
            optouts.opt_in(Channel.EMAIL, "a@example.com", actor=ben, now=NOW)
        optouts.opt_in(Channel.EMAIL, "a@example.com", actor=alice, now=NOW)
        with refused(NotFoundError):
            optouts.opt_in(Channel.EMAIL, "a@example.com", actor=alice, now=NOW)

    @both_engines
    def test_audit_of_an_opt_out_holds_no_address(self, alice: Actor) -> None:
        optouts.opt_out(Channel.EMAIL, "secret@example.org", actor=alice, now=NOW)
        optouts.opt_in(Channel.EMAIL, "secret@example.org", actor=alice, now=NOW)
        assert "secret" not in repr(rows_of("audit"))


class TestAudit:
    @both_engines
    @pytest.mark.parametrize("statement", ["UPDATE audit SET actor_name = 'nobody'", "DELETE FROM audit"])
    def test_audit_refuses_every_change(self, statement: str) -> None:
        make_ended()
        before = dump()
        with pytest.raises(DatabaseError, match="append-only"), transaction():
            execute(statement)
        assert dump() == before

    @pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
    def test_audit_refuses_to_be_emptied(self) -> None:
        make_ended()
        with pytest.raises(DatabaseError, match="append-only"), transaction():
            execute("TRUNCATE audit")

    def test_audit_refuses_replacement(self) -> None:
        make_ended()
        before = dump()
        with pytest.raises(DatabaseError), transaction():
            execute(
                "INSERT OR REPLACE INTO audit (id, at, actor_name, surface, act, object_kind) "
                "VALUES (1, 0, 'nobody', 'panel', 'run', 'campaign')"
            )
        assert dump() == before


class TestPresence:
    @both_engines
    def test_lease_has_one_holder_until_it_is_over(self) -> None:
        def hold(holder: str, at: int) -> bool:
            return presence.hold_lease("clock", holder=holder, seconds=15, now=NOW + at)

        assert hold("a", 0)
        assert not hold("b", 15 * SECOND)
        assert hold("a", 15 * SECOND)
        assert not hold("b", 30 * SECOND)
        assert hold("b", 30 * SECOND + 1)
        assert not hold("a", 31 * SECOND)
        presence.give_up_lease("clock", holder="a")
        assert not hold("a", 31 * SECOND)
        presence.give_up_lease("clock", holder="b")
        assert hold("a", 31 * SECOND)

    @both_engines
    def test_process_is_there_from_its_first_beat_to_its_leave(self) -> None:
        for pid, at in ((7, 0), (7, 5), (8, 9)):
            presence.beat("box-sms-1", duty="sms", host="box", pid=pid, now=NOW + at)
        (row,) = rows_of("running_processes")
        assert (row["pid"], row["started_at"], row["beat_at"]) == (8, NOW + 9, NOW + 9)
        presence.leave("box-sms-1")
        assert rows_of("running_processes") == []


class TestSecret:
    def test_secret_is_made_once_and_only_its_owner_reads_it(self, installation: Config) -> None:
        path = installation.var / "secret_key"
        hashed, key = opt_out_hashes(Channel.SMS, "+14155550100"), derived("links")
        assert path.stat().st_mode & 0o777 == 0o600
        reopen(installation)
        assert (opt_out_hashes(Channel.SMS, "+14155550100"), derived("links")) == (hashed, key)
        assert list(installation.var.glob("secret_key*")) == [path]

    def test_purposes_and_channels_have_different_keys(self) -> None:
        assert derived("links") != derived("sessions")
        assert opt_out_hashes(Channel.SMS, "x") != opt_out_hashes(Channel.EMAIL, "x")
