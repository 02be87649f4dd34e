"""Doctor: what is wrong with the installation, and the step that mends it."""

import os
from collections.abc import Iterator
from dataclasses import dataclass

from peewee import DatabaseError

from jobs.queues import DUTIES
from jobs.runtime import addresses, waiting
from models import database, schema
from models.clock import now_ms
from models.config import Config
from models.errors import NotConfiguredError
from models.words import CHANNEL_LABELS, Channel

STALE_MS = 30_000


@dataclass(frozen=True)
class Finding:
    """One check: what was looked at, whether it is well, and what it is or what to do."""

    subject: str
    ok: bool
    sentence: str


def findings() -> list[Finding]:
    """Every check, as far as the ones before allow."""
    try:
        config = Config.from_env()
    except NotConfiguredError as missing:
        return [Finding("environment", ok=False, sentence=str(missing))]
    found = [
        Finding("environment", ok=True, sentence="local mode" if config.local_mode else "production mode"),
        _var(config),
    ]
    database.connect(config)
    answer = _database()
    found += [answer, _redis(config), *_channels(config)]
    return [*found, *_processes()] if answer.ok else found


def _var(config: Config) -> Finding:
    if not config.var.exists():
        return Finding("var", ok=True, sentence=f"{config.var} will be made at the first start")
    if not os.access(config.var, os.W_OK):
        return Finding("var", ok=False, sentence=f"{config.var} can't be written to: give this user the right to")
    if config.var.stat().st_mode & 0o077:
        return Finding("var", ok=False, sentence=f"{config.var} can be read by others: run chmod 700 on it")
    return Finding("var", ok=True, sentence=str(config.var))


def _database() -> Finding:
    try:
        schema.check()
    except NotConfiguredError as behind:
        return Finding("database", ok=False, sentence=str(behind))
    except DatabaseError as trouble:
        sentence = f"it does not answer ({str(trouble).strip()}): check DATABASE_URL and that it runs"
        return Finding("database", ok=False, sentence=sentence)
    return Finding("database", ok=True, sentence=database.engine_version())


def _redis(config: Config) -> Finding:
    url = addresses.redis_url(config)
    if url is None:
        return Finding(
            "redis", ok=False, sentence="the embedded server isn't up: start the processes with honcho start"
        )
    trouble = waiting.trouble_with(url)
    if trouble:
        return Finding("redis", ok=False, sentence=f"it does not answer ({trouble}): check REDIS_URL and that it runs")
    return Finding("redis", ok=True, sentence="answers")


def _channels(config: Config) -> Iterator[Finding]:
    for channel in Channel:
        lacking = config.lacks(channel)
        yield Finding(CHANNEL_LABELS[channel], ok=not lacking, sentence=lacking or config.providers[channel])


def _processes() -> Iterator[Finding]:
    alive = {
        duty for (duty,) in database.select("SELECT duty FROM running_processes WHERE beat_at > ?", now_ms() - STALE_MS)
    }
    for duty in DUTIES:
        sentence = "works" if duty in alive else "no process takes its jobs: start python -m jobs.worker"
        yield Finding(f"work {duty}", ok=duty in alive, sentence=sentence)
