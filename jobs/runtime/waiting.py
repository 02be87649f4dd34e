"""Waiting: for Redis to answer, or, with nothing to do, for the stop."""

import time

import redis
import structlog
from redis.backoff import NoBackoff
from redis.retry import Retry

from jobs.runtime import addresses
from jobs.runtime.stopping import Stop
from models.config import Config
from models.errors import NotConfiguredError

log = structlog.stdlib.get_logger("signalbox.process")

ANSWER_SECONDS = 1.0
POLL_SECONDS = 0.1


def idle(stop: Stop, reason: str) -> None:
    """Say in one line why there is nothing to do, and wait for the stop."""
    log.info("idle", reason=reason)
    stop.wait()


def wait_for_redis(config: Config, stop: Stop, *, seconds: float = 30.0) -> str:
    """The URL at which Redis answers a PING, as soon as it does.

    Raises NotConfiguredError when it doesn't within `seconds`, or REDIS_URL is no URL; Stopped on a stop.
    """
    deadline = time.monotonic() + seconds
    while True:
        url = addresses.redis_url(config)
        trouble = "the redis process isn't up" if url is None else trouble_with(url)
        if url is not None and trouble is None:
            return url
        if time.monotonic() >= deadline:
            raise NotConfiguredError(f"Redis did not answer within {seconds:.0f} s: {trouble}. Is REDIS_URL right?")
        stop.pause(POLL_SECONDS)


def trouble_with(url: str) -> str | None:
    """Why Redis at `url` doesn't answer a PING within a second; None when it does."""
    try:
        with client(url) as server:
            server.ping()
    except redis.RedisError as error:
        return str(error)
    except ValueError as error:
        raise NotConfiguredError(f"REDIS_URL is not understood: {error}") from error
    return None


def client(url: str) -> redis.Redis:
    """A client that tries once and waits a second at most: for asking whether it is there."""
    return redis.Redis.from_url(
        url,
        socket_connect_timeout=ANSWER_SECONDS,
        socket_timeout=ANSWER_SECONDS,
        retry=Retry(NoBackoff(), 0),
    )
