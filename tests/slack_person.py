"""People of the local Slack as a test drives them, from outside of its thread."""

import time
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any, TypeVar

from bot.local_slack import LocalSlack, Outcome, inputs, wire
from bot.local_slack.errors import Document
from bot.local_slack.human import Place

Seen = TypeVar("Seen")
PATIENCE_SECONDS = 5


def eventually(look: Callable[[], Seen]) -> Seen:
    """The first truthy value of `look`. Raises AssertionError after 5 s."""
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        seen = look()
        if seen:
            return seen
        time.sleep(0.01)
    raise AssertionError("it did not come to be within 5 s")


class Person:
    """Acts as one person and looks at what they see. Each act returns when the app answered or 3 s passed."""

    def __init__(self, slack: LocalSlack, user: str) -> None:
        self.id = user
        self._slack = slack
        self._core = slack.core
        self._human = slack.human

    # Acts

    def types(self, line: str, channel: str = "C0CAMPAIGNS", thread_ts: str | None = None) -> Outcome:
        """Type a slash command or a message."""
        if line.startswith("/"):
            return self._outcome(self._human.command(self.id, channel, line, thread_ts))
        said: Outcome = self._do(lambda: self._human.say(self.id, channel, line, thread_ts))
        return said

    def clicks(
        self, subject: Document, action_id: str, answer: Any = None, block_id: str | None = None, **others: Any
    ) -> Outcome:
        """Press a button or choose in an element of a message or view; `others` are other inputs by action id."""
        located = inputs.located(subject["blocks"], others)
        where = replace(place(subject), block_id=block_id)
        return self._outcome(self._human.click(self.id, where, action_id, answer, located))

    def searches(self, subject: Document, action_id: str, typed: str) -> Outcome:
        """Type into an external select."""
        return self._outcome(self._human.suggest(self.id, place(subject), action_id, typed))

    def submits(self, view: Document | None = None, **answers: Any) -> Outcome:
        """Submit a modal, the topmost unless given, with these answers by action id."""
        subject = view or self.modal()
        located = inputs.located(subject["blocks"], answers)
        return self._outcome(self._human.submit(self.id, subject["id"], located))

    def closes(self, view: Document | None = None, everything: bool = False) -> Outcome:
        """Close a modal, the topmost unless given, or all."""
        return self._outcome(self._human.close(self.id, (view or self.modal())["id"], everything))

    def chooses_shortcut(self, callback_id: str, message: Document | None = None) -> Outcome:
        """Choose a global shortcut, or one on a message."""
        where = (message["channel"], message["ts"]) if message else (None, None)
        return self._outcome(self._human.shortcut(self.id, callback_id, *where))

    def opens_home(self) -> Outcome:
        """Look at App Home; the app is told in the background."""
        opened: Outcome = self._do(lambda: self._human.open_home(self.id))
        return opened

    # Looks

    def messages(self, channel: str = "C0CAMPAIGNS") -> list[Document]:
        """What the person sees of a conversation, oldest first, ephemeral ones with `ephemeral_to`."""

        def look() -> list[Document]:
            found = self._core.workspace.messages(channel, self.id)
            return [{**message, **wire.message(self._core.workspace, message)} for message in found]

        found: list[Document] = self._do(look)
        return found

    def direct_messages(self) -> list[Document]:
        """What the app wrote to the person alone."""
        return self.messages(self._do(lambda: self._core.workspace.direct_message(self.id)["id"]))

    def modals(self) -> list[Document]:
        """The open modals, the lowest first."""
        found: list[Document] = self._do(lambda: self._core.dialogs.stack(self.id))
        return found

    def modal(self, title: str | None = None) -> Document:
        """The topmost modal, of that title if given, as soon as it is there."""

        def look() -> Document | None:
            top = self.modals()[-1:]
            return top[0] if top and title in {None, top[0]["title"]["text"]} else None

        return eventually(look) or {}

    def latest(self, text: str = "", channel: str = "C0CAMPAIGNS") -> Document:
        """The last message with `text` in its text, as soon as there is one."""
        return eventually(lambda: [message for message in self.messages(channel) if text in message["text"]])[-1]

    def home(self) -> Document | None:
        """App Home as the app published it."""
        found: Document | None = self._do(lambda: self._core.dialogs.home(self.id))
        return found

    def _outcome(self, act: Coroutine[Any, Any, Outcome]) -> Outcome:
        return self._slack.call(act)

    def _do(self, work: Callable[[], Any]) -> Any:
        return self._slack.do(work)


def place(subject: Document) -> Place:
    """Where the acts on a message or view happen."""
    return Place(view_id=subject["id"]) if "id" in subject else Place(subject["channel"], subject["ts"])
