"""Prism, a proxy that holds each request and answer against an OpenAPI description.

It is a Node program: installed once into `.node/`; without Node these tests are skipped, with that reason.
"""

import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from jobs.runtime import parents
from tests.processes import ROOT, free_port, until

PRISM = "@stoplight/prism-cli@5.14.2"
FOLDER = ROOT / ".node"
PROGRAM = FOLDER / "node_modules" / ".bin" / "prism"
DESCRIPTIONS = ROOT / "tests" / "fixtures" / "openapi"
START_SECONDS = 60
PROBE = "/is-anybody-there"
VIOLATION = re.compile(r"Violation: (.*)")
# What the descriptions say otherwise than the providers' documentation, and what the probe makes.
FLAWS = (
    "Selected route not found",  # our probe
    "_page_uri must match format",  # Twilio's pages name each other by paths
    "response.body.uri ",  # so does a list itself
    "help must be object",  # SendGrid gives null, or an address as text
)


class Judge:
    """A running proxy: where it is, and what it has found amiss."""

    def __init__(self, url: str, log: Path) -> None:
        self.url = url
        self._log = log

    def violations(self) -> list[str]:
        """What its log says of requests and answers outside the description."""
        found = VIOLATION.findall(self._log.read_text(errors="replace"))
        return [one for one in found if not any(flaw in one for flaw in FLAWS)]


@pytest.fixture(scope="session")
def prism() -> Path:
    """The program."""
    if shutil.which("npm") is None:
        pytest.skip("Node's npm is missing: Prism, the judge of these tests, can't run")
    if not PROGRAM.exists():
        command = ["npm", "install", "--no-fund", "--no-audit", "--loglevel=error", "--prefix", str(FOLDER), PRISM]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=300)
    return PROGRAM


@pytest.fixture
def judge(prism: Path, tmp_path: Path) -> Iterator[Callable[[str, str], Judge]]:
    """Puts a proxy in front of a fake: `judge(description, url)`."""
    with ExitStack() as stack:

        def start(description: str, upstream: str) -> Judge:
            return stack.enter_context(_running(prism, DESCRIPTIONS / description, upstream, tmp_path / "prism.log"))

        yield start


@contextmanager
def _running(prism: Path, description: Path, upstream: str, log: Path) -> Iterator[Judge]:
    port = free_port()
    command = [str(prism), "proxy", "-h", "127.0.0.1", "-p", str(port), str(description), upstream]
    with (
        log.open("wb") as output,
        subprocess.Popen(
            command,
            stdout=output,
            stderr=subprocess.STDOUT,
            preexec_fn=parents.ask_for_death_signal,  # noqa: PLW1509  # a killed test run leaves nothing behind
        ) as process,
    ):
        url = f"http://127.0.0.1:{port}"
        try:
            until(lambda: _listens(url), seconds=START_SECONDS, what="Prism")
            yield Judge(url, log)
        finally:
            process.kill()


def _listens(url: str) -> bool:
    try:
        urlopen(url + PROBE, timeout=5).close()
    except HTTPError as answered:
        answered.close()
    except OSError:
        return False
    return True
