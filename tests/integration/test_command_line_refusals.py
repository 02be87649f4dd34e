"""What the command line refuses: one sentence on stderr, exit code 2, and nothing is changed."""

import os
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from threading import Timer

import apsw
import pytest

from models import database
from models.database import execute, transaction
from models.queries.people import person_by_slack_id
from models.rules.verdicts import Word
from models.words import Channel, FailureReason, Phase
from tests import engines, factories
from tests.processes import free_port
from tests.terminal import SENTENCE, Terminal

CREATION_REFUSALS = [
    ({"consent": None}, "--consent"),
    ({"name": "ab"}, "3 to 60 characters"),
    ({"name": "  a   b  ".replace("b", "")}, "3 to 60 characters"),
    ({"name": "x" * 61}, "3 to 60 characters"),
    ({"name": "SPRING"}, "already a campaign named SPRING"),
    ({"owner": "mallory@example.com"}, "no person with the address mallory@example.com"),
    ({"destination": "mobile"}, "no column “mobile”; the file has “phone”, “first name”"),
    ({"field": ["firstname=x"]}, "no column “firstname”"),
    ({"field": ["first name"]}, "--field first name must be COLUMN=NAME"),
    ({"field": ["first name=a", "first name=b"]}, "names the column first name twice"),
    ({"field": ["first name="]}, "1 to 40"),
    ({"field": ["first name=" + "x" * 41]}, "1 to 40"),
    ({"field": ["first name=a.b"]}, "letters, digits, spaces, _"),
    ({"field": ["phone=number", "first name=NUMBER"]}, "used twice"),
    ({"field": ["phone=number"]}, "destination"),
    ({"template": "Hi {{surname}}"}, "uses {{surname}}, but no column provides it"),
    ({"template": "Hi {{first.name}}"}, "uses {{first.name}}, but no column provides it"),
    ({"template": ""}, "empty"),
    ({"template": " \n\n"}, "empty"),
    ({"template": "x" * 1601}, "at most 1,600 characters"),
    ({"template": b"\xff\xfe\x00"}, "template.txt is not UTF-8 text"),
    ({"template": "Hi\0"}, "template.txt is not UTF-8 text"),
    ({"template": Path("/nowhere/template.txt")}, "/nowhere/template.txt can't be read: No such file"),
    ({"template": Path("/")}, "can't be read: Is a directory"),
]
EMAIL_REFUSALS = [
    ({"subject": None}, "needs a subject"),
    ({"subject": " "}, "needs a subject"),
    ({"subject": "a\nb"}, "line break"),
    ({"from": None}, "needs a sender"),
    ({"from": "news"}, "news is not an email address"),
    ({"subject": "{{surname}}"}, "uses {{surname}}"),
    ({"contacts": "address\nada\n", "template": "Hi"}, "1 row read: 0 imported, 1 refused"),
]
HEADER = "phone,first name\n"
UNREADABLE: dict[str, tuple[str | bytes, str]] = {
    "an xlsx by another name": (b"PK\x03\x04" + b"\0" * 100, "Excel workbook"),
    "an xls by another name": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 100, "old Excel workbook"),
    "a gzip by another name": (b"\x1f\x8b\x08\0", "gzip"),
    "a PDF by another name": (b"%PDF-1.7", "PDF"),
    "nothing at all": ("", "it is empty"),
    "only blank lines": ("\n\n\n", "it is empty"),
    "a header alone": (HEADER, "The file has no contacts"),
    "a quote never closed": (HEADER + '+12025550100,"Ada\n+12025550101,Bo\n', "never closed"),
    "text after a quote": (HEADER + '+12025550100,"Ada"x\n', "closing quote"),
    "a NUL": (HEADER + "+12025550100,A\0da\n", "Line 2 holds a NUL"),
    "two encodings": (
        HEADER.encode() + "+12025550100,Zoë\n".encode() * 9 + b"+12025550101,Zo\xeb\n",
        "save it again",
    ),
    "an unknown encoding": (HEADER.encode() + "+12025550100,Анна Ахматова\n".encode("cp1251") * 9, "save it again"),
    "half of UTF-16": ((HEADER + "+12025550100,Ada\n").encode("utf-16")[:-1], "UTF-16"),
    "too many columns": (",".join(f"c{n}" for n in range(201)) + "\n", "201 columns"),
    "a cell without end": (HEADER + "+12025550100," + "x" * 140_000 + "\n", "longer than 131,072"),
    "no row that can be imported": (HEADER + "0123,Ada\n+1,Bo\n", "2 rows read: 0 imported, 2 refused"),
}


