"""Acts as somebody clicks them, the world that goes on meanwhile, and all that people can know of what came of it.

`ends_as_if_nobody_had_died` is what tests ask: an act is clicked by a process that dies after its first commit, its
second, and so on until it is done before it dies. Then the clock finds what was left, the person clicks again, and a
campaign that runs is sent. What has come of it must be what comes of a click, or of two, where nobody dies: statuses
that recount to the counters, who was handed a message and how often, moves, files, the audit, and what Slack is to
be told.
"""

import itertools
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest

from jobs import bulk, context, lookups
from jobs.runtime.stopping import Stop
from jobs.starting import fire_due_starts
from models import clock, hints
from models.actors import Actor
from models.clock import now_ms
from models.config import Config
from models.database import select
from models.errors import CampaignError
from models.hints import Work
from models.operations.files import remove_expired_files
from models.operations.proving import campaigns_to_prove, prove_counts
from models.operations.sweeping import find_work, sweep_due
from models.queries.files import read_file
from models.rules.verdicts import Word
from models.tables import Export
from tests import factories
from tests.dying import dies
from tests.factories import MINUTE, dump, make_campaign, rows_of, statuses

ROUNDS = 2  # a later start fires in the one and its move is found in the same, and its end is proven in the other
MOST = 60  # commits: more would be an act that never ends
_people = itertools.count(1000)


@dataclass
class World:
    """Who acts, what time it is, and whom the provider was handed a message for in the campaigns of a story."""

    alice: Actor
    ben: Actor
    now: int = field(default_factory=now_ms)
    handed: Counter[int] = field(default_factory=Counter)

    def send(self, campaign_id: int, word: Word = Word.DELIVERED) -> None:
        """Hand over what is queued, in the order of the rows."""
        claimed = factories.claim(campaign_id, provider="simulated", now=self.now)
        first = factories.message_ids(campaign_id)[0]
        self.handed.update(one.message_id - first for one in claimed)
        factories.answer(claimed, at=self.now)
        factories.receive(claimed, word, at=self.now)

    def go_on(self) -> None:
        """Let the clock find what waits, and workers do it, until there is nothing more: all but sending."""
        for _ in range(ROUNDS):
            self.now += 2 * MINUTE  # whoever was at it is missed by now
            fire_due_starts(now=self.now)
            sweep_due(now=self.now, scale=1)
            for work, subject_id in self._found():
                if work in JOBS:
                    JOBS[work](subject_id)
            for campaign_id in campaigns_to_prove(now=self.now, limit=9):
                prove_counts(campaign_id, now=self.now)
            remove_expired_files(now=self.now)

    def _found(self) -> list[tuple[Work, int]]:
        found: set[tuple[Work, int]] = set()
        hints.send_to(lambda work, subject_id: found.add((work, subject_id)))
        find_work(now=self.now)
        return sorted(found)

    def moment(self, later: int) -> datetime:
        """A time so many ms from now, UTC."""
        return datetime.fromtimestamp((self.now + later) / 1000, UTC)

    # What a story begins with

    def recipients(self, count: int = 3) -> list[str]:
        """Numbers that nobody has had before."""
        return [f"+1415555{next(_people)}" for _ in range(count)]

    def ready(self) -> int:
        """A Ready campaign."""
        return make_campaign(messages=self.recipients(), now=self.now)

    def running(self) -> int:
        """One that Ben runs, all of it queued."""
        campaign_id = self.ready()
        factories.run(campaign_id, actor=self.ben, now=self.now)
        return campaign_id

    def ended(self, word: Word = Word.FAILED) -> int:
        """One that has ended, each message with this verdict."""
        campaign_id = self.running()
        self.send(campaign_id, word)
        return campaign_id

    def doubtful(self) -> int:
        """One with two Unconfirmed messages, of which the simulated provider has the first."""
        campaign_id = make_campaign(messages=[f"+1{next(_people)}55{end}" for end in (9050, 9051)], now=self.now)
        factories.run(campaign_id, now=self.now)
        self.send(campaign_id, Word.UNCONFIRMED)
        return campaign_id


