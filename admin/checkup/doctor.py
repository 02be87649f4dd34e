"""Doctor: what is wrong with the installation, and the step that mends it."""

from collections.abc import Iterator, Mapping
from http.client import HTTPException
from pathlib import Path
from urllib.request import urlopen

import apsw
import redis
from peewee import DatabaseError

from admin.checkup import configuration
from admin.checkup.findings import Finding, Level, fault, ok, warning
from admin.checkup.slack import slack_findings
from jobs.queues import DUTIES
from jobs.runtime import addresses, owner, run_file, waiting
from models import config as variables
from models import database, schema
from models.clock import now_ms
from models.config import Config
from models.errors import NotConfiguredError
from models.operations import space
from models.queries import health
from models.queries.slack import slack_troubles

SKEW_MS = 2_000  # leases last 30 s and compare the clocks of all machines
ANSWER_SECONDS = 2.0
LITTLE_SPACE = 2 << 30  # bytes
# Without the fix of the WAL-reset bug a file can be corrupted (sqlite.org/wal.html#walresetbug).
FIXED_SQLITE = (3, 51, 3)
PROCESSES = ("web", "bot", "worker", "clock", "redis")
START = "Start all processes with `honcho start`."
CLOCK_STEP = f"See the log of `clock`, then restart it. {START}"


def findings(environment: Mapping[str, str] | None = None) -> list[Finding]:
    """Every check, as far as the ones before allow; changes nothing. `environment` defaults to the process's own."""
    try:
        config = Config.from_env(environment)
    except NotConfiguredError as refusal:
        return [fault("environment", str(refusal), "Mend that variable, then start the processes again.")]
    if config.var.exists() and not config.var.is_dir():
        return [fault("var", f"{config.var} is no folder", "Give SIGNALBOX_VAR a folder.")]
    found = [
        *configuration.environment(config),
        *configuration.channels(config),
        *slack_findings(config),
        *_folder(config),
        *_redis(config),
        *_processes(config),
        *_database(config),
    ]
    faults = {finding.subject for finding in found if finding.level is Level.FAULT}
    if "database" not in faults:
        found += [*_slack_trouble(), *_receipts(), *_codes()]
        if "processes" not in faults:
            found += [*_clocks(), *_duties()]
    return found


def live_findings(config: Config) -> list[Finding]:
    """What the environment names, asked now: channels, Slack, Redis, the address. Opens no connection anew."""
    reached = [] if config.local_mode else list(configuration.reachable(config))
    return [
        *configuration.channels(config),
        *slack_findings(config),
        *_slack_trouble(),
        *_redis(config),
        *reached,
        *_receipts(),
    ]


def _folder(config: Config) -> Iterator[Finding]:
    var = config.var
    if not var.exists():
        yield ok("var", f"{var} will be made at the first start")
        return
    secrets = [path for path in (var, var / "secret_key", var / "run.json") if path.exists()]
    for path in secrets:
        if path.stat().st_mode & 0o077:
            yield fault("var", f"{path} can be read by others", f"Run: chmod go= {path}")
    yield _writable(var)
    free = space.free_bytes(var)
    says, step = f"{space.readable(free)} free", f"Make room on the disk of {var}: what can't be written can't be sent."
    if free < LITTLE_SPACE:
        yield (fault if free < space.RESERVE else warning)("disk", says, step)
    else:
        yield ok("disk", says)


def _writable(var: Path) -> Finding:
    probe = var / "doctor.probe"
    try:
        probe.touch()
        probe.unlink()
    except OSError as trouble:
        return fault("var", f"{var} can't be written to: {trouble.strerror}", f"Run: chown -R $USER {var}")
    return ok("var", str(var))


def _redis(config: Config) -> Iterator[Finding]:
    url = addresses.redis_url(config)
    if url is None:
        yield fault("redis", "the embedded server isn't up", START)
        return
    step = "See that it runs and that REDIS_URL is right." if config.redis_url else "See the log of `redis`."
    try:
        with waiting.client(url) as server:
            known = server.info("server")
            policy = _eviction(server)
    except (redis.RedisError, ValueError) as trouble:
        yield fault("redis", f"no answer: {trouble}", step)
        return
    yield ok("redis", str(known.get("valkey_version") or known.get("redis_version")))
    if policy not in (None, "noeviction"):
        yield warning("redis", f"maxmemory-policy is {policy}", "Set it to noeviction, or hints get lost.")


