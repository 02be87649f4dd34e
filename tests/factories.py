"""Campaigns and messages for tests: plain functions, through the operations wherever that is quick enough."""

import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from typing import Any

import pytest

from models import database
from models.actors import COMMAND_LINE, Actor
from models.contacts.mapping import map_columns
from models.database import execute, insert_many, on_sqlite, select, snapshot, transaction
from models.errors import CampaignError
from models.operations import campaigns, exporting, importing, retrying, running, scheduling, sending
from models.operations.counters import Deltas, recount
from models.operations.files import store_file
from models.operations.moving import Mover
from models.operations.running import Moved
from models.operations.sending import Claimed
from models.operations.settling import Settled, settle
from models.queries.campaigns import counts_of, get_campaign
from models.rules.criteria import Criteria
from models.rules.timeouts import LEASE
from models.rules.verdicts import Event, Word
from models.tables import BulkMove
from models.words import Channel, FailureReason, MessageStatus, Phase, StartKind

NOW = 1_750_000_000_000  # epoch ms: a moment in June 2025
SECOND = 1000
MINUTE = 60 * SECOND
PROVIDERS = {Channel.SMS: "twilio", Channel.EMAIL: "sendgrid"}

_numbers = itertools.count(1)


def make_draft(channel: Channel = Channel.SMS, *, name: str = "", actor: Actor = COMMAND_LINE, now: int = NOW) -> int:
    """A draft with a template and nobody to send it to; returns its id."""
    campaign_id = campaigns.create_draft(
        name=name or f"Campaign {next(_numbers)}", channel=channel, owner_id=actor.person_id, actor=actor, now=now
    )
    campaigns.set_template(campaign_id, template_for(channel), actor=actor, now=now)
    return campaign_id


def template_for(channel: Channel, body: str = "Hello") -> campaigns.CampaignTemplate:
    """A template with all that its channel needs."""
    if channel is Channel.SMS:
        return campaigns.CampaignTemplate(body)
    return campaigns.CampaignTemplate(body, subject="News", from_address="news@example.com")


def make_campaign(
    channel: Channel = Channel.SMS, messages: int | Sequence[str] = 3, *, name: str = "", now: int = NOW
) -> int:
    """A Ready campaign with so many messages, or with messages to these recipients; returns its id."""
    campaign_id = make_draft(channel, name=name, now=now)
    recipients = recipients_on(channel, messages) if isinstance(messages, int) else messages
    make_messages(campaign_id, recipients, now=now)
    campaigns.finish_draft(campaign_id, actor=COMMAND_LINE, now=now)
    return campaign_id


def recipients_on(channel: Channel, count: int) -> list[str]:
    """So many different recipients."""
    if channel is Channel.SMS:
        return [f"+1415{5550000 + number}" for number in range(count)]
    return [f"person{number}@example.com" for number in range(count)]


def make_messages(campaign_id: int, recipients: Iterable[str], *, now: int = NOW) -> None:
    """Waiting messages as an import leaves them, without the checks of a file."""
    rows = [(campaign_id, recipient, recipient.lower(), "[]", "waiting", now) for recipient in recipients]
    with transaction():
        insert_many(
            "messages", ("campaign_id", "recipient", "recipient_key", "field_values", "status", "updated_at"), rows
        )
        deltas = Deltas()
        deltas.add(campaign_id, MessageStatus.WAITING, None, None, len(rows))
        deltas.write(now)


def start_import(campaign_id: int, text: str, *, actor: Actor = COMMAND_LINE, now: int = NOW) -> int:
    """Store a contacts file and ask for its import, the first column being the destination; returns the import's id."""
    file_id = store_file("contacts.csv", "text/csv", [text.encode()], now=now)
    columns = text.splitlines()[0].split(",")
    contacts = importing.ContactsFile(file_id, map_columns(columns, destination=columns[0], fields=None))
    return importing.start_import(campaign_id, contacts, consent=True, actor=actor, now=now)


def contacts_file(channel: Channel, count: int) -> str:
    """A contacts file of so many rows with a name for each."""
    rows = [f"{recipient},Name {number}" for number, recipient in enumerate(recipients_on(channel, count))]
    return "\n".join(["recipient,name", *rows, ""])


def run(campaign_id: int, *, actor: Actor = COMMAND_LINE, now: int = NOW) -> None:
    """Run a campaign until all its messages are Queued."""
    running.run_campaign(campaign_id, actor=actor, disclaimer_accepted=True, now=now)
    move_all(campaign_id, now=now)


