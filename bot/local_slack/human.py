"""What a person can do in Slack, and what Slack makes of the app's answer."""

from dataclasses import dataclass, field
from typing import Any

from bot.local_slack import blocks as block_kit
from bot.local_slack import inputs, payloads
from bot.local_slack.core import Core
from bot.local_slack.delivery import LOST, Ack, Delivery
from bot.local_slack.errors import Document, SlackError
from bot.local_slack.responses import post_answer
from bot.local_slack.workspace import SLACKBOT

TROUBLE = "We had some trouble connecting. Try again?"


@dataclass(frozen=True)
class Outcome:
    """What the person sees of their act: `error` is Slack's word, `errors` stand at inputs by block id."""

    error: str | None = None
    errors: dict[str, str] = field(default_factory=dict)
    options: Document = field(default_factory=dict)


@dataclass(frozen=True)
class Place:
    """Where an act happens: in a message of a channel or in a view, at times in a certain block."""

    channel: str | None = None
    ts: str | None = None
    view_id: str | None = None
    block_id: str | None = None


class Human:
    """The acts of people. Each is delivered to the app as Slack would, and ends when the app answered or 3 s passed."""

    def __init__(self, core: Core, delivery: Delivery) -> None:
        self._core = core
        self._delivery = delivery

    def say(self, user: str, channel: str, text: str, thread_ts: str | None = None) -> Outcome:
        """Write a plain message."""
        workspace = self._core.workspace
        if user not in workspace.conversation(channel)["members"]:
            raise SlackError("not_in_channel")
        text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        message = workspace.post(channel, text, user=user, thread_ts=workspace.thread_root(channel, thread_ts))
        kind = "im" if channel.startswith("D") else "channel"
        event = {"type": "message", "channel": channel, "channel_type": kind, "user": user, "text": text}
        self._delivery.send_event({**event, "ts": message["ts"], "event_ts": message["ts"]})
        return Outcome()

    async def command(self, user: str, channel: str, line: str, thread_ts: str | None = None) -> Outcome:
        """Type a slash command; trouble is told by Slackbot, as in Slack."""
        core = self._core
        name, _, text = line.strip().partition(" ")
        if thread_ts is not None:
            return self._tell(user, channel, f"{name} is not supported in threads. Sorry!", "not_in_thread", thread_ts)
        if name not in {command.name for command in core.profile.commands}:
            return self._tell(user, channel, f"{name} is not a valid command.", "unknown_command")
        payload = payloads.slash_command(core, user, channel, name, text.strip())
        ack = await self._delivery.send("slash_commands", payload, f"{name} {text}".strip())
        error = ack.error
        if error is None and ack.body:
            error = self._posted(user, channel, ack.body)
        if error is not None:
            return self._tell(user, channel, f"{name} failed with the error “{error}”", error)
        return Outcome()

    def _posted(self, user: str, channel: str, body: Any) -> str | None:
        try:
            post_answer(self._core, {"user": user, "channel": channel, "ts": None, "thread_ts": None}, body)
        except SlackError as error:
            return error.code
        return None

    def _tell(self, user: str, channel: str, text: str, error: str, thread_ts: str | None = None) -> Outcome:
        self._core.workspace.post(channel, text, user=SLACKBOT, ephemeral_to=user, thread_ts=thread_ts)
        return Outcome(error)

    async def click(
        self, user: str, place: Place, action_id: str, answer: Any = None, answers: Document | None = None
    ) -> Outcome:
        """Press a button or choose in an element outside of a form; `answers` are what other inputs hold."""
        subject = self._subject(user, place)
        block, element = located(subject["blocks"], action_id, place.block_id)
        given = inputs.merged(subject.get("answers", {}), answers or {})
        if element["type"] not in {"button", "overflow"}:
            given = inputs.merged(given, {block["block_id"]: {action_id: answer}})
        if place.view_id is not None:
            subject = self._core.dialogs.remember(subject, given)
        if block["type"] == "input" and not block.get("dispatch_action"):
            return Outcome()
        payload = self._interaction("block_actions", user, place, subject)
        if place.view_id is None:
            payload["state"] = {"values": inputs.state_values(subject["blocks"], given)}
        payload["actions"] = [self._action(block, element, answer)]
        ack = await self._delivery.send("interactive", payload, f"block_actions {action_id}")
        return Outcome(ack.error)

    def _subject(self, user: str, place: Place) -> Document:
        """The message or view at the place, if the person can see it."""
        if place.view_id is not None:
            view = self._core.dialogs.view(place.view_id)
            if view["user"] != user:
                raise SlackError("not_found")
            return view
        if user not in self._core.workspace.conversation(str(place.channel))["members"]:
            raise SlackError("channel_not_found")
        return {"blocks": [], **self._core.workspace.message(str(place.channel), str(place.ts), user)}

    def _interaction(self, kind: str, user: str, place: Place, subject: Document) -> Document:
        payload = payloads.act(self._core, kind, user, place.view_id)
        if place.view_id is not None:
            return payload | payloads.view_place(self._core, subject)
        return payload | payloads.message_place(self._core, user, subject)

    def _action(self, block: Document, element: Document, answer: Any) -> Document:
        common: Document = {"action_id": element["action_id"], "block_id": block["block_id"]}
        common["action_ts"] = self._core.workspace.new_ts()
        if element["type"] != "button":
            kept: Document = {name: element[name] for name in ("placeholder", "confirm") if name in element}
            return {**common, **kept, **inputs.entry(element, answer, answered=True)}
        names = ("type", "text", "value", "style", "confirm", "url")
        return {**common, **{name: element[name] for name in names if name in element}}

    async def suggest(self, user: str, place: Place, action_id: str, typed: str) -> Outcome:
        """Type into an external select; the options are in the outcome."""
        subject = self._subject(user, place)
        block, element = located(subject["blocks"], action_id, place.block_id)
        payload = self._interaction("block_suggestion", user, place, subject)
        del payload["trigger_id"]
        payload.pop("response_url", None)
        payload |= {"action_id": element["action_id"], "block_id": block["block_id"], "value": typed}
        ack = await self._delivery.send("interactive", payload, f"block_suggestion {action_id}")
        if ack.error is not None:
            return Outcome(ack.error)
        problems = block_kit.option_problems(ack.body)
        return Outcome("; ".join(problems)) if problems else Outcome(options=ack.body)

    async def submit(self, user: str, view_id: str, answers: Document | None = None) -> Outcome:
        """Press a modal's submit button with these answers beside what was given before."""
        view = self._subject(user, Place(view_id=view_id))
        if view["type"] != "modal" or view["submit"] is None:
            raise SlackError("not_found")
        view = self._core.dialogs.remember(view, answers or {})
        complaints = inputs.complaints(view["blocks"], view["answers"])
        if complaints:
            return Outcome(errors=complaints)
        payload = payloads.act(self._core, "view_submission", user, view_id)
        payload |= {"view": self._core.dialogs.wire(view), "response_urls": []}
        ack = await self._delivery.send("interactive", payload, f"view_submission {view['callback_id']}")
        return await self._after_submit(user, view, ack)

    async def _after_submit(self, user: str, view: Document, ack: Ack) -> Outcome:
        if ack.error is not None:
            return Outcome(f"{TROUBLE} ({ack.error})")
        try:
            return await self._answered(user, view, ack.body or {})
        except SlackError as error:
            return Outcome(f"{TROUBLE} ({error.code}: {'; '.join(error.details)})")

    async def _answered(self, user: str, view: Document, body: Document) -> Outcome:
        """Do what the app's answer to a submission says."""
        action, open_views = body.get("response_action"), self._core.dialogs
        if action == "errors":
            return Outcome(errors=input_errors(view, body.get("errors")))
        if action == "update":
            open_views.update(view["id"], body.get("view"))
        elif action == "push":
            open_views.push(user, body.get("view"), onto=view["id"])
        elif action == "clear":
            await self.close(user, view["id"], everything=True, told=False)
        elif action is None:
            open_views.close(user, view["id"])
        else:
            raise SlackError("invalid_response_action")
        return Outcome()

    async def close(self, user: str, view_id: str, everything: bool = False, told: bool = True) -> Outcome:
        """Close a modal, or all of them; the app is told of those that asked for it."""
        view = self._subject(user, Place(view_id=view_id))
        outcome = Outcome()
        everything = everything or view["clear_on_close"]
        for closed in self._core.dialogs.close(user, view_id, everything):
            if told and closed["notify_on_close"]:
                payload = payloads.act(self._core, "view_closed", user)
                del payload["trigger_id"]
                payload |= {"view": self._core.dialogs.wire(closed), "is_cleared": everything}
                ack = await self._delivery.send("interactive", payload, f"view_closed {closed['callback_id']}")
                outcome = Outcome(ack.error)
        return outcome

    async def shortcut(self, user: str, callback_id: str, channel: str | None = None, ts: str | None = None) -> Outcome:
        """Choose a shortcut of the app: a global one, or one on a message."""
        kind = "global" if ts is None else "message"
        if (callback_id, kind) not in {(known.callback_id, known.kind) for known in self._core.profile.shortcuts}:
            raise SlackError("shortcut_not_found")
        payload = payloads.act(self._core, "shortcut" if ts is None else "message_action", user)
        payload |= {"callback_id": callback_id, "action_ts": self._core.workspace.new_ts()}
        if ts is not None:
            message = self._subject(user, Place(channel, ts))
            if "ephemeral_to" in message:
                raise SlackError("message_not_found")
            payload |= payloads.message_place(self._core, user, message) | {"message_ts": ts}
            del payload["container"]
        ack = await self._delivery.send("interactive", payload, f"{payload['type']} {callback_id}")
        return Outcome(ack.error)

    def open_home(self, user: str, tab: str = "home") -> Outcome:
        """Look at the app's Home or Messages tab."""
        core = self._core
        channel = core.workspace.direct_message(user)["id"]
        event = {"type": "app_home_opened", "user": user, "channel": channel, "tab": tab}
        home = core.dialogs.home(user)
        if home is not None and tab == "home":
            event["view"] = core.dialogs.wire(home)
        self._delivery.send_event({**event, "event_ts": core.workspace.new_ts()})
        return Outcome()

    def dismiss(self, user: str, channel: str, ts: str) -> Outcome:
        """Take an ephemeral message away."""
        message = self._subject(user, Place(channel, ts))
        if message.get("ephemeral_to") != user:
            raise SlackError("cant_delete_message")
        self._core.workspace.drop_message(message)
        return Outcome()


def located(blocks: list[Document], action_id: str, block_id: str | None) -> tuple[Document, Document]:
    """The first element of that action id, in that block if given. Raises SlackError(`not_found`)."""
    for block, element in block_kit.elements(blocks):
        if element["action_id"] == action_id and block_id in {None, block["block_id"]}:
            return block, element
    raise SlackError("not_found")


def input_errors(view: Document, errors: Any) -> dict[str, str]:
    """The app's errors at inputs. Raises SlackError when one is not at an input block."""
    known = {block["block_id"] for block in view["blocks"] if block["type"] == "input"}
    if not isinstance(errors, dict) or not errors or set(errors) - known:
        raise SlackError(LOST, ["errors must name input blocks"])
    return {str(block_id): str(text) for block_id, text in errors.items()}
