"""The command line does what it is asked for: results on stdout, reports on stderr, exit codes 0, 1 and 2."""

import json
import os
import re
import subprocess
import sys

import pytest
from argon2 import PasswordHasher

from admin.presenting.times import clock_exact
from models import schema
from models.actors import COMMAND_LINE
from models.clock import now_ms
from models.database import execute, select, transaction
from models.operations import optouts, people
from models.operations.counters import Deltas
from models.queries.people import find_person
from models.rules.verdicts import Word
from models.words import Channel, MessageStatus, Role
from tests import factories
from tests.factories import rows_of
from tests.processes import ROOT
from tests.terminal import Terminal

MIGRATIONS = sorted(path.stem for path in schema.DIRECTORY.glob("[0-9]*.py"))
DEAD_REDIS = "redis://127.0.0.1:1/0"


def counts(terminal: Terminal, campaign_id: object) -> dict[str, int]:
    """The counts that are not zero, as `status --json` tells them."""
    shown = json.loads(terminal.result("status", campaign_id, "--json"))
    return {status: n for status, n in shown["counts"].items() if n}


class TestPeople:
    def test_a_person_is_made_and_the_id_is_all_of_stdout(self, terminal: Terminal) -> None:
        said = terminal("create-user", "Alice@Example.com", "--role", "org_admin", "--slack-id", "U0ALICE")
        assert (said.code, said.err) == (0, "")
        person = rows_of("people")[0]
        assert said.out == f"{person['id']}\n"
        assert (person["email"], person["role"], person["slack_id"]) == ("alice@example.com", "org_admin", "U0ALICE")
        assert person["password_hash"] is None

    @pytest.mark.parametrize("ending", ["\r\n", ""])
    def test_a_password_is_one_line_of_standard_input(self, terminal: Terminal, ending: str) -> None:
        words = ("create-user", "ben@example.com", "--role", "campaigner", "--password", "-")
        terminal.result(*words, stdin=f"correct horse battery{ending}")
        kept = rows_of("people")[0]["password_hash"]
        assert kept.startswith("$argon2id$")
        assert PasswordHasher().verify(kept, "correct horse battery")

    def test_a_link_is_printed_that_signs_in_once(self, terminal: Terminal) -> None:
        terminal.result("create-user", "alice@example.com", "--role", "org_admin")
        link = terminal.result("sign-in-link", "ALICE@example.com")
        found = re.fullmatch(r"http://127\.0\.0\.1:5000/login/(\S{40,})", link)
        assert found
        assert people.use_sign_in_link(found[1], now=now_ms()).email == "alice@example.com"

    def test_a_link_names_the_port_that_web_is_to_listen_on(self, terminal: Terminal) -> None:
        terminal.result("create-user", "alice@example.com", "--role", "org_admin")
        assert terminal.result("sign-in-link", "alice@example.com", PORT="5555").startswith("http://127.0.0.1:5555/")

    def test_a_link_begins_where_people_reach_the_panel(self, terminal: Terminal) -> None:
        terminal.result("create-user", "alice@example.com", "--role", "org_admin")
        link = terminal.result("sign-in-link", "alice@example.com", PUBLIC_URL="https://box.example.com/")
        assert link.startswith("https://box.example.com/login/")


