"""The parts of the local Slack in one place: state, clock, tickets, limits, faults, and the record of the traffic."""

import secrets
from collections import deque
from collections.abc import Callable
from pathlib import Path

from bot.local_slack.clock import Clock
from bot.local_slack.dialogs import Dialogs
from bot.local_slack.errors import Document
from bot.local_slack.faults import Faults
from bot.local_slack.limits import Limits
from bot.local_slack.profile import AppProfile
from bot.local_slack.store import Store
from bot.local_slack.tickets import Tickets
from bot.local_slack.workspace import APP_ID, Workspace

TRAFFIC_KEPT = 300
CREDENTIALS: dict[str, Callable[[], str]] = {
    "bot_token": lambda: f"xoxb-local-{secrets.token_hex(16)}",
    "app_token": lambda: f"xapp-1-{APP_ID}-{secrets.token_hex(16)}",
    "signing_secret": lambda: secrets.token_hex(16),
}


class Core:
    """Everything that the Web API, the people and the page share. Used by the server's loop alone."""

    def __init__(self, path: Path, profile: AppProfile, clock: Clock, limits_enforced: bool) -> None:
        self.profile = profile
        self.clock = clock
        self.store = Store(path)
        self.revision = 0
        self.watchers: set[Callable[[], None]] = set()
        self.workspace = Workspace(self.store, clock, profile, self.changed)
        self.dialogs = Dialogs(self.workspace)
        self.tickets = Tickets(clock, self.store)
        self.limits = Limits(clock, limits_enforced)
        self.faults = Faults()
        self.traffic: deque[Document] = deque(maxlen=TRAFFIC_KEPT)
        self.credentials = self._credentials()
        self.revoked = False
        self.closing = False

    def _credentials(self) -> dict[str, str]:
        kept = self.store.get("kept", "credentials")
        if kept is None:
            kept = {name: make() for name, make in CREDENTIALS.items()}
            self.store.put("kept", "credentials", kept)
        return {str(name): str(value) for name, value in kept.items()}

    def changed(self) -> None:
        """Tell every open page that there is something new."""
        self.revision += 1
        for watcher in list(self.watchers):
            watcher()

    def record(self, direction: str, name: str, sent: object, answer: object, seconds: float) -> None:
        """Note one exchange: `in` is a call of the app, `out` a delivery to it."""
        exchange = {"at": self.clock.now(), "direction": direction, "name": name, "sent": sent, "answer": answer}
        self.traffic.append({**exchange, "milliseconds": round(seconds * 1000)})
        self.changed()
