"""Views: a stack of at most three modals for each person, and their App Home."""

import json
import secrets
from typing import Any

from bot.local_slack import blocks as block_kit
from bot.local_slack import inputs
from bot.local_slack.errors import Document, SlackError
from bot.local_slack.workspace import APP_ID, BOT_ID, TEAM_ID, Workspace

STACK_LIMIT = 3
OPTIONAL_FIELDS = ("title", "submit", "close")
# What a view keeps for this workspace alone: whose it is, what was typed, and what suggestions were offered.
PRIVATE = ("user", "answers", "order")


class Dialogs:
    """All open views. A view's `hash` changes with each update; a stale one is refused."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._store = workspace.store

    def stack(self, user: str) -> list[Document]:
        """The person's open modals, the lowest first."""
        found = [view for view in self._store.children("view", user) if view["type"] == "modal"]
        return sorted(found, key=lambda view: int(view["order"]))

    def home(self, user: str) -> Document | None:
        """What the app published for the person, or None."""
        return next((view for view in self._store.children("view", user) if view["type"] == "home"), None)

    def view(self, view_id: str) -> Document:
        """The open view. Raises SlackError(`not_found`)."""
        view = self._store.get("view", view_id)
        if view is None:
            raise SlackError("not_found")
        return view

    def push(self, user: str, given: Any, onto: str | None = None) -> Document:
        """Open a modal above the others. Raises SlackError when the view is malformed or the stack is full."""
        checked(given, ("modal",))
        self._refuse_second(given)
        stack = self.stack(user)
        if onto is None:
            # A command or a message's button starts over: what was open is gone, as in Slack.
            for view in stack:
                self._store.drop("view", view["id"])
            stack = []
        if len(stack) >= STACK_LIMIT:
            raise SlackError("push_limit_reached")
        view_id = self._new_id()
        order = stack[-1]["order"] + 1 if stack else 0
        root = stack[0]["id"] if stack else view_id
        view = {"id": view_id, "user": user, "order": order, "root_view_id": root, "answers": {}}
        return self._put({**view, "previous_view_id": stack[-1]["id"] if stack else None}, given)

    def publish(self, user: str, given: Any, view_hash: str | None) -> Document:
        """Set the person's App Home. Raises SlackError when the view is malformed or the hash is stale."""
        checked(given, ("home",))
        self._workspace.person(user)
        present = self.home(user)
        self._refuse_second(given, present)
        if present is None:
            view_id = self._new_id()
            present = {"id": view_id, "user": user, "order": 0, "root_view_id": view_id, "answers": {}}
            present["previous_view_id"] = None
        elif view_hash is not None and view_hash != present["hash"]:
            raise SlackError("hash_conflict")
        return self._put(present, given)

    def update(self, view_id: str, given: Any, view_hash: str | None = None) -> Document:
        """Change an open view; what was typed stays where block and action keep their ids."""
        view = self.view(view_id)
        if view_hash is not None and view_hash != view["hash"]:
            raise SlackError("hash_conflict")
        checked(given, (view["type"],))
        self._refuse_second(given, view)
        kept = {name: view[name] for name in ("id", "order", "root_view_id", "previous_view_id", *PRIVATE)}
        return self._put(kept, given)

    def by_external_id(self, external_id: str) -> Document:
        """The open view of that external id. Raises SlackError(`not_found`)."""
        for person in self._workspace.people():
            for view in self._store.children("view", person["id"]):
                if view["external_id"] == external_id:
                    return view
        raise SlackError("not_found")

    def close(self, user: str, view_id: str, everything: bool = False) -> list[Document]:
        """Close the view and those above it, or the whole stack. Returns what was closed, the topmost first."""
        closing = self.view(view_id)
        stack = self.stack(user)
        gone = [view for view in stack if everything or view["order"] >= closing["order"]]
        for view in gone:
            self._store.drop("view", view["id"])
        self._workspace.changed()
        return gone[::-1]

    def remember(self, view: Document, answers: Document) -> Document:
        """Keep what the person typed or chose so far."""
        view["answers"] = inputs.merged(view["answers"], answers)
        self._store.put("view", view["id"], view, parent=view["user"])
        return view

    def wire(self, view: Document) -> Document:
        """The view as the app is told of it, with the state of its inputs."""
        shown = {name: value for name, value in view.items() if name not in PRIVATE}
        return {**shown, "state": {"values": inputs.state_values(view["blocks"], view["answers"])}}

    def _new_id(self) -> str:
        return "V0" + secrets.token_hex(5).upper()

    def _refuse_second(self, given: Document, present: Document | None = None) -> None:
        if not given.get("external_id"):
            return
        try:
            other = self.by_external_id(given["external_id"])
        except SlackError:
            return
        if present is None or other["id"] != present["id"]:
            raise SlackError("duplicate_external_id")

    def _put(self, kept: Document, given: Document) -> Document:
        view = {**kept, "team_id": TEAM_ID, "type": given["type"], "blocks": block_kit.completed(given["blocks"])}
        view["hash"] = f"{int(self._workspace.clock.now())}.{secrets.token_hex(4)}"
        view |= {name: given.get(name, "") for name in ("callback_id", "private_metadata", "external_id")}
        view |= {name: given.get(name, False) for name in ("clear_on_close", "notify_on_close")}
        view |= {"app_id": APP_ID, "bot_id": BOT_ID, "app_installed_team_id": TEAM_ID}
        view |= {name: given.get(name) for name in OPTIONAL_FIELDS}
        self._store.put("view", view["id"], view, parent=view["user"])
        self._workspace.changed()
        return view


def checked(given: Any, kinds: tuple[str, ...]) -> None:
    """Raise SlackError when Slack would not take the view."""
    if given is None:
        raise SlackError("invalid_arguments", ["missing required field: view"])
    problems = block_kit.view_problems(given, kinds)
    if problems:
        raise SlackError("invalid_arguments", problems)
    if len(json.dumps(given).encode()) > block_kit.VIEW_BYTES:
        raise SlackError("view_too_large")