class TestCreateCampaign:
    def test_it_is_ready_its_id_on_stdout_and_the_report_on_stderr(self, terminal: Terminal) -> None:
        said = terminal(*terminal.creation())
        assert said.code == 0
        campaign = rows_of("campaigns")[0]
        assert said.out == f"{campaign['id']}\n"
        assert said.err == "2 rows read: 2 imported, 0 refused.\n"
        assert (campaign["phase"], campaign["channel"], campaign["name"]) == ("ready", "sms", "Spring SMS")
        assert factories.statuses(campaign["id"]) == {"waiting": 2}

    def test_email_keeps_subject_sender_and_slack_channel(self, terminal: Terminal) -> None:
        terminal.result(*terminal.email_creation(slack_channel="C0NEWS", description="Monthly"))
        campaign = rows_of("campaigns")[0]
        assert (campaign["subject"], campaign["from_address"]) == ("News", "news@example.com")
        assert (campaign["slack_channel_id"], campaign["description"]) == ("C0NEWS", "Monthly")

    def test_without_field_all_other_columns_come_under_their_header(self, terminal: Terminal) -> None:
        contacts = "phone, City ,Größe,note\n+12025550100,Oslo,38,\n"
        terminal.result(*terminal.creation(contacts=contacts, template="{{city}} {{GRÖSSE}} {{ note }}"))
        fields = json.loads(rows_of("campaigns")[0]["fields"])
        assert [field["name"] for field in fields] == ["City", "Größe", "note"]
        assert json.loads(rows_of("messages")[0]["field_values"]) == ["Oslo", "38", ""]

    def test_with_field_only_those_columns_come_under_their_names(self, terminal: Terminal) -> None:
        contacts = "phone,a=b,city,secret\n+12025550100,1,Oslo,x\n"
        terminal.result(
            *terminal.creation(contacts=contacts, template="{{town}}", field=["City=town", "a=b=key", "Column 3=again"])
        )
        fields = json.loads(rows_of("campaigns")[0]["fields"])
        assert [field["name"] for field in fields] == ["town", "key", "again"]
        assert json.loads(rows_of("messages")[0]["field_values"]) == ["Oslo", "1", "Oslo"]

    def test_without_owner_the_first_org_admin_owns_it(self, terminal: Terminal) -> None:
        for email, role in (("vera", "viewer"), ("alice", "org_admin"), ("zoe", "org_admin")):
            terminal.result("create-user", f"{email}@example.com", "--role", role)
        terminal.result(*terminal.creation())
        terminal.result(*terminal.email_creation(owner="zoe@example.com"))
        named = dict(select("SELECT c.name, p.email FROM campaigns c JOIN people p ON p.id = c.owner_id"))
        assert named == {"Spring SMS": "alice@example.com", "June newsletter": "zoe@example.com"}

    def test_what_is_wrong_with_rows_is_told_and_the_rest_imported(self, terminal: Terminal) -> None:
        optouts.opt_out(Channel.SMS, "+12025550101", actor=COMMAND_LINE, now=1)
        contacts = "phone,name\n+12025550100,Ada\n+12025550101,Bo\n+12025550100,Cy\n6.14E+10,Di\n(202) 555-0102,Ed\n"
        said = terminal(*terminal.creation(contacts=contacts, template="Hi"))
        assert said.code == 0
        assert said.err.splitlines()[0] == "5 rows read: 2 imported, 2 refused."
        for told in ("spreadsheet", "(line 5)", "(line 6)", "Repeats of an earlier row", "opt-out list"):
            assert told in said.err
        assert factories.statuses(int(said.out)) == {"waiting": 1, "opted_out": 1}

    def test_the_line_end_after_a_template_is_not_part_of_it(self, terminal: Terminal) -> None:
        terminal.result(*terminal.creation(template=b"\xef\xbb\xbfHi {{first name}}\r\nBye\r\n"))
        assert rows_of("campaigns")[0]["body"] == "Hi {{first name}}\nBye"

    def test_the_audit_names_the_command_line(self, terminal: Terminal) -> None:
        terminal.result(*terminal.creation())
        acts = [(row["act"], row["actor_name"], row["surface"]) for row in rows_of("audit")]
        assert acts == [
            (act, "command line", "command_line") for act in ("create_draft", "set_message", "import", "create")
        ]


