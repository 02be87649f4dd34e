"""Reads of how the installation does: who works, what waits, what fell silent."""

from dataclasses import dataclass

from models.database import on_sqlite, select
from models.queries.pages import COUNTED
from models.tables import Audit, UnmappedCode
from models.words import Silence

STALE_MS = 30_000  # a process shows every 5 s that it lives
LATE_MS = 60_000  # a promise: what waits goes on within that
POSTS_LOOKED_AT = 1000


@dataclass(frozen=True)
class Workers:
    """Processes of a duty that showed lately that they live; `oldest_beat_at` (epoch ms) is the oldest last sign."""

    duty: str
    n: int
    oldest_beat_at: int


@dataclass(frozen=True)
class Receipts:
    """Posts of receipts that are due and not applied: how many, up to a limit, and since when; the last one applied."""

    waiting: int
    oldest_at: int | None
    applied_at: int | None


@dataclass(frozen=True)
class Outbox:
    """What waits to be said in Slack, and when something was last said."""

    waiting: int
    oldest_due_at: int | None
    said_at: int | None


@dataclass(frozen=True)
class Proofs:
    """Campaigns, how many of them have proven counts, and since when the oldest of these proofs stands."""

    campaigns: int
    proven: int
    oldest_at: int | None


@dataclass(frozen=True)
class Silent:
    """A campaign whose provider has fallen silent."""

    campaign_id: int
    name: str
    silence: Silence


def workers(*, since: int) -> list[Workers]:
    """By duty, those that gave a sign since then (epoch ms)."""
    found = select(
        "SELECT duty, COUNT(*), MIN(beat_at) FROM running_processes WHERE beat_at > ? GROUP BY duty ORDER BY duty",
        since,
    )
    return [Workers(*row) for row in found]


def receipts(*, now: int) -> Receipts:
    """How far behind they are; posts that wait for a message which isn't there yet are not late."""
    waiting, oldest_at = select(
        "SELECT COUNT(*), MIN(received_at) FROM (SELECT received_at FROM receipt_inbox "
        f"WHERE applied_at IS NULL AND due_at <= ? ORDER BY due_at, id LIMIT {COUNTED}) AS due",
        now,
    )[0]
    applied_at = select("SELECT MAX(applied_at) FROM receipt_inbox WHERE applied_at IS NOT NULL")[0][0]
    return Receipts(waiting, oldest_at, applied_at)


def unreadable_posts() -> int:
    """How many of the last posts no table of ours could read."""
    last = "SELECT COUNT(problem) FROM receipt_inbox WHERE id > (SELECT MAX(id) FROM receipt_inbox) - ?"
    return int(select(last, POSTS_LOOKED_AT)[0][0])


def outbox() -> Outbox:
    """How far behind Slack is."""
    waiting, oldest_due_at = select("SELECT COUNT(*), MIN(due_at) FROM slack_outbox WHERE state = 'queued'")[0]
    said_at = select("SELECT MAX(ended_at) FROM slack_outbox WHERE ended_at IS NOT NULL")[0][0]
    return Outbox(waiting, oldest_due_at, said_at)


def silent_campaigns() -> list[Silent]:
    """Those at work whose provider accepts nothing, or sends no receipts."""
    found = select("SELECT id, name, silence FROM campaigns WHERE silence IS NOT NULL ORDER BY id")
    return [Silent(campaign_id, name, Silence(silence)) for campaign_id, name, silence in found]


def proofs() -> Proofs:
    """How far the counts of all campaigns are proven."""
    return Proofs(
        *select(
            "SELECT COUNT(*), COUNT(proven_at), MIN(proven_at) FROM campaigns WHERE phase NOT IN ('draft', 'deleting')"
        )[0]
    )


def sweep_age(*, now: int) -> int | None:
    """Milliseconds since a clock last came round its sweeps; None if none ever did."""
    beat_at = select("SELECT MAX(beat_at) FROM running_processes WHERE duty = 'clock'")[0][0]
    return None if beat_at is None else max(0, now - beat_at)


def is_empty() -> bool:
    """Whether there is nobody and nothing yet."""
    return not select("SELECT 1 FROM people LIMIT 1") and not select("SELECT 1 FROM campaigns LIMIT 1")


def last_mended() -> Audit | None:
    """The latest difference between counters and messages, which was mended when it was found."""
    found: Audit | None = Audit.select().where(Audit.act == "mend_counts").order_by(Audit.id.desc()).first()
    return found


def clock_trouble(*, now: int) -> str:
    """What is wrong with the clock that leads, '' if nothing."""
    if not select("SELECT 1 FROM leases WHERE name = 'clock' AND until_at > ?", now):
        return "nobody keeps time: sweeps, time-outs and lost hints wait"
    age = sweep_age(now=now)
    if age is None:
        return "holds its place, but no sweep came round yet"
    if age > LATE_MS:
        return f"holds its place, but not all its duties come round: the last sweep was {age // 1000} s ago"
    return ""


def database_time(*, now: int) -> int:
    """What the database's own clock says (epoch ms); SQLite has none but ours."""
    if on_sqlite():
        return now
    return int(select("SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)")[0][0])


def unmapped_codes() -> list[UnmappedCode]:
    """Codes that no table of ours knows, the latest first."""
    return list(UnmappedCode.select().order_by(UnmappedCode.last_at.desc()).limit(100))