@pytest.fixture
def spring(terminal: Terminal) -> int:
    """A campaign whose name is taken."""
    return factories.make_campaign(name="Spring")


class TestCreateCampaign:
    @pytest.mark.parametrize(("changes", "why"), CREATION_REFUSALS)
    def test_an_sms_campaign_that_lacks_something(
        self, terminal: Terminal, spring: int, changes: dict[str, object], why: str
    ) -> None:
        assert why in terminal.refused(*terminal.creation(**changes))

    @pytest.mark.parametrize(("changes", "why"), EMAIL_REFUSALS)
    def test_an_email_campaign_that_lacks_something(
        self, terminal: Terminal, changes: dict[str, object], why: str
    ) -> None:
        assert why in terminal.refused(*terminal.email_creation(**changes))

    @pytest.mark.parametrize("kind", UNREADABLE)
    def test_contacts_that_cannot_be_read_whole(self, terminal: Terminal, kind: str) -> None:
        contacts, why = UNREADABLE[kind]
        assert why in terminal.refused(*terminal.creation(contacts=contacts, template="Hi"))

    def test_contacts_beyond_the_limits(self, terminal: Terminal) -> None:
        for contacts, why in (
            (HEADER + "+12025550100,\n" * 300_001, "more than 300,000 contacts"),
            (HEADER + "x" * (50 << 20), "larger than 50 MB"),
        ):
            assert why in terminal.refused(*terminal.creation(contacts=contacts))

    @pytest.mark.parametrize("name", ["contacts.txt", "contacts.xlsx", "contacts"])
    def test_contacts_under_another_name_than_csv(self, terminal: Terminal, name: str) -> None:
        path = terminal.file(name, HEADER + "+12025550100,Ada\n")
        assert "Only .csv files" in terminal.refused(*terminal.creation(contacts=path))

    def test_contacts_that_are_not_there(self, terminal: Terminal) -> None:
        path = terminal.folder / "none.csv"
        assert terminal.refused(*terminal.creation(contacts=path)).startswith(f"{path} can't be read: No such file")

    def test_contacts_that_are_no_file(self, terminal: Terminal) -> None:
        folder, pipe = terminal.folder / "folder.csv", terminal.folder / "pipe.csv"
        folder.mkdir()
        os.mkfifo(pipe)
        for path in (folder, pipe):
            assert terminal.refused(*terminal.creation(contacts=path)) == f"{path} is not a file."

    def test_a_viewer_can_own_no_campaign(self, terminal: Terminal) -> None:
        terminal.result("create-user", "vera@example.com", "--role", "viewer")
        assert "Vera is a Viewer" in terminal.refused(*terminal.creation(owner="vera@example.com"))


class TestPeople:
    @pytest.mark.parametrize(
        ("email", "why"), [("ben", "ben is not an email address"), ("alice@example.com", "already a person here")]
    )
    def test_an_address_that_is_none_or_taken(self, terminal: Terminal, email: str, why: str) -> None:
        terminal.result("create-user", "alice@example.com", "--role", "org_admin", "--slack-id", "U0ALICE")
        assert why in terminal.refused("create-user", email, "--role", "viewer")
        slack = ("--slack-id", "U0ALICE")
        assert "already a person here" in terminal.refused("create-user", "b@example.com", "--role", "viewer", *slack)

    def test_a_slack_user_that_is_none(self, terminal: Terminal) -> None:
        words = ("create-user", "ben@example.com", "--role", "viewer", "--slack-id")
        assert "A Slack member ID looks like U024BE7LH" in terminal.refused(*words, "@ben")
        terminal.result(*words, "u0ben")
        assert person_by_slack_id("U0BEN") is not None

    @pytest.mark.parametrize(("typed", "why"), [("", "no password"), ("short\n", "at least 12 characters")])
    def test_a_password_that_is_missing_or_short(self, terminal: Terminal, typed: str, why: str) -> None:
        words = ("create-user", "ben@example.com", "--role", "viewer", "--password", "-")
        assert why in terminal.refused(*words, stdin=typed)

    def test_a_link_for_nobody(self, terminal: Terminal) -> None:
        assert terminal.refused("sign-in-link", "mallory@example.com") == (
            "There is no person with the address mallory@example.com."
        )


