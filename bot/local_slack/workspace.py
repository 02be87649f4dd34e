"""People, conversations and messages of the local workspace."""

import re
from collections.abc import Callable
from typing import Any

from bot.local_slack import blocks as block_kit
from bot.local_slack.clock import Clock
from bot.local_slack.errors import Document, SlackError
from bot.local_slack.profile import AppProfile
from bot.local_slack.store import Store

TEAM_ID, TEAM_DOMAIN, TEAM_NAME = "T0LOCAL", "local", "Local Slack"
APP_ID, BOT_ID, BOT_USER, SLACKBOT = "A0LOCAL", "B0BOT", "U0BOT", "USLACKBOT"
CHANNELS = {"C0GENERAL": "general", "C0CAMPAIGNS": "campaigns"}
PEOPLE = {"U0ALICE": "Alice", "U0BEN": "Ben", "U0VERA": "Vera", "U0MALLORY": "Mallory"}
TEXT_CHARACTERS = 40_000


class Workspace:
    """The state that everybody sees. `changed` is called after each change."""

    def __init__(self, store: Store, clock: Clock, profile: AppProfile, changed: Callable[[], None]) -> None:
        self.store = store
        self.clock = clock
        self.profile = profile
        self.changed = changed
        self.base_url = ""
        if not store.children("conversation"):
            self._found()

    def _found(self) -> None:
        for user, name in PEOPLE.items():
            self.put_person(user, name=name, email=f"{name.lower()}@example.com")
        for channel, name in CHANNELS.items():
            self._put_conversation({"id": channel, "name": name, "members": [*PEOPLE, BOT_USER]})

    def put_person(self, user: str, **details: Any) -> None:
        """Add a person or change one: `name`, `email`, and flags as Slack names them (`is_restricted`, `deleted`)."""
        person = self.store.get("person", user) or {"id": user, "name": user, "email": None, "is_email_confirmed": True}
        self.store.put("person", user, {**person, **details})
        self.changed()

    def person(self, user: str) -> Document:
        """The person. Raises SlackError(`user_not_found`)."""
        person = self.store.get("person", user)
        if person is None:
            raise SlackError("user_not_found")
        return person

    def people(self) -> list[Document]:
        return self.store.children("person")

    def _put_conversation(self, conversation: Document) -> None:
        made = {"created": int(self.clock.now()), "is_private": False, "is_archived": False}
        self.store.put("conversation", conversation["id"], {**made, **conversation})
        self.changed()

    def make_channel(self, channel: str, name: str, members: list[str], is_private: bool = False) -> None:
        """Add a channel with these members, the bot among them only if named."""
        self._put_conversation({"id": channel, "name": name, "members": members, "is_private": is_private})

    def conversation(self, channel: str) -> Document:
        """The channel or direct message. Raises SlackError(`channel_not_found`)."""
        conversation = self.store.get("conversation", channel)
        if conversation is None:
            raise SlackError("channel_not_found")
        return conversation

    def conversations(self) -> list[Document]:
        return self.store.children("conversation")

    def change_channel(self, channel: str, **details: Any) -> None:
        """Change a channel: `members`, `is_archived`."""
        self._put_conversation({**self.conversation(channel), **details})

    def invite(self, channel: str, user: str) -> None:
        members = self.conversation(channel)["members"]
        self.change_channel(channel, members=[*(member for member in members if member != user), user])

    def remove(self, channel: str, user: str) -> None:
        members = self.conversation(channel)["members"]
        self.change_channel(channel, members=[member for member in members if member != user])

    def direct_message(self, user: str) -> Document:
        """The conversation of the app with this person, made if need be. Raises SlackError(`user_not_found`)."""
        self.person(user)
        channel = "D0" + user.removeprefix("U0")
        if self.store.get("conversation", channel) is None:
            self._put_conversation({"id": channel, "user": user, "members": [user, BOT_USER]})
        return self.conversation(channel)

    def visible_to_bot(self, channel: str) -> Document:
        """The conversation, if the app may know of it. Raises SlackError(`channel_not_found`)."""
        conversation = self.conversation(channel)
        if conversation["is_private"] and BOT_USER not in conversation["members"]:
            raise SlackError("channel_not_found")
        return conversation

    def writable_by_bot(self, channel: str) -> Document:
        """The conversation, if the app may post there. Raises SlackError as chat.postMessage does."""
        conversation = self.visible_to_bot(channel)
        if conversation["is_archived"]:
            raise SlackError("is_archived")
        if BOT_USER not in conversation["members"]:
            raise SlackError("not_in_channel")
        return conversation

    def new_ts(self) -> str:
        """A message's name: the time in microseconds, later than any before it, restarts included."""
        last = (self.store.get("kept", "last_ts") or {"microseconds": 0})["microseconds"]
        now = max(int(self.clock.now() * 1_000_000), last + 1)
        self.store.put("kept", "last_ts", {"microseconds": now})
        return f"{now // 1_000_000}.{now % 1_000_000:06}"

    def post(self, channel: str, text: str, *, user: str = BOT_USER, **details: Any) -> Document:
        """Add a message; `details` are its further fields. None and empty ones are left out."""
        message: Document = {"type": "message", "channel": channel, "ts": self.new_ts(), "user": user}
        message |= {"team": TEAM_ID, "text": text[:TEXT_CHARACTERS]}
        if user == BOT_USER:
            message |= {"bot_id": BOT_ID, "app_id": APP_ID}
        message |= {name: value for name, value in details.items() if value}
        if "blocks" in message:
            message["blocks"] = block_kit.completed(message["blocks"])
        self.put_message(message)
        return message

    def put_message(self, message: Document) -> None:
        self.store.put("message", f"{message['channel']}:{message['ts']}", message, parent=message["channel"])
        self.changed()

    def message(self, channel: str, ts: str, user: str | None = None) -> Document:
        """The message. Ephemeral ones are there only for their `user`. Raises SlackError(`message_not_found`)."""
        message = self.store.get("message", f"{channel}:{ts}")
        if message is None or message.get("ephemeral_to") not in {None, user}:
            raise SlackError("message_not_found")
        return message

    def drop_message(self, message: Document) -> None:
        self.store.drop("message", f"{message['channel']}:{message['ts']}")
        self.changed()

    def messages(self, channel: str, user: str, newest: int = 200) -> list[Document]:
        """What the user sees of a conversation, threads included, oldest first."""
        found = self.store.children("message", channel, newest)
        return [message for message in found if message.get("ephemeral_to") in {None, user}]

    def thread_root(self, channel: str, thread_ts: str | None) -> str | None:
        """The `ts` that starts the thread. Raises SlackError when there is none such."""
        if thread_ts is None:
            return None
        if not re.fullmatch(r"\d{10}\.\d{6}", thread_ts):
            raise SlackError("invalid_thread_ts")
        try:
            message = self.message(channel, thread_ts)
        except SlackError:
            raise SlackError("thread_not_found") from None
        return str(message.get("thread_ts", thread_ts))

    def permalink(self, channel: str, ts: str) -> str:
        return f"{self.base_url}/archives/{channel}/p{ts.replace('.', '')}"
