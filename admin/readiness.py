"""`/readyz`: whether this process could do its work now, and if not, what is wrong."""

import peewee
from flask import Flask, Response, jsonify

from jobs.runtime import addresses, waiting
from models import database, schema
from models.clock import now_ms
from models.config import Config
from models.errors import NotConfiguredError
from models.operations import space
from models.queries import health

OK = "ok"
# Without these no receipt could be taken. The others are told of, but a provider is not turned away for them.
NEEDED = ("database", "schema", "redis")
NOT_KNOWN = "not known: the database gives no answer"


def install(app: Flask, config: Config) -> None:
    """Add `/healthz` (the process lives) and `/readyz`."""

    @app.get("/healthz")
    def healthz() -> Response:
        return Response(OK, mimetype="text/plain")

    @app.get("/readyz")
    def readyz() -> tuple[Response, int]:
        found = checks(config, now=now_ms())
        ready = all(found[name] == OK for name in NEEDED)
        return jsonify(ready=ready, checks=found), 200 if ready else 503


def checks(config: Config, *, now: int) -> dict[str, str]:
    """What each thing that is needed says: `ok`, or what is wrong with it, without addresses or secrets."""
    return {**_database(now), "redis": _redis(config), "disk": _disk(config)}


def _database(now: int) -> dict[str, str]:
    try:
        schema.check()
        return {"database": OK, "schema": OK, "clock": health.clock_trouble(now=now) or OK}
    except peewee.DatabaseError:
        return {"database": "no answer", "schema": NOT_KNOWN, "clock": NOT_KNOWN}
    except NotConfiguredError:
        return {"database": OK, "schema": "behind: run `python -m admin migrate`", "clock": "waits for the schema"}
    finally:
        database.close()


def _redis(config: Config) -> str:
    url = addresses.redis_url(config)
    return OK if url is not None and waiting.trouble_with(url) is None else "no answer"


def _disk(config: Config) -> str:
    free = space.free_bytes(config.var)
    return OK if free >= space.RESERVE else f"only {space.readable(free)} free where SIGNALBOX_VAR lies"