class TestActions:
    @pytest.mark.parametrize(
        "words",
        [
            ["run", "--accept-disclaimer"],
            ["stop"],
            ["resume"],
            ["delete"],
            ["retry"],
            ["status", "--json"],
            ["export", "-o", "/nowhere/out.csv"],
        ],
        ids=" ".join,
    )
    def test_an_unknown_campaign(self, terminal: Terminal, words: list[str]) -> None:
        assert terminal.refused(words[0], 99, *words[1:]) == "There is no campaign 99."

    def test_a_run_without_the_disclaimer(self, terminal: Terminal, spring: int) -> None:
        sentence = terminal.refused("run", spring)
        for part in ("agreed", "lawful", "opt out", "responsible", "--accept-disclaimer"):
            assert part in sentence

    @pytest.mark.parametrize(
        ("phase", "words", "why"),
        [
            (Phase.READY, ["stop"], "Spring is Ready"),
            (Phase.READY, ["resume"], "Spring is Ready"),
            (Phase.READY, ["retry"], "Spring is Ready"),
            (Phase.RUNNING, ["run", "--accept-disclaimer"], "Spring is In Progress"),
            (Phase.RUNNING, ["delete"], "Stop it first"),
            (Phase.RUNNING, ["resume"], "Spring is In Progress"),
            (Phase.HELD, ["retry"], "Resume it first"),
            (Phase.STOPPING, ["stop"], "Spring is In Progress, stopping"),
            (Phase.ENDED, ["run", "--accept-disclaimer"], "Spring is complete"),
            (Phase.ENDED, ["resume"], "no cancelled messages"),
            (Phase.ENDED, ["retry"], "no Failed or Unconfirmed"),
            (Phase.DELETING, ["delete"], "being deleted"),
        ],
    )
    def test_a_state_that_does_not_allow_it(
        self, terminal: Terminal, spring: int, phase: Phase, words: list[str], why: str
    ) -> None:
        factories.put_into_phase(spring, phase)
        assert why in terminal.refused(words[0], spring, *words[1:])

    @pytest.mark.parametrize("words", [["run", "--accept-disclaimer"], ["resume"], ["retry"]], ids=" ".join)
    def test_a_channel_that_another_campaign_holds(self, terminal: Terminal, spring: int, words: list[str]) -> None:
        factories.run(spring)
        other = _on_its_way_to(words[0])
        sentence = terminal.refused(words[0], other, *words[1:])
        assert "Spring is In Progress, begun" in sentence
        step = "Wait until it ends, or stop it." if words == ["resume"] else "Start when the channel is free?"
        assert step in sentence

    def test_nobody_to_send_to(self, terminal: Terminal) -> None:
        campaign_id = factories.make_campaign(messages=1)
        with transaction():
            execute("UPDATE messages SET status = 'opted_out'")
            execute("UPDATE message_counts SET status = 'opted_out'")
        assert "nobody to send to" in terminal.refused("run", campaign_id, "--accept-disclaimer")

    @pytest.mark.parametrize(
        ("variables", "why"),
        [
            ({"SMS_PROVIDER": "", "SLACK_LOCAL": "0"}, "SMS is not configured: set SMS_PROVIDER"),
            ({"SMS_PROVIDER": "twilio"}, "TWILIO_ACCOUNT_SID is not set"),
        ],
    )
    def test_a_channel_without_a_provider(
        self, terminal: Terminal, spring: int, variables: dict[str, str], why: str
    ) -> None:
        assert why in terminal.refused("run", spring, "--accept-disclaimer", **variables)

    def test_a_retry_of_a_reason_that_nothing_failed_for(self, terminal: Terminal) -> None:
        campaign_id = factories.make_campaign(messages=1)
        factories.run(campaign_id)
        factories.send_all(campaign_id, Word.FAILED, reason=FailureReason.BLOCKED)
        assert "no messages that can be retried" in terminal.refused("retry", campaign_id, "--reason", "expired")


