"""Short-lived permissions: trigger ids open a view once within 3 s; response URLs answer 5 times within 30 minutes."""

import secrets
from dataclasses import dataclass

from bot.local_slack.clock import Clock
from bot.local_slack.errors import Document, SlackError
from bot.local_slack.store import Store

TRIGGER_SECONDS = 3
RESPONSE_SECONDS = 30 * 60
RESPONSE_USES = 5


@dataclass
class Trigger:
    """Who did what that may open a view; `view_id` when it was done inside one."""

    user: str
    view_id: str | None
    made_at: float
    used: bool = False


class Tickets:
    """Makes both kinds and checks them when they are used. A restart ends triggers, as 3 s would; URLs last."""

    def __init__(self, clock: Clock, store: Store) -> None:
        self._clock = clock
        self._store = store
        self._triggers: dict[str, Trigger] = {}

    def make_trigger(self, user: str, view_id: str | None = None) -> str:
        """A trigger id for what the user just did."""
        now = self._clock.now()
        trigger_id = f"{int(now * 1000)}.{secrets.randbelow(10**11):011}.{secrets.token_hex(16)}"
        self._triggers[trigger_id] = Trigger(user, view_id, now)
        return trigger_id

    def use_trigger(self, trigger_id: str) -> Trigger:
        """Spend the trigger. Raises SlackError when it is unknown, spent or older than 3 s."""
        trigger = self._triggers.get(trigger_id)
        if trigger is None:
            raise SlackError("invalid_trigger_id", ["invalid `trigger_id` [json-pointer:/trigger_id]"])
        if trigger.used:
            raise SlackError("exchanged_trigger_id")
        if self._clock.now() - trigger.made_at > TRIGGER_SECONDS:
            raise SlackError("expired_trigger_id")
        trigger.used = True
        return trigger

    def make_response(self, user: str, channel: str, ts: str | None = None, thread_ts: str | None = None) -> str:
        """The key of a response URL for a command (no `ts`) or for an action on a message."""
        key = secrets.token_urlsafe(18)
        ticket = {"user": user, "channel": channel, "ts": ts, "thread_ts": thread_ts, "made_at": self._clock.now()}
        self._store.put("response", key, {**ticket, "uses": 0})
        return key

    def use_response(self, key: str) -> Document:
        """Spend one use of the response URL. Raises SlackError when it is unknown, used up or too old."""
        ticket = self._store.get("response", key)
        if ticket is None:
            raise SlackError("invalid_url")
        if self._clock.now() - ticket["made_at"] > RESPONSE_SECONDS:
            raise SlackError("expired_url")
        if ticket["uses"] >= RESPONSE_USES:
            raise SlackError("used_url")
        self._store.put("response", key, {**ticket, "uses": ticket["uses"] + 1})
        return ticket
