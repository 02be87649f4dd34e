"""How the installation does at this moment, as findings: who works, what waits, what fell silent."""

from collections.abc import Iterator

import redis

from admin.checkup.doctor import CLOCK_STEP, START
from admin.checkup.findings import Finding, fault, ok, warning
from admin.presenting import times
from jobs.queues import DUTIES, queue_of
from jobs.runtime import addresses, waiting
from models.config import Config
from models.database import engine_version
from models.queries import health
from models.queries.pages import COUNTED
from models.queries.slack import slack_troubles
from models.words import SILENCE_LABELS, counted, duration

LATELY_MS = 24 * 3600 * 1000
LONG_QUEUE = 1000  # jobs: hints are merged, so more than a few mean that nobody takes them
_WORKER_LOG = "See the log of `worker`."


def health_findings(config: Config, *, now: int) -> list[Finding]:
    """What the health page shows; costs what it shows, whatever the size of the tables. `now` is epoch ms."""
    return [
        _workers(now),
        _clock(now),
        *_redis(config),
        _receipts(now),
        _counts(now),
        _slack(config, now),
        *_silence(),
        ok("Database", engine_version()),
    ]


def _workers(now: int) -> Finding:
    there = {found.duty: found for found in health.workers(since=now - health.STALE_MS)}
    says = ", ".join(f"{duty} {there[duty].n if duty in there else 0}" for duty in DUTIES)
    if missing := [duty for duty in DUTIES if duty not in there]:
        return fault("Workers", f"{says}; nobody takes jobs of {', '.join(missing)}", f"{_WORKER_LOG} {START}")
    oldest = min(found.oldest_beat_at for found in there.values())
    return ok("Workers", f"{says}; oldest beat {times.ago(oldest, now)}")


def _clock(now: int) -> Finding:
    if trouble := health.clock_trouble(now=now):
        return fault("Clock", f"{trouble[0].upper()}{trouble[1:]}", CLOCK_STEP)
    return ok("Clock", "Keeps time")


def _redis(config: Config) -> Iterator[Finding]:
    url = addresses.redis_url(config)
    try:
        if url is None:
            raise redis.ConnectionError("the embedded server isn't up")
        with waiting.client(url) as server:
            lengths = {duty: queue_of(duty, server).count for duty in DUTIES}
            known = server.info("server")
            persistence = server.info("persistence")
    except (redis.RedisError, ValueError) as trouble:
        yield fault(
            "Queues", f"No answer: {trouble}", "Messages wait in the database until Redis is back. See `redis`."
        )
        return
    says = ", ".join(f"{duty} {n}" for duty, n in lengths.items())
    step = f"More than {LONG_QUEUE:,} jobs wait. {_WORKER_LOG}"
    yield warning("Queues", says, step) if max(lengths.values()) > LONG_QUEUE else ok("Queues", says)
    kept = "append-only on" if persistence.get("aof_enabled") else "append-only off"
    name = "Valkey" if "valkey_version" in known else "Redis"
    yield ok("Engine", f"{name} {known.get('valkey_version') or known.get('redis_version')}, {kept}")


def _receipts(now: int) -> Finding:
    found = health.receipts(now=now)
    last = f"Last applied {times.ago(found.applied_at, now)}" if found.applied_at else "None came yet"
    more = "+" if found.waiting >= COUNTED else ""
    if not found.waiting or found.oldest_at is None:
        return ok("Receipts", f"{last}, none waiting")
    says = f"{last}, {found.waiting:,}{more} waiting, the oldest since {duration((now - found.oldest_at) / 1000)}"
    late = now - found.oldest_at > health.LATE_MS
    return (
        warning("Receipts", says, f"A process of duty receipts applies them. {_WORKER_LOG}")
        if late
        else ok("Receipts", says)
    )


def _counts(now: int) -> Finding:
    """The clock proves each campaign's counts at its end and once a day."""
    proofs, mended = health.proofs(), health.last_mended()
    says = f"{proofs.proven:,} of {counted(proofs.campaigns, 'campaign')} proven against their messages"
    if proofs.oldest_at is not None:
        says += f", the oldest {times.ago(proofs.oldest_at, now)}"
    if mended is not None and now - mended.at < LATELY_MS:
        wrong = f"{mended.numbers['messages']:,} wrong in {mended.object_name}, mended {times.ago(mended.at, now)}"
        return warning("Counts", f"{says}; {wrong}", "Counts should never differ: report it with the audit's entry.")
    return ok("Counts", says)


def _slack(config: Config, now: int) -> Finding:
    if not config.slack_is_on:
        return ok("Slack", "Off: no token is set")
    waits = health.outbox()
    said = f"last said {times.ago(waits.said_at, now)}" if waits.said_at else "nothing said yet"
    says = f"{waits.waiting:,} waiting, {said}"
    if troubles := slack_troubles():
        told = "; ".join(f"{one.says} since {times.ago(one.since, now)}: {one.error}" for one in troubles)
        return fault("Slack", f"{told[0].upper()}{told[1:]}; {says}", " ".join(one.step for one in troubles))
    if waits.oldest_due_at is not None and now - waits.oldest_due_at > health.LATE_MS:
        return warning(
            "Slack", f"{says}; the oldest since {times.ago(waits.oldest_due_at, now)}", "See the log of `bot`."
        )
    return ok("Slack", says)


def _silence() -> Iterator[Finding]:
    for silent in health.silent_campaigns():
        yield warning(silent.name, SILENCE_LABELS[silent.silence], "")
