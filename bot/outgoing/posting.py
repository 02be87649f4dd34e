"""Posting a message once, whatever happens in between."""

import hashlib
import json
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from bot.drawing.blocks import Message
from bot.outgoing.web_api import NotNowError, RefusedError, TroubleError, WebApi
from models.operations import outbox
from models.queries.slack import MISSING_SCOPE
from models.tables import SlackOutbox

EVENT = "signalbox_said"
LOOKED_AROUND = 5 * 60_000  # ms before and after the note; Slack's clock may differ from ours
PAGE = 200  # messages, as Slack advises


class Posted(NamedTuple):
    """A message that is there; `found` when an earlier try had posted it already, perhaps with older words.

    `shows` is the fingerprint of what stands in it, '' where that is not known.
    """

    channel_id: str
    ts: str
    found: bool
    shows: str


class Posting:
    """Asks Slack to post what the outbox holds.

    Before the call a note is written. If the answer is lost, or the process dies, the note is still there, and
    the next try first looks through the conversation for a message that carries the outbox's id. That needs
    the history scopes; where the app was not given them, what may have been posted is not posted again.
    """

    def __init__(self, web_api: WebApi, clock: Callable[[], int]) -> None:
        self._web_api = web_api
        self._clock = clock

    def post(self, saying: SlackOutbox, channel: str, letter: Message, thread_ts: str | None = None) -> Posted:
        """The message, posted now or by an earlier try. Raises what a call of the Web API raises."""
        there = self.look_for(saying, channel, lambda message: _id_in(message) == saying.id, thread_ts)
        if there is not None:
            return Posted(channel, there["ts"], found=True, shows="")
        self._web_api.ready("chat_postMessage", channel)
        with self.noted(saying):
            answer = self._web_api.call(
                "chat_postMessage",
                channel=channel,
                thread_ts=thread_ts,
                text=letter.text,
                blocks=letter.blocks,
                metadata={"event_type": EVENT, "event_payload": {"outbox_id": saying.id}},
            )
        return Posted(answer["channel"], answer["ts"], found=False, shows=fingerprint(letter))

    def noted(self, saying: SlackOutbox) -> "_Noted":
        """The note around a call that posts something."""
        return _Noted(saying, self._clock())

    def look_for(
        self, saying: SlackOutbox, channel: str, wanted: Callable[[Any], bool], thread_ts: str | None = None
    ) -> Any | None:
        """The message that an interrupted try has posted, if it did."""
        if saying.posting_at is None:
            return None
        try:
            return next(filter(wanted, self._messages(channel, saying.posting_at, thread_ts)), None)
        except TroubleError as trouble:
            if trouble.error.startswith(MISSING_SCOPE):
                raise RefusedError("interrupted, may have been said") from trouble
            raise

    def _messages(self, channel: str, around: int, thread_ts: str | None) -> Iterator[Any]:
        """What was written in a conversation, or in a thread of it, around that moment (epoch ms)."""
        method = "conversations_replies" if thread_ts else "conversations_history"
        oldest, latest = (f"{max(0, at) / 1000:.6f}" for at in (around - LOOKED_AROUND, around + LOOKED_AROUND))
        where: dict[str, Any] = {"channel": channel, "oldest": oldest, "latest": latest, "limit": PAGE}
        where |= {"ts": thread_ts} if thread_ts else {}
        cursor = None
        while cursor != "":
            answer = self._web_api.call(method, **where, cursor=cursor, include_all_metadata=True)
            yield from answer["messages"]
            cursor = (answer.get("response_metadata") or {}).get("next_cursor") or ""


def fingerprint(shown: Message) -> str:
    """Of what is said, without the small print and the moment in it: what has not changed is not sent again."""
    lasting = [block for block in shown.blocks if block["type"] != "context"]
    return hashlib.sha256(json.dumps([shown.text, lasting], sort_keys=True).encode()).hexdigest()[:32]


class _Noted:
    """Writes the note; takes it back if Slack surely did not do it."""

    def __init__(self, saying: SlackOutbox, now: int) -> None:
        self._saying = saying
        self._now = now

    def __enter__(self) -> None:
        outbox.begin(self._saying, now=self._now)

    def __exit__(self, _kind: object, error: object, _trace: object) -> None:
        if isinstance(error, NotNowError | RefusedError):
            outbox.not_taken(self._saying)


def _id_in(message: Any) -> object:
    metadata = message.get("metadata") or {}
    return metadata.get("event_payload", {}).get("outbox_id") if metadata.get("event_type") == EVENT else None