def move_all(campaign_id: int, *, now: int = NOW) -> None:
    """Work on the campaign's bulk moves until none is open."""
    mover = Mover()
    while mover.advance(campaign_id, now=now):
        pass


def claim(campaign_id: int, *, provider: str = "", limit: int = 1000, now: int = NOW) -> tuple[Claimed, ...]:
    """Claim what is queued, from the beginning."""
    provider = provider or PROVIDERS[Channel(get_campaign(campaign_id).channel)]
    return sending.claim_messages(
        campaign_id, provider=provider, limit=limit, after_id=0, lease_ms=LEASE, now=now
    ).messages


def answer(claimed: Iterable[Claimed], word: Word = Word.ACCEPTED, *, at: int = NOW, **details: Any) -> Settled:
    """The provider's answer to hand-overs, the same for all."""
    return settle(
        [Event(one.message_id, one.attempt, word, at, answers=True, **details) for one in claimed], now=at, scale=1
    )


def receive(claimed: Iterable[Claimed], word: Word, *, at: int = NOW, **details: Any) -> Settled:
    """A receipt for each."""
    return settle([Event(one.message_id, one.attempt, word, at, **details) for one in claimed], now=at, scale=1)


def send_all(
    campaign_id: int, word: Word = Word.DELIVERED, *, now: int = NOW, reason: FailureReason | None = None
) -> tuple[Claimed, ...]:
    """Claim all that is queued, let the provider accept it, and give each this receipt."""
    claimed = claim(campaign_id, now=now)
    answer(claimed, at=now)
    receive(claimed, word, at=now, reason=reason)
    return claimed


def make_ended(
    channel: Channel = Channel.SMS, messages: int = 3, word: Word = Word.DELIVERED, *, now: int = NOW
) -> int:
    """A campaign that was run to its end, each message with this verdict; returns its id."""
    campaign_id = make_campaign(channel, messages, now=now)
    run(campaign_id, now=now)
    send_all(campaign_id, word, now=now)
    assert phase_of(campaign_id) == Phase.ENDED
    return campaign_id


def make_left_out(*, left_out: int = 2, word: Word = Word.DELIVERED, now: int = NOW) -> int:
    """A campaign run to its end without those whom one before it had reached; the verdict of the one sent is `word`."""
    make_ended(messages=left_out, now=now)
    campaign_id = make_campaign(messages=left_out + 1, now=now)
    running.run_campaign(
        campaign_id, actor=COMMAND_LINE, disclaimer_accepted=True, leave_out_reached=True, now=now + SECOND
    )
    move_all(campaign_id, now=now + SECOND)
    send_all(campaign_id, word, now=now + SECOND)
    return campaign_id


def phase_of(campaign_id: int) -> str:
    """The campaign's phase."""
    return str(get_campaign(campaign_id).phase)


def statuses(campaign_id: int) -> dict[str, int]:
    """How many rows stand where; fails the test unless the counters say the same."""
    with snapshot():
        differences = recount(campaign_id)
        counted = counts_of(campaign_id)
        rows = Counter(status for (status,) in select("SELECT status FROM messages WHERE campaign_id = ?", campaign_id))
    assert differences == {}
    assert counted.total == rows.total()
    return dict(rows)


def message(message_id: int) -> dict[str, Any]:
    """A message's row."""
    return rows_of("messages", f"WHERE id = {message_id}")[0]


def attempt(message_id: int, number: int = 1) -> dict[str, Any]:
    """An attempt's row."""
    return rows_of("attempts", f"WHERE message_id = {message_id} AND number = {number}")[0]


def message_ids(campaign_id: int) -> list[int]:
    """The campaign's messages, in order."""
    return [row[0] for row in select("SELECT id FROM messages WHERE campaign_id = ? ORDER BY id", campaign_id)]


def rows_of(table: str, condition: str = "") -> list[dict[str, Any]]:
    """The rows of a table by column, in no order."""
    columns = columns_of(table)
    return [
        dict(zip(columns, row, strict=True)) for row in select(f"SELECT {', '.join(columns)} FROM {table} {condition}")
    ]


def columns_of(table: str) -> list[str]:
    """The columns of a table."""
    return _columns(on_sqlite(), table)


