"""`/metrics`, for Prometheus: what an on-call person asks, read at each scrape from what all processes share.

So any web process may answer for all of them, on all machines. No figure names a person or a campaign.
"""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence

import structlog
from flask import Flask, Response, g, request
from peewee import DatabaseError, InterfaceError
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from admin import access, readiness, webhooks
from models import database
from models.clock import now_ms
from models.config import Config
from models.operations import tallying
from models.operations.tallying import ABOVE, BOUNDS, SUM
from models.queries import figures, health
from models.queries.figures import Labels
from models.queries.slack import slack_troubles
from models.words import SlackWay, Tally

log = structlog.stdlib.get_logger("signalbox.web")

COUNTERS: tuple[tuple[Tally, str, str, list[str]], ...] = (
    (Tally.SENT, "signalbox_sent", "Messages that providers took", ["channel"]),
    (Tally.OUTCOMES, "signalbox_outcomes", "Final statuses, as they came", ["channel", "status", "reason"]),
    (Tally.EXPIRED_LEASES, "signalbox_lease_expiries", "Claims whose process gave no sign of life in time", []),
    (Tally.SLACK_429, "signalbox_slack_429", "Calls that Slack refused as too many", ["method"]),
)
HISTOGRAMS = (
    (Tally.REQUESTS, "signalbox_request_seconds", "How long web took to answer", "kind"),
    (Tally.SLACK_ACKS, "signalbox_slack_ack_seconds", "How long Slack waited to be answered; it gives up at 3", "way"),
)


def install(app: Flask, config: Config) -> None:
    """Add `/metrics`, and measure how long requests take."""
    registry = CollectorRegistry()
    registry.register(Scrape(config))

    @app.get("/metrics")
    def metrics() -> Response:
        return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)

    @app.before_request
    def begin() -> None:
        g.began = time.perf_counter()

    @app.after_request
    def end(response: Response) -> Response:
        if request.endpoint not in access.PROBES:
            _measure(request.endpoint, time.perf_counter() - g.began)
            response.call_on_close(_write_if_due)  # whoever asked has the answer by then
        return response


class Scrape(Collector):
    """Reads the figures when they are asked for."""

    def __init__(self, config: Config) -> None:
        self._config = config

    def collect(self) -> Iterator[Metric]:
        """Called by prometheus_client at each scrape. Without a database only what is wrong is told."""
        checks = readiness.checks(self._config, now=now_ms())
        ready: dict[Labels, float] = {(name,): float(says == readiness.OK) for name, says in checks.items()}
        yield gauge("signalbox_ready", "Whether what is needed answers (1) or not (0)", ["check"], ready)
        if checks["database"] != readiness.OK or checks["schema"] != readiness.OK:
            return
        try:
            tallying.write()
            yield from _standing(now_ms())
            yield from _tallied()
        finally:
            database.release()

    def describe(self) -> Iterable[Metric]:
        """Called at registration: nothing is read."""
        return ()


def gauge(name: str, meaning: str, labels: Sequence[str], values: Mapping[tuple[str, ...], float]) -> Metric:
    """One figure, by its labels."""
    family = GaugeMetricFamily(name, meaning, labels=labels)
    for label, value in values.items():
        family.add_metric(label, value)
    return family


def _standing(now: int) -> Iterator[Metric]:
    """How things stand at this moment."""
    labels = ["channel", "status", "reason"]
    yield gauge("signalbox_messages", "Messages by where they stand", labels, figures.messages_by_status())
    waits = figures.oldest_queued(now=now)
    yield gauge("signalbox_oldest_queued_seconds", "How long the first in line is Queued", ["channel"], waits)
    receipts = health.receipts(now=now)
    lag = (now - receipts.oldest_at) / 1000 if receipts.oldest_at else 0.0
    yield gauge("signalbox_receipts_waiting", "Posts of receipts that are due", [], {(): receipts.waiting})
    yield gauge("signalbox_receipts_lag_seconds", "How long the oldest of them waits", [], {(): lag})
    age = health.sweep_age(now=now)
    since: dict[Labels, float] = {} if age is None else {(): age / 1000}
    yield gauge("signalbox_sweep_age_seconds", "Since the sweeps last came round", [], since)
    workers: dict[Labels, float] = {(found.duty,): found.n for found in health.workers(since=now - health.STALE_MS)}
    yield gauge("signalbox_processes", "Processes that showed lately that they live", ["duty"], workers)
    yield gauge("signalbox_slack_waiting", "What waits to be said in Slack", [], {(): health.outbox().waiting})
    ways = {trouble.way for trouble in slack_troubles()}
    told: dict[Labels, float] = {(way.value,): float(way in ways) for way in SlackWay}
    yield gauge("signalbox_slack_trouble", "Whether Slack and we are kept apart (1)", ["way"], told)


def _tallied() -> Iterator[Metric]:
    """What was counted over the installation's whole life."""
    found = figures.tallies()
    for tally, name, meaning, labels in COUNTERS:
        counter = CounterMetricFamily(name, meaning, labels=labels)
        sums = found.get(tally, {})
        if not labels:
            counter.add_metric((), sum(sums.values()))
        for values, n in sums.items() if labels else ():
            counter.add_metric(values, n)
        yield counter
    for tally, name, meaning, label in HISTOGRAMS:
        yield _histogram(HistogramMetricFamily(name, meaning, labels=[label]), found.get(tally, {}))


def _histogram(family: HistogramMetricFamily, sums: Mapping[Labels, int]) -> Metric:
    for kind in sorted({labels[0] for labels in sums}):
        buckets: list[tuple[str, float]] = []
        reached = 0
        for bound in (*map(str, BOUNDS), ABOVE):
            reached += sums.get((kind, bound), 0)
            buckets.append((bound, reached))
        family.add_metric([kind], buckets, sum_value=sums.get((kind, SUM), 0) / 1_000_000)
    return family


def _measure(endpoint: str | None, seconds: float) -> None:
    if endpoint == "slack_events":
        tallying.observe(Tally.SLACK_ACKS, "http", seconds)
    else:
        tallying.observe(Tally.REQUESTS, "webhook" if endpoint in webhooks.ENDPOINTS else "page", seconds)


def _write_if_due() -> None:
    if tallying.is_due():
        try:
            tallying.write()
        except (DatabaseError, InterfaceError) as trouble:
            log.debug("tallies not written, kept for the next time", trouble=str(trouble))
        finally:
            database.release()
