"""The Procfile's `bot`: what is said in Slack; in local mode also the local Slack itself."""

import os
import socket
import time
from collections.abc import Callable

import structlog

from bot.connection import Connection, connection
from bot.local_slack import AppProfile, LocalSlack
from bot.outgoing.poster import Poster
from bot.socket_mode import Ears
from jobs import slack_app
from jobs.queues import pass_hints
from jobs.runtime import addresses, entry, run_file, waiting
from jobs.runtime.faults import outlived
from jobs.runtime.leading import Leader
from jobs.runtime.stopping import Stop
from models.clock import now_ms
from models.config import Config
from models.errors import NotConfiguredError
from models.installation import open_installation
from models.operations import tallying
from models.operations.presence import BEAT_SECONDS, beat, leave
from models.operations.slack_state import clear_trouble, note_trouble
from models.words import SlackWay

log = structlog.stdlib.get_logger("signalbox.bot")

ROUND_SECONDS = 0.3
AFTER_FAULT_SECONDS = 5.0
LEASE_SECONDS = 30.0  # longer than a beat and the longest call together, so that no two ever post


def main(config: Config, stop: Stop) -> None:
    """Post until the stop; with Slack off, only wait for it."""
    run_file.withdraw(config.var, "slack_local")
    if not config.slack_is_on:
        waiting.idle(stop, "Slack is off: no token is set")
        return
    waiting.wait_for_redis(config, stop)
    open_installation(config, pause=stop.pause)
    pass_hints(config)
    local = _start_local_slack(config) if config.local_mode else None
    try:
        _post(config, stop, local)
    finally:
        if local is not None:
            run_file.withdraw(config.var, "slack_local")
            local.stop()


def _start_local_slack(config: Config) -> LocalSlack:
    """The local Slack, listening and published; where the app is, it is told as soon as web listens."""
    profile = AppProfile.from_manifest(slack_app.manifest(by_socket=False))
    try:
        local = LocalSlack(config.var, config.slack_local_port, profile=profile).start()
    except OSError as taken:
        raise NotConfiguredError(
            f"SLACK_LOCAL_PORT {config.slack_local_port} can't be used: {taken.strerror}."
        ) from taken
    run_file.publish(
        config.var,
        "slack_local",
        url=local.url,
        token=local.bot_token,
        app_token=local.app_token,
        signing_secret=local.signing_secret,
        pid=os.getpid(),
    )
    log.info("local Slack listens", url=local.url)
    return local


def _post(config: Config, stop: Stop, local: LocalSlack | None) -> None:
    found = connection(config)
    assert found is not None, "Slack is on"
    ears, presence = Ears(found), Presence()
    speaker = Speaker(found, ears)
    while not stop.wait(ROUND_SECONDS):
        with outlived("round of the bot") as unit:
            ears.follow(presence.leads())
            _point(local, config)
            speaker.speak(lambda: presence.leads() and not stop.asked)
        if unit.faulty:
            stop.wait(AFTER_FAULT_SECONDS)
    ears.close()
    presence.leave()


class Speaker:
    """Speaks in Slack while it leads. With each lead it begins anew: what the leader before had noted is read."""

    def __init__(self, found: Connection, ears: Ears) -> None:
        self._found, self._ears = found, ears
        self._voice: tuple[Poster, Hearing] | None = None

    def speak(self, leads: Callable[[], bool]) -> None:
        """One round, ended early when `leads` says so."""
        if not leads():
            self._voice = None
            return
        if self._voice is None:
            self._voice = Poster(self._found.client()), Hearing()
        poster, hearing = self._voice
        hearing.tell(self._ears.trouble)
        poster.work(leads)


class Hearing:
    """Keeps in the database whether Slack reaches us, so that panel and doctor can tell."""

    def __init__(self) -> None:
        self._told: str | None = None

    def tell(self, trouble: str) -> None:
        """Note what changed since the last time; the first time also that all is well."""
        if trouble == self._told:
            return
        if trouble:
            note_trouble(trouble, now=now_ms(), way=SlackWay.HEARS)
        else:
            clear_trouble(SlackWay.HEARS)
        self._told = trouble


class Presence:
    """Shows every few seconds that this process lives, and whether it is the one that posts."""

    def __init__(self) -> None:
        self._name = f"{socket.gethostname()}-bot"
        self._leader = Leader("bot", holder=f"{self._name}-{os.getpid()}", seconds=LEASE_SECONDS)
        self._beats_at = 0.0

    def leads(self) -> bool:
        """True while the lease is ours."""
        if time.monotonic() >= self._beats_at:
            beat(self._name, duty="bot", host=socket.gethostname(), pid=os.getpid(), now=now_ms())
            tallying.write()
            self._beats_at = time.monotonic() + BEAT_SECONDS
        return self._leader.leads()

    def leave(self) -> None:
        """Let another begin at once; without a database its lease runs out by itself."""
        with outlived("leave of the bot"):
            self._leader.leave()
            leave(self._name)


def _point(local: LocalSlack | None, config: Config) -> None:
    """Tell the local Slack where web listens now: in local mode it may be another port than the last time."""
    if local is not None:
        url = f"{addresses.public_url(config)}/slack/events"
        if local.delivery.request_url != url:
            local.deliver_to(url)


if __name__ == "__main__":
    entry.run("bot", main)