@cache
def _columns(_engine: bool, table: str) -> list[str]:
    """Looked up once: all databases of an engine have the same tables."""
    if on_sqlite():
        return [row[1] for row in select(f"PRAGMA table_info({table})")]
    return [
        row[0]
        for row in select(
            "SELECT column_name FROM information_schema.columns WHERE table_schema = 'public' AND table_name = ? "
            "ORDER BY ordinal_position",
            table,
        )
    ]


def tables() -> list[str]:
    """All tables of ours that are in the database."""
    if on_sqlite():
        found = select("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
    else:
        found = select("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    return sorted(row[0] for row in found if row[0] != "schema_migration")


def dump() -> dict[str, list[str]]:
    """All that is in the database, to compare; counters of nothing say nothing, tallies are no state."""
    with snapshot():
        return {
            table: sorted(repr(row) for row in rows_of(table, "WHERE n <> 0" if table == "message_counts" else ""))
            for table in tables()
            if table != "tallies"
        }


@contextmanager
def refused(error: type[CampaignError]) -> Iterator[pytest.ExceptionInfo[CampaignError]]:
    """What stands in the block is refused with exactly this error, and changes nothing in any table."""
    before = dump()
    with pytest.raises(error) as caught:
        yield caught
    assert type(caught.value) is error
    assert dump() == before


def export_while(act: Callable[[], object], export_id: int) -> None:
    """Make an export; once its moment is fixed and nothing of it is written yet, somebody else does `act`."""
    asked = itertools.count()

    def clock() -> int:
        if next(asked) == 1:  # at the first it was taken on
            with ThreadPoolExecutor(1) as somebody:
                somebody.submit(act).result()
                somebody.submit(database.close).result()
        return NOW

    exporting.do_export(export_id, clock=clock)


def put_into_phase(campaign_id: int, phase: Phase) -> None:
    """Put a campaign into a phase by hand, for rules that only look at it."""
    with transaction():
        execute("UPDATE campaigns SET phase = ? WHERE id = ?", phase.value, campaign_id)


def stop(campaign_id: int, *, now: int = NOW) -> None:
    """Stop it; the rows are not moved yet."""
    running.stop_campaign(campaign_id, actor=COMMAND_LINE, now=now)


def resume(campaign_id: int, *, now: int = NOW) -> Moved:
    """Resume it; the rows are not moved yet."""
    return running.resume_campaign(campaign_id, actor=COMMAND_LINE, now=now)


def retry(campaign_id: int, *, now: int = NOW) -> Moved:
    """Retry all that is Failed or Unconfirmed; the rows are not moved yet."""
    return retrying.retry_messages(
        campaign_id, actor=COMMAND_LINE, criteria=Criteria(), include_unconfirmed=True, now=now
    )


def run_later(campaign_id: int, *, at: int | None, actor: Actor = COMMAND_LINE, now: int = NOW) -> int:
    """Let it be run at a time, or with None when its channel is free; returns the start's id."""
    return scheduling.schedule_start(
        campaign_id,
        kind=StartKind.RUN,
        criteria=None,
        start_at=at,
        when_free=at is None,
        time_zone="Europe/Berlin",
        actor=actor,
        disclaimer_accepted=True,
        now=now,
    )


def retry_later(
    campaign_id: int,
    *,
    at: int | None,
    criteria: Criteria | None = None,
    actor: Actor = COMMAND_LINE,
    now: int = NOW,
) -> int:
    """Let what failed be retried when its channel is free, and not before a time if one is given."""
    return scheduling.schedule_start(
        campaign_id,
        kind=StartKind.RETRY,
        criteria=criteria,
        start_at=at,
        when_free=True,
        time_zone="UTC",
        actor=actor,
        now=now,
    )


def delete(campaign_id: int, *, now: int = NOW) -> None:
    """Delete it; the rows are not removed yet."""
    name = get_campaign(campaign_id).name
    running.delete_campaign(campaign_id, actor=COMMAND_LINE, typed_name=name, now=now)


def moves_of(campaign_id: int) -> list[BulkMove]:
    """The campaign's bulk moves, oldest first."""
    return list(BulkMove.select().where(BulkMove.campaign_id == campaign_id).order_by(BulkMove.id))


def latest(campaign_id: int) -> list[Claimed]:
    """The latest hand-over of each message, as its claim gave it."""
    return [
        Claimed(row["id"], row["attempt"], row["recipient"], ())
        for row in rows_of("messages", f"WHERE campaign_id = {campaign_id} ORDER BY id")
    ]
