"""The web application: the panel, and what operations ask. Does it live, can it work, how does it stand?"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import peewee
from flask import Flask, Response, jsonify
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from admin import access, panel, unsubscribing, webhooks
from bot import http
from jobs.runtime import addresses, waiting
from models import database, schema
from models.config import Config
from models.errors import NotConfiguredError

OK = "ok"


@dataclass(frozen=True)
class Gauge:
    """One metric, read at each scrape from what all processes share: any of them may answer.

    `read` returns a value for each value of `label`.
    """

    name: str
    meaning: str
    label: str
    read: Callable[[], Mapping[str, float]]


def create_app(config: Config) -> Flask:
    """The WSGI application of one work process; opens no connection yet."""
    database.connect(config)
    app = Flask(__name__)

    @app.get("/healthz")
    def healthz() -> Response:
        return Response(OK, mimetype="text/plain")

    @app.get("/readyz")
    def readyz() -> tuple[Response, int]:
        checks = readiness(config)
        ready = all(result == OK for result in checks.values())
        return jsonify(ready=ready, checks=checks), 200 if ready else 503

    registry = CollectorRegistry()
    registry.register(Scrape([_ready_gauge(config)]))

    @app.get("/metrics")
    def metrics() -> Response:
        return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)

    panel.install(app, config)
    webhooks.install(app, config)
    app.register_blueprint(unsubscribing.blueprint)
    http.mount(app, config)
    access.refuse_unnamed(app)
    return app


def readiness(config: Config) -> dict[str, str]:
    """What each thing that is needed says: `ok`, or what is wrong with it, without addresses or secrets."""
    url = addresses.redis_url(config)
    redis_ok = url is not None and waiting.trouble_with(url) is None
    return {**_database_checks(), "redis": OK if redis_ok else "no answer"}


class Scrape(Collector):
    """Reads the gauges when they are asked for, so nothing is kept that work processes would disagree on."""

    def __init__(self, gauges: Iterable[Gauge]) -> None:
        self._gauges = tuple(gauges)

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """Called by prometheus_client at each scrape."""
        for gauge in self._gauges:
            family = GaugeMetricFamily(gauge.name, gauge.meaning, labels=[gauge.label])
            for value, number in gauge.read().items():
                family.add_metric([value], number)
            yield family

    def describe(self) -> Iterable[GaugeMetricFamily]:
        """Called at registration: names only, nothing is read."""
        for gauge in self._gauges:
            yield GaugeMetricFamily(gauge.name, gauge.meaning, labels=[gauge.label])


def _ready_gauge(config: Config) -> Gauge:
    def read() -> dict[str, float]:
        return {check: float(result == OK) for check, result in readiness(config).items()}

    return Gauge("signalbox_ready", "Whether what is needed answers (1) or not (0)", "check", read)


def _database_checks() -> dict[str, str]:
    try:
        schema.check()
    except peewee.DatabaseError:
        return {"database": "no answer", "schema": "not known"}
    except NotConfiguredError:
        return {"database": OK, "schema": "behind"}
    finally:
        database.close()
    return {"database": OK, "schema": OK}
