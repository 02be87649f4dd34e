"""Whoever dies between two steps of an act, a click again and the sweeps make it whole: as if nobody had died.

Each act is clicked, and its work done, by a process that dies after its first commit, its second, and so on until it
is done before it dies. Then the clock finds what was left, the person clicks again, and a campaign that runs is sent.
What has come of it must be what comes of a click, or of two, where nobody dies: statuses that recount to the counters,
who was handed a message and how often, moves, files, the audit, and what Slack is to be told.
"""

import itertools
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from jobs import bulk, context, lookups
from jobs.runtime.stopping import Stop
from jobs.starting import fire_due_starts
from models.actors import Actor
from models.clock import now_ms
from models.config import Config
from models.contacts.mapping import map_columns
from models.database import execute, select, transaction
from models.errors import CampaignError
from models.hints import Work
from models.operations import exporting, importing, retrying, running, scheduling
from models.operations.asking import ask_provider
from models.operations.files import read_file, remove_expired_files
from models.operations.forgetting import forget_person
from models.operations.handing_on import hand_on
from models.operations.optouts import opt_out
from models.operations.proving import campaigns_to_prove, prove_counts
from models.operations.sweeping import find_work, sweep_due
from models.rules.criteria import Criteria
from models.rules.timeouts import HOUR
from models.rules.verdicts import Word
from models.tables import Export
from models.words import Channel, OptOutSource
from tests import factories
from tests.dying import dies
from tests.factories import MINUTE, dump, make_campaign, make_draft, rows_of, statuses

pytestmark = pytest.mark.both_engines

ROUNDS = 2  # a later start fires in the one and its move is found in the same, and its end is proven in the other
MOST = 60  # commits: more would be an act that never ends
_people = itertools.count(1000)


@pytest.fixture
def environment() -> Mapping[str, str]:
    """With Slack, so that what it is to be told waits in the outbox: nobody posts it here."""
    slack = {"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_SIGNING_SECRET": "s"}
    return {"SMS_PROVIDER": "simulated", "EMAIL_PROVIDER": "simulated", **slack}


