"""The Procfile's `web`: gunicorn, on a port that we take ourselves to say what is wrong with it."""

import os
import signal
import socket
import sys
from collections.abc import Callable
from functools import partial
from types import FrameType
from typing import Any

import structlog
from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger

from admin import first_start
from jobs.runtime import entry, parents, run_file, waiting
from jobs.runtime.stopping import Stop
from models import database
from models.config import LAST_PORT, Config
from models.errors import NotConfiguredError
from models.installation import open_installation

log = structlog.stdlib.get_logger("signalbox.web")

PORTS_TRIED = 50
BACKLOG = 1024
THREADS = 16
# With the arbiter's own rounds this keeps a stop under 3 s even while a request hangs.
GRACE_SECONDS = 2


class RoutedLogger(Logger):  # type: ignore[misc]  # publishes no types
    """gunicorn's log without its own handlers: it goes where all logs go."""

    def __init__(self, cfg: Any) -> None:
        super().__init__(cfg)
        self.error_log.propagate = True


class WebServer(BaseApplication):  # type: ignore[misc]  # publishes no types
    """gunicorn on a socket that already listens."""

    def __init__(self, config: Config, listener: socket.socket, stop: Stop) -> None:
        self._config = config
        self._settings = settings(config, listener, stop)
        super().__init__()

    def load_config(self) -> None:
        """Called by gunicorn for its settings."""
        for name, value in self._settings.items():
            self.cfg.set(name, value)

    def load(self) -> Callable[..., Any]:
        """Called by gunicorn in each work process for the application."""
        from admin.wsgi import create_app

        return create_app(self._config)


def main(config: Config, stop: Stop) -> None:
    """Listen, wait for what is needed, and serve until the stop."""
    run_file.withdraw(config.var, "web")
    listener = listen(config)
    waiting.wait_for_redis(config, stop)
    open_installation(config, pause=stop.pause)
    if config.local_mode:
        first_start.fill_empty_installation()
        first_start.wait_for_local_slack(config, stop)
    database.close()  # the work processes are forked: each opens its own
    WebServer(config, listener, stop).run()


def listen(config: Config) -> socket.socket:
    """A listening socket on PORT; in local mode for this machine only, and the next free port if it is taken.

    Raises NotConfiguredError naming the port when it can't be had.
    """
    host = "127.0.0.1" if config.local_mode else "0.0.0.0"  # noqa: S104  # the web process is meant to be reached
    last = min(config.port + PORTS_TRIED - 1, LAST_PORT) if config.local_mode else config.port
    for port in range(config.port, last + 1):
        try:
            return _listening(host, port)
        except OSError as error:
            reason = error.strerror
    tried = (
        f"PORT {config.port} can't be used" if last == config.port else f"No port of {config.port} to {last} is free"
    )
    raise NotConfiguredError(f"{tried}: {reason}.")


def address(listener: socket.socket) -> str:
    """The URL at which a browser on this machine reaches the listener."""
    return f"http://127.0.0.1:{listener.getsockname()[1]}"


def settings(config: Config, listener: socket.socket, stop: Stop) -> dict[str, Any]:
    """gunicorn's settings; hands it the listener's descriptor."""
    url, port = address(listener), listener.getsockname()[1]
    return {
        "bind": f"fd://{listener.detach()}",
        "worker_class": "gthread",
        "workers": 1 if config.on_sqlite else 2,
        "threads": THREADS,
        "graceful_timeout": GRACE_SECONDS,
        "control_socket_disable": True,
        "logger_class": RoutedLogger,
        "errorlog": None,
        "loglevel": config.log_level if config.log_level in {"DEBUG", "ERROR"} else "warning",
        "when_ready": partial(_ready, config, stop, url, port),
        "post_fork": _follow_parent,
        "post_worker_init": _leave_interrupts,
        "on_exit": lambda _arbiter: run_file.withdraw(config.var, "web"),
    }


def _listening(host: str, port: int) -> socket.socket:
    listener = socket.socket()
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def _ready(config: Config, stop: Stop, url: str, port: int, arbiter: Any) -> None:
    """gunicorn listens: publish where, and take its hard stop at Ctrl-C for the same clean one as SIGTERM."""

    def end(_number: int, frame: FrameType | None) -> None:
        arbiter.signal(signal.SIGTERM, frame)

    signal.signal(signal.SIGINT, end)
    if stop.asked:
        arbiter.signal(signal.SIGTERM, None)
    run_file.publish(config.var, "web", url=url, port=port, pid=os.getpid())
    log.info("web listens", url=url)
    for _channel, name, step in config.ignored():
        log.warning("a variable is ignored", name=name, step=step)
    if config.local_mode:
        sys.stdout.write(f"{first_start.box(config)}\n")
        sys.stdout.flush()
        database.close()
    if not config.local_mode and not config.public_url:
        log.warning("PUBLIC_URL is not set: links and webhooks only work on this machine", url=url)


def _follow_parent(_arbiter: Any, worker: Any) -> None:
    parents.end_with_parent(worker.ppid)


def _leave_interrupts(_worker: Any) -> None:
    """Ctrl-C reaches the whole group; the arbiter passes the stop on."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


if __name__ == "__main__":
    entry.run("web", main)