class TestActions:
    def test_run_needs_no_redis_and_rows_follow(self, terminal: Terminal) -> None:
        campaign_id = factories.make_campaign(messages=3)
        said = terminal("run", campaign_id, "--accept-disclaimer", REDIS_URL=DEAD_REDIS)
        assert (said.code, said.out) == (0, "")
        assert factories.phase_of(campaign_id) == "running"
        factories.move_all(campaign_id)
        assert counts(terminal, campaign_id) == {"queued": 3}

    def test_run_and_resume_warn_on_stderr_as_dialogs_do(self, terminal: Terminal) -> None:
        campaign_id = factories.make_campaign(messages=3)
        credentials = ("TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "TWILIO_MESSAGING_SERVICE_SID")
        twilio = {"SMS_PROVIDER": "twilio", "TWILIO_API_URL": "http://127.0.0.1:1", **dict.fromkeys(credentials, "x")}
        unchecked = "Twilio could not be asked whether the account may send: ClientConnectorError."
        said = terminal("run", campaign_id, "--accept-disclaimer", **twilio)
        assert (said.code, said.out) == (0, "")
        no_way_out, no_receipts, account = said.err.splitlines()
        assert no_way_out.startswith("The text doesn't say how to opt out.")
        assert "PUBLIC_URL" in no_receipts
        assert account == unchecked
        factories.stop(campaign_id)
        assert terminal("resume", campaign_id, **twilio).err == f"{unchecked}\n"

    def test_stop_resume_and_delete_do_what_they_say(self, terminal: Terminal) -> None:
        campaign_id = factories.make_campaign(messages=3)
        for words, expected in (
            (("run", campaign_id, "--accept-disclaimer"), {"queued": 3}),
            (("stop", campaign_id), {"cancelled": 3}),
            (("resume", campaign_id), {"queued": 3}),
            (("stop", campaign_id), {"cancelled": 3}),
        ):
            assert terminal.result(*words) == ""
            factories.move_all(campaign_id)
            assert counts(terminal, campaign_id) == expected
        assert terminal.result("delete", campaign_id) == ""
        assert terminal.refused("status", campaign_id).endswith("was deleted.")
        factories.move_all(campaign_id)
        assert rows_of("campaigns") == rows_of("messages") == []

    @pytest.mark.parametrize(
        ("words", "queued"),
        [
            ([], 3),
            (["--reason", "unreachable"], 2),
            (["--reason", "unreachable", "--reason", "blocked"], 3),
            (["--reason", "unreachable", "blocked"], 3),
            (["--unconfirmed"], 4),
            (["--reason", "blocked", "--unconfirmed"], 2),
        ],
    )
    def test_retry_queues_what_was_asked_for(self, terminal: Terminal, words: list[str], queued: int) -> None:
        campaign_id = factories.make_ended(messages=5)
        ids = factories.message_ids(campaign_id)
        stands = [("failed", "unreachable"), ("failed", "unreachable"), ("failed", "blocked"), ("unconfirmed", None)]
        with transaction():
            execute("DELETE FROM message_counts WHERE campaign_id = ?", campaign_id)
            for message_id, (status, reason) in zip(ids, stands, strict=False):
                execute("UPDATE messages SET status = ?, failure_reason = ? WHERE id = ?", status, reason, message_id)
            deltas = Deltas()
            for status, reason in [*stands, ("delivered", None)]:
                deltas.add(campaign_id, status, reason, None, 1)
            deltas.write(factories.NOW)
        assert terminal.result("retry", campaign_id, *words) == ""
        factories.move_all(campaign_id)
        assert counts(terminal, campaign_id)["queued"] == queued

    def test_retry_finds_its_id_after_the_reasons_too(self, terminal: Terminal) -> None:
        campaign_id = factories.make_ended(messages=3, word=Word.FAILED)
        assert terminal.result("retry", "--reason", "unknown", "blocked", campaign_id) == ""
        factories.move_all(campaign_id)
        assert counts(terminal, campaign_id) == {"queued": 3}


class TestStatus:
    def test_json_of_one_campaign_has_exactly_the_agreed_keys(self, terminal: Terminal) -> None:
        campaign_id = factories.make_campaign(messages=2, name="Grüße 🎉")
        shown = json.loads(terminal.result("status", campaign_id, "--json"))
        assert shown == {
            "id": campaign_id,
            "name": "Grüße 🎉",
            "channel": "sms",
            "status": "ready",
            "counts": {status.value: 2 if status is MessageStatus.WAITING else 0 for status in MessageStatus},
            "total": 2,
        }

    def test_json_without_an_id_lists_them_all(self, terminal: Terminal) -> None:
        assert json.loads(terminal.result("status", "--json")) == []
        made = [factories.make_campaign(channel) for channel in Channel]
        listed = json.loads(terminal.result("status", "--json"))
        assert sorted(shown["id"] for shown in listed) == made
        assert listed == [json.loads(terminal.result("status", shown["id"], "--json")) for shown in listed]

    def test_a_deleted_campaign_is_in_no_list(self, terminal: Terminal) -> None:
        campaign_id = factories.make_campaign()
        terminal.result("delete", campaign_id)
        assert terminal.result("status", "--json") == "[]"
        assert "was deleted" in terminal.refused("export", campaign_id, "-o", terminal.folder / "out.csv")
        assert not (terminal.folder / "out.csv").exists()

    def test_without_json_a_line_for_people(self, terminal: Terminal) -> None:
        campaign_id = factories.make_campaign(messages=2, name="Spring")
        assert terminal.result("status", campaign_id) == f"{campaign_id}  Spring  sms  Ready  2 waiting"

    def test_line_says_until_when_the_last_receipts_are_waited_for(self, terminal: Terminal) -> None:
        campaign_id, at = factories.make_campaign(messages=2, name="Spring"), now_ms()
        factories.run(campaign_id, now=at)
        assert terminal.result("status", campaign_id) == f"{campaign_id}  Spring  sms  In Progress  2 queued"
        factories.answer(factories.claim(campaign_id, now=at), at=at)
        until = clock_exact(at + (4 * 60 + 20) * factories.MINUTE)
        waits = f"2 sending  waiting for 2 receipts, until {until} UTC at most"
        assert terminal.result("status", campaign_id) == f"{campaign_id}  Spring  sms  In Progress  {waits}"
        factories.stop(campaign_id, now=at)
        factories.move_all(campaign_id, now=at)
        stopping = "In Progress, stopping: 2 still with the provider"
        assert terminal.result("status") == f"{campaign_id}  Spring  sms  {stopping}  {waits}"

    def test_line_of_a_failed_campaign_says_why_and_who_can_mend_it(self, terminal: Terminal) -> None:
        campaign_id = factories.make_campaign(messages=1, name="Spring")
        factories.run(campaign_id)
        with transaction():
            execute("UPDATE campaigns SET phase = 'failed', failed_code = '20003', failed_text = 'Authenticate'")
        line = terminal.result("status", campaign_id)
        assert line.startswith(f"{campaign_id}  Spring  sms  Failed  1 queued  Sending could not go on: ")
        assert "the provider refused the account (20003: Authenticate). Who can mend it: whoever looks after" in line


class TestInstallation:
    def test_recount_is_silent_while_counters_and_rows_agree(self, terminal: Terminal) -> None:
        factories.make_ended()
        said = terminal("recount")
        assert (said.code, said.out, said.err) == (0, "", "")

    def test_recount_tells_a_planted_difference_and_exits_with_1(self, terminal: Terminal) -> None:
        campaign_id = factories.make_campaign(messages=2)
        with transaction():
            execute("UPDATE message_counts SET n = 3 WHERE campaign_id = ?", campaign_id)
            execute("UPDATE messages SET status = 'failed', failure_reason = 'blocked' WHERE id = ?", 1)
        said = terminal("recount")
        assert said.code == 1
        assert said.out.splitlines() == [
            f"campaign {campaign_id}: failed blocked counted 0, rows 1",
            f"campaign {campaign_id}: waiting counted 3, rows 1",
        ]

    def test_recount_leaves_out_what_is_being_deleted(self, terminal: Terminal) -> None:
        campaign_id = factories.make_campaign(messages=3)
        terminal.result("delete", campaign_id)
        with transaction():
            execute("DELETE FROM messages WHERE id = ?", factories.message_ids(campaign_id)[0])
        assert terminal.result("recount") == ""

    def test_demo_makes_people_and_campaigns_anew_each_time(self, terminal: Terminal) -> None:
        first = terminal.result("demo").split()
        again = terminal.result("demo").split()
        assert len({*first, *again}) == 4
        people_made = [(row["name"], row["role"]) for row in rows_of("people")]
        assert people_made == [("Alice", "org_admin"), ("Ben", "campaigner"), ("Vera", "viewer")]
        for campaign_id in (*first, *again):
            assert counts(terminal, campaign_id) == {"waiting": 2000}
        assert len({row["name"] for row in rows_of("campaigns")}) == 4
        owners = {row["owner_id"] for row in rows_of("campaigns")}
        assert owners == {find_person("alice@example.com").id}

    def test_migrate_prints_what_it_applied(self, terminal: Terminal) -> None:
        variables = {"SIGNALBOX_VAR": str(terminal.folder / "fresh")}
        assert terminal.result("migrate", **variables).split() == MIGRATIONS
        assert terminal.result("migrate", **variables) == ""

    def test_every_role_can_be_given(self, terminal: Terminal) -> None:
        for role in Role:
            terminal.result("create-user", f"{role}@example.com", "--role", role.value)
        assert {row["role"] for row in rows_of("people")} == {role.value for role in Role}


class TestProcesses:
    def test_a_session_in_processes_of_their_own_needs_neither_worker_nor_redis(self, terminal: Terminal) -> None:
        words = ("create-user", "alice@example.com", "--role", "org_admin", "--password", "-")
        made = terminal.process(*words, stdin="correct horse battery\n")
        assert (made.code, made.out, made.err) == (0, "1\n", "")
        created = terminal.process(*terminal.creation(), REDIS_URL=DEAD_REDIS)
        assert (created.code, created.out, created.err) == (0, "1\n", "2 rows read: 2 imported, 0 refused.\n")
        refused = terminal.process("run", 7, "--accept-disclaimer", REDIS_URL=DEAD_REDIS, LC_ALL="C")
        assert (refused.code, refused.out, refused.err) == (2, "", "There is no campaign 7.\n")
        exported = terminal.process("export", 1, "-o", terminal.folder / "out.csv", REDIS_URL=DEAD_REDIS)
        assert (exported.code, exported.out) == (0, "")
        assert (terminal.folder / "out.csv").read_bytes().count(b"\r\n") == 3

    @pytest.mark.parametrize("buffered", ["", "1"])
    def test_a_reader_that_has_enough_is_no_fault(self, terminal: Terminal, buffered: str) -> None:
        """As in `python -m admin slack-manifest | head -1`."""
        read, write = os.pipe()
        os.close(read)
        command = [sys.executable, "-m", "admin", "slack-manifest", "--socket"]
        environment = {**os.environ, **terminal.variables, "PYTHONUNBUFFERED": buffered}
        ran = subprocess.run(command, cwd=ROOT, env=environment, stdout=write, stderr=subprocess.PIPE, check=False)
        os.close(write)
        assert (ran.returncode, ran.stderr) == (141, b"")

    def test_help_is_a_result(self, terminal: Terminal) -> None:
        said = terminal("--help")
        assert (said.code, said.err) == (0, "")
        for command in ("create-user", "sign-in-link", "create-campaign", "doctor", "recount", "migrate", "demo"):
            assert command in said.out


class TestSlackManifest:
    def test_it_has_the_installations_address(self, terminal: Terminal) -> None:
        found = json.loads(terminal.result("slack-manifest", PUBLIC_URL="https://outreach.example.org/"))
        assert found["settings"]["interactivity"]["request_url"] == "https://outreach.example.org/slack/events"

    def test_over_socket_mode_none_is_needed(self, terminal: Terminal) -> None:
        assert json.loads(terminal.result("slack-manifest", "--socket"))["settings"]["socket_mode_enabled"]

    def test_over_http_a_missing_address_is_named(self, terminal: Terminal) -> None:
        assert "PUBLIC_URL" in terminal.refused("slack-manifest")