@pytest.fixture
def world(
    installation: Config,
    hinted: list[tuple[Work, int]],
    alice: Actor,
    ben: Actor,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator["World"]:
    """An installation whose worker and clock are at work when they are told."""
    stop = Stop()
    context.enter(context.Context(installation, stop))
    made = World(alice, ben, hinted)
    for module in (bulk, lookups):
        monkeypatch.setattr(module, "now_ms", lambda: made.now)
    yield made
    stop.close()


@dataclass
class World:
    """Who acts, what time it is, and whom the provider was handed a message for in the campaigns of a story."""

    alice: Actor
    ben: Actor
    hinted: list[tuple[Work, int]]
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
            self.hinted.clear()
            find_work(now=self.now)
            for work, subject_id in sorted(set(self.hinted)):
                if work in JOBS:
                    JOBS[work](subject_id)
            for campaign_id in campaigns_to_prove(now=self.now, limit=9):
                prove_counts(campaign_id, now=self.now)
            remove_expired_files(now=self.now)


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


def _recipients(count: int = 3) -> list[str]:
    """Numbers that nobody has had before."""
    return [f"+1415555{next(_people)}" for _ in range(count)]


def _ready(world: World) -> int:
    return make_campaign(messages=_recipients(), now=world.now)


def _run(world: World) -> int:
    campaign_id = _ready(world)
    factories.run(campaign_id, actor=world.ben, now=world.now)
    return campaign_id


def _ended(world: World, word: Word) -> int:
    campaign_id = _run(world)
    world.send(campaign_id, word)
    return campaign_id


def is_run(world: World) -> Story:
    """Run."""
    campaign_id = _ready(world)
    return Story(
        campaign_id,
        lambda: running.run_campaign(campaign_id, actor=world.ben, disclaimer_accepted=True, now=world.now),
    )


def is_run_later(world: World) -> Story:
    """Start later, which then fires."""
    campaign_id = _ready(world)
    at = world.now + MINUTE
    return Story(campaign_id, lambda: factories.run_later(campaign_id, at=at, actor=world.ben, now=world.now))


def is_not_run_later(world: World) -> Story:
    """Cancel what would start later."""
    campaign_id = _ready(world)
    factories.run_later(campaign_id, at=world.now + MINUTE, actor=world.ben, now=world.now)
    return Story(campaign_id, lambda: scheduling.cancel_start(campaign_id, actor=world.alice, now=world.now))


def is_stopped(world: World) -> Story:
    """Stop."""
    campaign_id = _run(world)
    return Story(campaign_id, lambda: running.stop_campaign(campaign_id, actor=world.alice, now=world.now))


def is_resumed(world: World) -> Story:
    """Resume what was stopped."""
    campaign_id = _run(world)
    factories.stop(campaign_id, now=world.now)
    factories.move_all(campaign_id, now=world.now)
    return Story(campaign_id, lambda: running.resume_campaign(campaign_id, actor=world.ben, now=world.now))


def is_retried(world: World) -> Story:
    """Confirm a retry plan."""
    campaign_id = _ended(world, Word.FAILED)
    plan = retrying.open_plan(campaign_id, criteria=Criteria(), actor=world.ben, now=world.now)
    return Story(
        campaign_id,
        lambda: retrying.confirm_plan(
            plan.id, ticked=plan.shown, include_unconfirmed=False, actor=world.ben, now=world.now
        ),
    )


def is_retried_later(world: World) -> Story:
    """Let a plan start later, which then fires."""
    campaign_id = _ended(world, Word.FAILED)
    plan = retrying.open_plan(campaign_id, criteria=Criteria(), actor=world.ben, now=world.now)
    at = world.now + MINUTE

    def later() -> None:
        criteria = retrying.plan_criteria(plan.id, ticked=plan.shown, include_unconfirmed=False)
        factories.retry_later(campaign_id, at=at, criteria=criteria, actor=world.ben, now=world.now)

    return Story(campaign_id, later)


def is_exported(world: World) -> Story:
    """Ask for an export, which a job makes."""
    campaign_id = _ended(world, Word.FAILED)
    return Story(
        campaign_id,
        lambda: exporting.start_export(campaign_id, criteria=Criteria(), actor=world.ben, now=world.now),
    )


def is_exported_at_once(world: World) -> Story:
    """Make an export within a request."""
    campaign_id = _ended(world, Word.FAILED)
    return Story(
        campaign_id,
        lambda: exporting.export_now(campaign_id, criteria=Criteria(), actor=world.ben, clock=lambda: world.now),
    )


def is_compared(world: World) -> Story:
    """Ask for what changed since an export."""
    campaign_id = _ended(world, Word.FAILED)
    asked = {"criteria": Criteria(), "actor": world.ben}
    since = exporting.export_now(campaign_id, clock=lambda: world.now, **asked).id
    factories.receive(factories.latest(campaign_id)[:1], Word.DELIVERED, at=world.now + MINUTE)
    return Story(campaign_id, lambda: exporting.start_export(campaign_id, now=world.now, since_id=since, **asked))


def is_looked_up(world: World) -> Story:
    """Ask the provider about what is Unconfirmed, of which it has one."""
    campaign_id = make_campaign(messages=[f"+1{next(_people)}55{end}" for end in (9050, 9051)], now=world.now)
    factories.run(campaign_id, now=world.now)
    world.send(campaign_id, Word.UNCONFIRMED)
    return Story(campaign_id, lambda: ask_provider(campaign_id, actor=world.ben, now=world.now))


def is_deleted(world: World) -> Story:
    """Delete, with a file that was exported."""
    campaign_id = _ended(world, Word.DELIVERED)
    exporting.export_now(campaign_id, criteria=Criteria(), actor=world.ben, clock=lambda: world.now)
    name = f"Campaign to go {campaign_id}"
    with transaction():
        execute("UPDATE campaigns SET name = ?, name_key = ? WHERE id = ?", name, name.lower(), campaign_id)
    return Story(
        campaign_id,
        lambda: running.delete_campaign(campaign_id, actor=world.alice, typed_name=name, now=world.now),
    )


def is_imported(world: World) -> Story:
    """Import contacts, one of them twice and one that is none."""
    campaign_id, (ann, bob) = make_draft(actor=world.ben, now=world.now), _recipients(2)
    text = f"phone,name\n{ann},Ann\n{bob},Bob\n{ann},Ann again\nnonsense,Nobody\n"
    asked = {"header": None, "now": world.now, "kept_until": world.now + HOUR}
    file_id = importing.store_contacts("contacts.csv", [text.encode()], **asked)
    contacts = importing.ContactsFile(file_id, map_columns(["phone", "name"], destination="phone", fields=None))
    return Story(
        campaign_id,
        lambda: importing.start_import(campaign_id, contacts, consent=True, actor=world.ben, now=world.now),
    )


def is_handed_on(world: World) -> Story:
    """Hand on."""
    campaign_id, to = _ready(world), world.alice.person_id
    assert to is not None
    return Story(campaign_id, lambda: hand_on(campaign_id, to=to, actor=world.alice, now=world.now))


def refuses_messages(world: World) -> Story:
    """Opt somebody out, by hand, while it is sent."""
    campaign_id = _run(world)
    recipient = rows_of("messages", f"WHERE campaign_id = {campaign_id} ORDER BY id")[0]["recipient"]
    return Story(
        campaign_id,
        lambda: opt_out(Channel.SMS, recipient, source=OptOutSource.HAND, actor=world.ben, now=world.now),
    )


def is_mended(world: World) -> Story:
    """Prove counts that a fault has made wrong."""
    campaign_id = _ended(world, Word.FAILED)
    with transaction():
        execute("UPDATE message_counts SET n = n + 2 WHERE campaign_id = ? AND status = 'failed'", campaign_id)
    return Story(campaign_id, lambda: prove_counts(campaign_id, now=world.now))


def is_forgotten(world: World) -> Story:
    """Forget a person of whom an upload, an export, a search and a message to be sent know."""
    campaign_id, (ann, bob) = make_draft(actor=world.ben, now=world.now), _recipients(2)
    factories.start_import(campaign_id, f"phone\n{ann}\n{bob}\n", actor=world.ben, now=world.now)
    world.go_on()
    exported = {"actor": world.ben, "clock": lambda: world.now}
    exporting.export_now(campaign_id, criteria=Criteria(search=f"={ann}"), **exported)
    return Story(
        campaign_id, lambda: forget_person(ann, typed_again=ann, actor=world.alice, now=world.now), secret=ann[1:]
    )


STORIES: tuple[Begin, ...] = (
    is_run,
    is_run_later,
    is_not_run_later,
    is_stopped,
    is_resumed,
    is_retried,
    is_retried_later,
    is_exported,
    is_exported_at_once,
    is_compared,
    is_looked_up,
    is_deleted,
    is_imported,
    is_handed_on,
    refuses_messages,
    is_mended,
    is_forgotten,
)


def clicked_again(story: Story) -> None:
    """It is done, it was done, or it is refused in a sentence; nothing else may come of it."""
    said = "Done."
    try:
        story.click()
    except CampaignError as refused:
        said = str(refused)
    assert said.endswith((".", "?"))


def lives(world: World, story: Story, clicks: int, *, at_once: bool) -> None:
    """Nobody dies."""
    story.click()
    if not at_once:
        world.go_on()
    if clicks > 1:
        clicked_again(story)


def came_of(world: World, story: Story, since: int) -> dict[str, Any]:
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
    assert not files_that_lead_nowhere()
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


def files_that_lead_nowhere() -> list[str]:
    """What is kept for ever, and nobody finds to remove it."""
    named = "SELECT file_id FROM imports UNION SELECT COALESCE(refused_file_id, 0) FROM imports"
    kept = select(f"SELECT name FROM files WHERE expires_at IS NULL AND id NOT IN ({named})")
    return [name for (name,) in kept]


def _rows_in(export: Export) -> int | None:
    return export.file_id and len(b"".join(read_file(export.file_id)).splitlines())


def _figures(numbers: str) -> dict[str, Any]:
    """Without ids and moments, which differ."""
    return {key: value for key, value in json.loads(numbers).items() if not key.endswith(("_at", "_id"))}


def latest_audit() -> int:
    return int(select("SELECT COALESCE(MAX(id), 0) FROM audit")[0][0])


def begun(world: World, begin: Begin) -> tuple[Story, int]:
    world.handed.clear()
    return begin(world), latest_audit()


def without_death(world: World, begin: Begin) -> list[dict[str, Any]]:
    """What may come of it: of one click, of two one after the other, of two at once."""
    possible = []
    for clicks, at_once in ((1, False), (2, False), (2, True)):
        story, since = begun(world, begin)
        lives(world, story, clicks, at_once=at_once)
        possible.append(came_of(world, story, since))
    return possible


@pytest.mark.parametrize("begin", STORIES, ids=lambda begin: begin.__name__)
def test_whatever_was_begun_ends_as_if_nobody_had_died(world: World, begin: Begin) -> None:
    possible = without_death(world, begin)
    for commits in range(1, MOST):
        story, since = begun(world, begin)

        def act(story: Story = story) -> None:
            story.click()
            world.go_on()

        died = dies(act, after=commits)
        clicked_again(story)
        came = came_of(world, story, since)
        differs = [{key: (came[key], one[key]) for key in came if came[key] != one[key]} for one in possible]
        assert {} in differs, f"dead after {commits} commits"
        if not died:
            return
    raise AssertionError(f"{begin.__name__} is not done after {MOST} commits")
