"""Several machines, and one whose cable is pulled: the others go on, and so does it once it is back."""

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from models.actors import COMMAND_LINE
from models.clock import now_ms
from models.config import Config
from models.database import execute, transaction
from models.installation import open_installation
from models.operations.settings import change_setting
from models.words import MessageStatus
from tests import engines, machines
from tests.crash.cells import LONG, ONLY_LONG
from tests.crash.conftest import Figure
from tests.crash.product import HandOver, hand_over
from tests.crash.promises import assert_one_message_per_recipient
from tests.factories import make_campaign, message_ids, phase_of, run, statuses
from tests.machines import Machine
from tests.processes import House, Started, until
from tests.servers import valkey_at

pytestmark = [
    pytest.mark.crash,
    pytest.mark.timeout(120),
    pytest.mark.skipif(bool(machines.why_none()), reason=machines.why_none()),
]

GOES_ON_SECONDS = 60
ROWS, SPEED = 5000, 60.0
CUT_SECONDS = 30.0
LOCK = """
import sys
import time
from models.config import Config
from models.database import connect, execute, transaction
connect(Config.from_env())
with transaction():
    execute("UPDATE messages SET updated_at = 1 WHERE id = ?", int(sys.argv[1]))
    print("holds it", flush=True)
    time.sleep(600)
"""
ASK = """
import time
from peewee import OperationalError
from models.config import Config
from models.database import connect, select
connect(Config.from_env())
while True:
    began = time.monotonic()
    try:
        select("SELECT 1")
    except OperationalError:
        print(f"noticed after {time.monotonic() - began:.0f} s", flush=True)
        time.sleep(600)
    print("asks", flush=True)
    time.sleep(0.1)
"""


@dataclass(frozen=True)
class Place:
    """A machine, a folder for what runs there, and the variables by which it reaches database and Redis."""

    machine: Machine
    house: House
    variables: Mapping[str, str]

    def start(self, *command: str) -> Started:
        """Run it there."""
        return self.house.start(*self.machine.shell, *command, **self.variables)


@pytest.fixture
def two_machines() -> Iterator[list[Machine]]:
    with machines.machine(1) as one, machines.machine(2) as other:
        yield [one, other]


@pytest.fixture
def places(tmp_path: Path, two_machines: list[Machine]) -> Iterator[list[Place]]:
    """Two machines with one database and one Redis on this one, where the database is open too."""
    hosts = [machine.host for machine in two_machines]
    (tmp_path / "valkey").mkdir()
    with engines.postgresql() as server, valkey_at(tmp_path / "valkey", ["127.0.0.1", *hosts]) as (valkey, _):
        server.listen(hosts)
        url = server.make_database()
        open_installation(Config.from_env({"DATABASE_URL": url, "SECRET_KEY": engines.SECRET}))
        made = []
        for machine in two_machines:
            variables = {
                "DATABASE_URL": f"postgresql://postgres@{machine.host}{urlsplit(url).path}",
                "SECRET_KEY": engines.SECRET,
                "REDIS_URL": valkey.replace("127.0.0.1", machine.host),
                "TIME_SCALE": "60",
            }
            made.append(Place(machine, House(tmp_path / machine.name), variables))
        yield made
        for place in made:
            place.house.clear()
        engines.let_go()


def test_a_lock_is_let_go_when_its_holder_is_cut_off(places: list[Place], figure: Figure) -> None:
    (message_id,) = message_ids(make_campaign(messages=1))
    holder = places[0].start("python", "-c", LOCK, str(message_id))
    until(lambda: "holds it" in holder.said(), what="the lock")
    places[0].machine.pull_cable()
    began = time.monotonic()
    with transaction():
        execute("UPDATE messages SET updated_at = 2 WHERE id = ?", message_id)
    waited = time.monotonic() - began
    figure(f"waited {waited:.0f} s for the lock")
    assert waited < GOES_ON_SECONDS


def test_who_is_cut_off_notices(places: list[Place], figure: Figure) -> None:
    asking = places[0].start("python", "-c", ASK)
    until(lambda: "asks" in asking.said(), what="an answer")
    places[0].machine.pull_cable()
    until(lambda: "noticed" in asking.said(), seconds=GOES_ON_SECONDS, what="a fault")
    noticed = asking.said().splitlines()[-1]
    figure(noticed)
    assert noticed.startswith("noticed after")


@pytest.mark.timeout(400)
@pytest.mark.skipif(not LONG, reason=ONLY_LONG)
def test_the_others_go_on_and_so_does_who_was_cut_off(places: list[Place], figure: Figure) -> None:
    for name, value in (("simulated.speed", SPEED), ("simulated.mix", {"delivered": 1000})):
        change_setting(name, value, actor=COMMAND_LINE, now=now_ms())
    campaign_id = make_campaign(messages=ROWS)
    for place in places:
        place.start("python", "-m", "honcho", "start", "worker", "clock")
    run(campaign_id, now=now_ms())
    machine, (cut, staying) = places[0].machine, [place.house for place in places]
    until(lambda: hand_overs(cut) and hand_overs(staying), seconds=60, what="both send")
    machine.pull_cable()
    pulled_at = time.time()
    until(lambda: time.time() > pulled_at + CUT_SECONDS, seconds=2 * CUT_SECONDS, what="the cable to be found")
    machine.plug_cable()
    plugged_at = time.time()
    until(lambda: hand_overs(cut)[-1].at > plugged_at, seconds=GOES_ON_SECONDS, what="who was cut off to send again")
    came_back_after = time.time() - plugged_at
    until(lambda: phase_of(campaign_id) == "ended", seconds=180, what="the end")
    moments = [pulled_at, *(one.at for one in hand_overs(staying) if pulled_at < one.at < plugged_at), plugged_at]
    pause = max(after - before for before, after in pairwise(moments))
    stand = statuses(campaign_id)
    figure(f"the other paused {pause:.1f} s, who was cut off sent again after {came_back_after:.1f} s, then {stand}")
    assert pause < GOES_ON_SECONDS
    assert set(stand) <= {MessageStatus.DELIVERED, MessageStatus.UNCONFIRMED}
    assert sum(stand.values()) == ROWS
    both = [*hand_overs(cut), *hand_overs(staying)]
    assert max(Counter(one.message_id for one in both).values()) == 1
    assert_one_message_per_recipient(both)


def hand_overs(house: House) -> list[HandOver]:
    """What the house's simulated provider took, whole lines only."""
    path = house.var / "simulated.log"
    return [hand_over(line) for line in path.read_text().split("\n")[:-1]] if path.exists() else []
