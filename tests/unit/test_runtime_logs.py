"""What a process writes to stderr, in both formats."""

import json
import subprocess
import sys

import pytest

SCRIPT = """
import logging, structlog
from jobs.runtime import logs
from models.config import Config
logs.set_up(Config.from_env(), "clock")
log = structlog.stdlib.get_logger("signalbox.clock")
log.debug("hidden")
log.info("sweep done", rows=3)
logging.getLogger("rq.worker").info("hidden too")
logging.getLogger("rq.worker").warning("lost %s", "it")
try:
    1 / 0
except ZeroDivisionError:
    log.exception("sweep failed")
"""


EARLY_FAULT = """
import os
from jobs.runtime import exits
def main():
    everything = dict(os.environ)
    1 / 0
exits.code_of(main)
"""


def lines(**variables: str) -> list[str]:
    """What the script writes with these variables."""
    ran = subprocess.run(
        [sys.executable, "-c", SCRIPT], env={"PYTHONPATH": ".", **variables}, capture_output=True, text=True, check=True
    )
    assert ran.stdout == ""
    return ran.stderr.splitlines()


def test_json_logs_are_one_object_per_event():
    info, foreign, fault = map(json.loads, lines(LOG_FORMAT="json"))
    assert info.pop("timestamp").endswith("Z")
    assert info == {
        "event": "sweep done",
        "level": "info",
        "logger": "signalbox.clock",
        "process": "clock",
        "rows": 3,
    }
    assert (foreign["event"], foreign["logger"], foreign["level"]) == ("lost it", "rq.worker", "warning")
    assert "ZeroDivisionError" in fault["exception"]


def test_console_logs_under_honcho_carry_no_time_of_their_own():
    written = lines(HONCHO_PROCESS_NAME="clock.1")
    assert written[0] == "[info     ] sweep done [signalbox.clock] rows=3"
    assert written[1] == "[warning  ] lost it [rq.worker]"
    assert written[-1] == "ZeroDivisionError: division by zero"


@pytest.mark.parametrize(("level", "count"), [("DEBUG", 5), ("INFO", 3), ("ERROR", 1)])
def test_log_level_decides_what_is_heard(level, count):
    assert len(lines(LOG_FORMAT="json", LOG_LEVEL=level)) == count


def test_a_fault_before_there_are_logs_is_told_without_the_environment():
    ran = subprocess.run(
        [sys.executable, "-c", EARLY_FAULT],
        env={"PYTHONPATH": ".", "TWILIO_AUTH_TOKEN": "canary"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout == ""
    assert "ZeroDivisionError" in ran.stderr
    assert "canary" not in ran.stderr
