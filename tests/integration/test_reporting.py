"""Faults reach the Sentry that SENTRY_DSN names, without addresses and secrets; without it nothing leaves."""

import gzip
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

SECRET = "canary-secret-of-the-installation"
CANARIES = ("ada.lovelace@example.com", "+14155550123", "14155550123", SECRET, "canarypass")
SCRIPT = """
import logging, os, structlog
from jobs.runtime import exits, logs
from models.config import Config

def main():
    logs.set_up(Config.from_env(), "worker")
    log = structlog.stdlib.get_logger("signalbox.sending")
    with structlog.contextvars.bound_contextvars(campaign_id=12):
        log.error("lost ada.lovelace@example.com", message_id=7, to="+14155550123")
    log.warning("no fault")
    logging.getLogger("rq.worker").error("To=%s", "%2B14155550123")
    local = "canarypass " + os.environ["SECRET_KEY"]
    raise ValueError(f"can't reach ada.lovelace@example.com by {os.environ['DATABASE_URL']} with {local}")

code = exits.code_of(main)
if os.environ.get("FORKED"):
    exits.leave(code)
"""


class Sentry:
    """A server that takes what a Sentry would."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        sentry = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                sentry.bodies.append(gzip.decompress(body) if self.headers["Content-Encoding"] == "gzip" else body)
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)

    @property
    def dsn(self) -> str:
        return f"http://publickey@127.0.0.1:{self.server.server_port}/1"

    def events(self) -> list[dict[str, Any]]:
        """The events of all envelopes."""
        lines = [json.loads(line) for body in self.bodies for line in body.splitlines() if line.startswith(b"{")]
        return [line for line in lines if "level" in line]


@contextmanager
def listening(sentry: Sentry) -> Iterator[Sentry]:
    thread = threading.Thread(target=sentry.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield sentry
    sentry.server.shutdown()
    thread.join()
    sentry.server.server_close()


@pytest.fixture
def sentry() -> Iterator[Sentry]:
    with listening(Sentry()) as running:
        yield running


def ends(**variables: str) -> subprocess.CompletedProcess[str]:
    """The script, as a process of ours that ends by a fault."""
    environment = {
        "PYTHONPATH": ".",
        "SECRET_KEY": SECRET,
        "DATABASE_URL": "postgresql://signalbox:canary%70ass@127.0.0.1:1/none",
        "LOG_FORMAT": "json",
        **variables,
    }
    return subprocess.run(
        [sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, check=False, timeout=60
    )


@pytest.mark.parametrize("more", [{}, {"FORKED": "1"}], ids=["ended", "ended as a child"])
def test_errors_arrive_with_their_fields_and_nothing_personal(sentry: Sentry, more: dict[str, str]) -> None:
    ends(SENTRY_DSN=sentry.dsn, **more)
    sent, library, fault = sentry.events()
    assert sent["message"] == "lost a***@example.com"
    assert sent["contexts"]["fields"]["campaign_id"] == 12
    assert sent["contexts"]["fields"]["message_id"] == 7
    assert sent["contexts"]["fields"]["to"] == "+1415***0123"
    assert (sent["tags"]["process"], library["tags"]["logger"]) == ("worker", "rq.worker")
    assert fault["exception"]["values"][0]["type"] == "ValueError"
    for body in sentry.bodies:
        assert [canary for canary in CANARIES if canary.encode() in body] == []


def test_without_a_dsn_nothing_leaves_and_nothing_is_loaded(sentry: Sentry) -> None:
    ran = ends(SENTRY_DSN="")
    assert sentry.bodies == []
    assert "sentry" not in ran.stderr
    loaded = "import sys, jobs.worker, admin.server, bot.__main__, jobs.clock; sys.exit('sentry_sdk' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", loaded], env={"PYTHONPATH": "."}, check=False).returncode == 0


@pytest.mark.parametrize("dsn", ["nonsense", "https://canarypass@[sentry/1"])
def test_dsn_that_is_none_is_named_at_the_start(dsn: str) -> None:
    ran = ends(SENTRY_DSN=dsn)
    assert ran.stderr.startswith("SENTRY_DSN is not understood")
    assert ran.stderr.count("\n") == 1


def test_sentry_that_is_away_holds_nobody_up(sentry: Sentry) -> None:
    ran = ends(SENTRY_DSN="http://publickey@127.0.0.1:1/1")
    assert "ended by a fault" in ran.stderr


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_logs_show_no_canary_in_either_form(log_format: str) -> None:
    said = ends(SENTRY_DSN="", LOG_FORMAT=log_format).stderr
    assert [canary for canary in CANARIES if canary in said] == []
    assert "a***@example.com" in said
    assert "ValueError" in said
    assert ('"campaign_id": 12' if log_format == "json" else "campaign_id=12") in said
    assert ('"message_id": 7' if log_format == "json" else "message_id=7") in said