class TestOutput:
    def test_a_file_that_cannot_be_written(self, terminal: Terminal, spring: int) -> None:
        for path, why in (
            ("/nowhere/out.csv", "No such file or directory"),
            (terminal.folder, "Is a directory"),
            ("/dev/full", "No space left on device"),
        ):
            assert terminal.refused("export", spring, "-o", path) == f"{path} can't be written: {why}."

    def test_a_refused_export_leaves_an_earlier_file_alone(self, terminal: Terminal) -> None:
        earlier = terminal.file("out.csv", "earlier")
        terminal.refused("export", 99, "-o", earlier)
        assert earlier.read_text() == "earlier"


class TestMisuse:
    @pytest.mark.parametrize(
        "line",
        [
            "",
            "fly",
            "run",
            "run one --accept-disclaimer",
            "run 1.5 --accept-disclaimer",
            "run 9223372036854775808 --accept-disclaimer",
            "run ٣ --accept-disclaimer",
            "stop -1",
            "status 1 2",
            "status --xml",
            "create-user ben@example.com",
            "create-user ben@example.com --role boss",
            "create-user ben@example.com --role viewer --password secret",
            "retry 1 --reason because",
            "export 1",
            "export 1 --status sent -o out.csv",
            "export 1 --reason because -o out.csv",
            "create-campaign --channel fax",
            "create-campaign --channel sms",
        ],
    )
    def test_a_command_that_is_none_gets_one_line(self, terminal: Terminal, line: str) -> None:
        assert terminal.refused(*line.split()).endswith("--help.")

    @pytest.mark.parametrize("word", ["\udcff", "a\nb"])
    def test_words_that_are_no_text_or_span_lines(self, terminal: Terminal, word: str) -> None:
        terminal.refused("create-user", word, "--role", "viewer")
        terminal.refused("create-user", "ben@example.com", "--role", word)
        terminal.refused(word)