@contextmanager
def going_on(config: Config, alice: Actor, ben: Actor, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """An installation whose time, clock and workers are the world's."""
    stop = Stop()
    context.enter(context.Context(config, stop))
    world = World(alice, ben)
    monkeypatch.setattr(clock, "time", SimpleNamespace(time_ns=lambda: world.now * 1_000_000))
    yield world
    hints.send_to(lambda _work, _subject_id: None)
    stop.close()


JOBS: dict[Work, Callable[[int], None]] = {
    Work.MOVES: bulk.move,
    Work.EXPORT: bulk.export,
    Work.IMPORT: bulk.import_contacts,
    Work.ASK: lookups.ask,
}


@dataclass(frozen=True)
class Story:
    """A campaign, and what somebody clicks."""

    campaign_id: int
    click: Callable[[], object]
    secret: str = ""  # what nothing may hold any more in the end


Begin = Callable[[World], Story]


def ends_as_if_nobody_had_died(world: World, begin: Begin, *, with_its_work: bool = True) -> None:
    """Click it, and do its work if that is to be cut off too, with a death after each commit in turn; see above."""
    possible = _without_death(world, begin)
    for commits in range(1, MOST):
        story, since = _begun(world, begin)
        died = dies(partial(_click, world, story, with_its_work), after=commits)
        _clicked_again(story)
        came = _came_of(world, story, since)
        differs = [{key: (came[key], one[key]) for key in came if came[key] != one[key]} for one in possible]
        assert {} in differs, f"dead after {commits} commits: {differs}"
        if not died:
            return
    raise AssertionError(f"it is not done after {MOST} commits")


def _click(world: World, story: Story, with_its_work: bool) -> None:
    story.click()
    if with_its_work:
        world.go_on()


def _clicked_again(story: Story) -> None:
    """It is done, it was done, or it is refused in a sentence; nothing else may come of it."""
    said = "Done."
    try:
        story.click()
    except CampaignError as refused:
        said = str(refused)
    assert said.endswith((".", "?"))


def _came_of(world: World, story: Story, since: int) -> dict[str, Any]:
    """All that people can know of it, once everything has come to rest and was sent."""
    world.go_on()
    campaign_id = story.campaign_id
    is_there = select("SELECT phase, owner_id FROM campaigns WHERE id = ?", campaign_id)
    if is_there and is_there[0][0] == "running":
        world.send(campaign_id)
        world.go_on()
    mine, audit = f"WHERE campaign_id = {campaign_id} ORDER BY id", f"WHERE id > {since} ORDER BY id"
    if story.secret:
        assert story.secret not in json.dumps(dump())
    assert not _files_that_lead_nowhere()
    return {
        "campaign": select("SELECT phase, owner_id FROM campaigns WHERE id = ?", campaign_id),
        "statuses": statuses(campaign_id),
        "handed": dict(world.handed),
        "moves": [
            [row[key] for key in ("kind", "state", "total", "done", "left_out")] for row in rows_of("bulk_moves", mine)
        ],
        "starts": [(row["kind"], row["state"]) for row in rows_of("scheduled_starts", mine)],
        "imports": [(row["state"], row["report"]) for row in rows_of("imports", mine)],
        "look-ups": [(row["state"], row["result"]) for row in rows_of("look_ups", mine)],
        "exports": [
            (row.state, row.totals, _rows_in(row))
            for row in Export.select().where(Export.campaign_id == campaign_id).order_by(Export.id)
        ],
        "audit": [(row["act"], row["actor_name"], _figures(row["numbers"])) for row in rows_of("audit", audit)],
        "told": Counter(
            re.sub(r"\d+", "", row["topic"]) for row in rows_of("slack_outbox", f"WHERE subject_id = {campaign_id}")
        ),
    }


def _files_that_lead_nowhere() -> list[str]:
    """What is kept for ever, and nobody finds to remove it."""
    named = "SELECT file_id FROM imports UNION SELECT COALESCE(refused_file_id, 0) FROM imports"
    kept = select(f"SELECT name FROM files WHERE expires_at IS NULL AND id NOT IN ({named})")
    return [name for (name,) in kept]


def _rows_in(export: Export) -> int | None:
    return export.file_id and len(b"".join(read_file(export.file_id)).splitlines())


def _figures(numbers: str) -> dict[str, Any]:
    """Without ids and moments, which differ."""
    return {key: value for key, value in json.loads(numbers).items() if not key.endswith(("_at", "_id"))}


def _begun(world: World, begin: Begin) -> tuple[Story, int]:
    world.handed.clear()
    return begin(world), int(select("SELECT COALESCE(MAX(id), 0) FROM audit")[0][0])


def _without_death(world: World, begin: Begin) -> list[dict[str, Any]]:
    """What may come of it: of one click, of two one after the other, of two at once."""
    possible = []
    for twice, at_once in ((False, False), (True, False), (True, True)):
        story, since = _begun(world, begin)
        story.click()
        if not at_once:
            world.go_on()
        if twice:
            _clicked_again(story)
        possible.append(_came_of(world, story, since))
    return possible