def _eviction(server: redis.Redis) -> str | None:
    try:
        return str(server.config_get("maxmemory-policy")["maxmemory-policy"])
    except (redis.ResponseError, KeyError):
        return None  # hosted ones don't tell


def _processes(config: Config) -> Iterator[Finding]:
    """What runs on this machine. With PostgreSQL the others may run elsewhere."""
    running = {name: owner.holder(config.var, name) for name in _needed(config)}
    missing = fault if config.on_sqlite else warning
    if not any(running.values()):
        yield missing("processes", "none runs on this machine", START)
        return
    for name, pid in running.items():
        if pid is None:
            yield missing(name, "does not run on this machine", START)
        else:
            yield _web(config, pid) if name == "web" else ok(name, f"process {pid}")


def _needed(config: Config) -> Iterator[str]:
    slack = config.local_mode or any(name in config.variables for name in variables.SLACK_SECRETS)
    for name in PROCESSES:
        if (name != "redis" or not config.redis_url) and (name != "bot" or slack):
            yield name


def _web(config: Config, pid: int) -> Finding:
    section = run_file.living(config.var, "web")
    if section is None:
        return fault("web", f"process {pid} does not listen yet", "Look again in a moment, then at its log.")
    try:
        with urlopen(f"{section['url']}/healthz", timeout=ANSWER_SECONDS):  # noqa: S310  # the address that web published
            return ok("web", f"process {pid}, {section['url']}")
    except (OSError, HTTPException) as trouble:
        return fault(
            "web", f"process {pid} does not answer at {section['url']}: {trouble}", "Look at its log; restart it."
        )


def _database(config: Config) -> Iterator[Finding]:
    if config.on_sqlite and not Path(config.database_url.removeprefix("sqlite:///")).exists():
        yield fault("database", "there is none yet", f"{START} Or make it: `python -m admin migrate`.")
        return
    try:
        database.connect(config)
        schema.check()
        version = database.engine_version()
    except NotConfiguredError as behind:
        yield fault("database", str(behind), "Run: python -m admin migrate")
        return
    except DatabaseError as trouble:
        yield fault("database", f"no answer: {trouble}", "See that it runs and that DATABASE_URL is right.")
        return
    if config.on_sqlite and tuple(map(int, apsw.sqlitelibversion().split("."))) < FIXED_SQLITE:
        step = "Run: pip install -c constraints.txt . (its apsw has a newer one)."
        yield warning("database", f"{version} may corrupt the file at a checkpoint", step)
    else:
        yield ok("database", version)


def _clocks() -> Iterator[Finding]:
    if trouble := health.clock_trouble(now=now_ms()):
        yield fault("clock", trouble, CLOCK_STEP)
    skew = health.database_time(now=now_ms()) - now_ms()
    if abs(skew) > SKEW_MS:
        says = f"this machine and the database differ by {abs(skew) / 1000:.1f} s"
        yield fault("clock", says, "Set both by NTP: leases compare their clocks.")


def _duties() -> Iterator[Finding]:
    alive = {found.duty for found in health.workers(since=now_ms() - health.STALE_MS)}
    for duty in DUTIES:
        if duty in alive:
            yield ok(f"work {duty}", "a process takes its jobs")
        else:
            yield fault(f"work {duty}", "no process takes its jobs", "See the log of `worker`. " + START)


def _slack_trouble() -> Iterator[Finding]:
    """What keeps Slack and us apart."""
    for trouble in slack_troubles():
        minutes = (now_ms() - trouble.since) // 60_000
        yield fault("Slack", f"{trouble.says} since {minutes} min: {trouble.error}", trouble.step)


def _receipts() -> Iterator[Finding]:
    now = now_ms()
    oldest = health.receipts(now=now - health.LATE_MS).oldest_at
    if oldest is not None:
        step = "See the log of `worker`: a process of duty receipts applies them."
        yield warning("receipts", f"the oldest waits since {(now - oldest) // 1000} s", step)
    if unread := health.unreadable_posts():
        step = "See `problem` in the table receipt_inbox, and the address that the provider posts to."
        yield warning("receipts", f"{unread} of the last posts could not be read", step)


def _codes() -> Iterator[Finding]:
    found = health.unmapped_codes()
    if found:
        listed = ", ".join(f"{one.provider} {one.code}" for one in found[:5]) + (", …" if len(found) > 5 else "")
        step = "They count as unknown: add them to the provider's table in jobs/providers."
        yield warning("codes", f"{len(found)} in no table: {listed}", step)