class TestInstallation:
    """The installation itself can't be used: said at once, whatever the command."""

    @pytest.fixture(params=["status", "recount", "demo"])
    def refused(self, request: pytest.FixtureRequest, terminal: Terminal) -> Callable[..., str]:
        def run(**variables: str) -> str:
            said = terminal(request.param, **variables)
            assert (said.code, said.out) == (2, "")
            assert SENTENCE.fullmatch(said.err), said.err
            return said.err

        return run

    @pytest.mark.parametrize(
        ("variables", "why"),
        [
            ({"SLACK_BOT_TOKEN": "xoxb-1"}, "Slack is half set"),
            ({"TIME_SCALE": "fast"}, "TIME_SCALE is 'fast'"),
            ({"SMS_PROVIDER": "pigeon"}, "SMS_PROVIDER is 'pigeon'"),
            ({"LOG_LEVEL": "LOUD"}, "LOG_LEVEL is 'LOUD'"),
            ({"DATABASE_URL": "mysql://x"}, "DATABASE_URL begins with 'mysql'"),
            ({"DATABASE_URL": "postgresql://x/y"}, "SECRET_KEY must be given"),
            ({"DATABASE_URL": "sqlite:////dev/null/x.db"}, "/dev/null can't be used"),
            ({"SIGNALBOX_VAR": "/dev/null/var"}, "SIGNALBOX_VAR is /dev/null/var, which can't be used"),
        ],
    )
    def test_the_variable_at_fault_is_named(
        self, refused: Callable[..., str], variables: dict[str, str], why: str
    ) -> None:
        assert why in refused(**variables)

    def test_a_file_that_is_no_database_is_not_touched(self, refused: Callable[..., str], terminal: Terminal) -> None:
        other = terminal.file("other.db", b"something else entirely " * 100)
        assert "can't be used: file is not a database" in refused(DATABASE_URL=f"sqlite:///{other}")
        assert other.read_bytes() == b"something else entirely " * 100

    def test_a_database_that_is_not_there_is_said_in_one_line(
        self, refused: Callable[..., str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("admin.__main__.PATIENCE_SECONDS", 0.0)
        url = f"postgresql://signalbox@127.0.0.1:{free_port()}/signalbox"
        assert "The database can't be reached" in refused(DATABASE_URL=url, SECRET_KEY="x" * 32)

    @pytest.mark.parametrize("engine", [engines.POSTGRESQL], indirect=True)
    def test_a_database_that_takes_no_writes_is_said_in_one_line(
        self,
        refused: Callable[..., str],
        no_writes: Callable[[], AbstractContextManager[None]],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr("admin.__main__.PATIENCE_SECONDS", 0.0)
        with no_writes():
            assert "read-only transaction" in refused()


SILENT_SECONDS = 15  # after which a command that says nothing is killed, starting a process included


class TestWaiting:
    """A database that may yet answer is waited for, and the command says what it waits for."""

    def said_at_last(self, terminal: Terminal, answers: Callable[[], object], *words: object) -> str:
        """The first line of a command on stderr, which goes on as soon as the database `answers`."""
        with terminal.begun(*words) as begun:
            assert begun.stderr
            silent = Timer(SILENT_SECONDS, begun.kill)
            silent.start()
            line = begun.stderr.readline().decode()
            silent.cancel()
            assert begun.poll() is None
            answers()
            assert begun.wait(30) == 0, begun.stderr.read().decode()
        return line

    def test_a_lock_of_somebody_else(self, terminal: Terminal) -> None:
        campaign_id = factories.make_campaign()
        factories.run(campaign_id)
        stranger = apsw.Connection(str(database.database.database))
        stranger.execute("BEGIN IMMEDIATE")
        line = self.said_at_last(terminal, lambda: stranger.execute("ROLLBACK"), "stop", campaign_id)
        stranger.close()
        assert line == "Waiting for the database: another process is writing to it.\n"
        assert factories.phase_of(campaign_id) == Phase.STOPPING

    def test_a_turn_of_somebody_else(self, terminal: Terminal) -> None:
        campaign_id = factories.make_campaign()
        with ExitStack() as turn:
            turn.enter_context(database.database.obj.gate.held())
            line = self.said_at_last(terminal, turn.close, "run", campaign_id, "--accept-disclaimer")
        assert line == "Waiting for the database: another process is writing to it.\n"

    @pytest.mark.parametrize("engine", [engines.POSTGRESQL], indirect=True)
    def test_one_that_takes_no_writes(
        self, terminal: Terminal, no_writes: Callable[[], AbstractContextManager[None]]
    ) -> None:
        with ExitStack() as refusing:
            refusing.enter_context(no_writes())
            line = self.said_at_last(terminal, refusing.close, "status")
        assert line.startswith("Waiting for the database: cannot execute")
        assert "read-only transaction" in line


def _on_its_way_to(action: str) -> int:
    """A campaign for which only the channel stands in the way of the action."""
    if action == "run":
        return factories.make_campaign(Channel.SMS, name="Summer")
    campaign_id = factories.make_campaign(Channel.SMS, name="Summer")
    status, reason = ("cancelled", "") if action == "resume" else ("failed", "blocked")
    with transaction():
        execute(
            "UPDATE messages SET status = ?, failure_reason = ? WHERE campaign_id = ?",
            status,
            reason or None,
            campaign_id,
        )
        execute(
            "UPDATE message_counts SET status = ?, failure_reason = ? WHERE campaign_id = ?",
            status,
            reason,
            campaign_id,
        )
    factories.put_into_phase(campaign_id, Phase.ENDED)
    return campaign_id
