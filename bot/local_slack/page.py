"""The people's side of HTTP: a page like a small Slack, its state, its live signal and the acts done on it."""

import asyncio
import re
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

from aiohttp import web

from bot.local_slack import wire
from bot.local_slack.api import file_response
from bot.local_slack.core import Core
from bot.local_slack.delivery import Delivery
from bot.local_slack.errors import Document, SlackError
from bot.local_slack.human import Human, Outcome, Place
from bot.local_slack.workspace import BOT_USER

FOLDER = Path(__file__).with_name("page")
KINDS = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}
# Nothing from elsewhere; frames and forms to elsewhere neither.
POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
POLICY += "form-action 'none'; frame-ancestors 'none'; base-uri 'none'"
BEAT_SECONDS = 15


class Page:
    """Serves the page and does what is done on it."""

    def __init__(self, core: Core, human: Human, delivery: Delivery) -> None:
        self._core = core
        self._human = human
        self._delivery = delivery

    def routes(self) -> list[web.RouteDef]:
        """The routes of this side."""
        return [
            web.get("/", self.shell),
            web.get("/page/{name}", self.part),
            web.get("/archives/{channel}/p{ts}", self.permalink),
            web.get("/ui/state", self.state),
            web.get("/ui/live", self.live),
            web.get("/ui/files/{file_id}", self.file),
            web.post("/ui/act", self.act),
        ]

    async def shell(self, _request: web.Request) -> web.Response:
        """The page."""
        return served("index.html")

    async def part(self, request: web.Request) -> web.Response:
        """A script or the style sheet."""
        return served(request.match_info["name"])

    async def permalink(self, request: web.Request) -> web.Response:
        """A message's permanent link."""
        raise web.HTTPFound(f"/#{request.match_info['channel']}/{request.match_info['ts']}")

    async def live(self, request: web.Request) -> web.StreamResponse:
        """Server-sent events: the number of the latest change."""
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
        await response.prepare(request)
        woken = asyncio.Event()
        woken.set()
        self._core.watchers.add(woken.set)
        try:
            while not self._core.closing:
                try:
                    await asyncio.wait_for(woken.wait(), BEAT_SECONDS)
                except TimeoutError:
                    await response.write(b": still here\n\n")
                    continue
                woken.clear()
                await response.write(f"data: {self._core.revision}\n\n".encode())
        except ConnectionError:
            return response
        finally:
            self._core.watchers.discard(woken.set)
        return response

    async def file(self, request: web.Request) -> web.Response:
        """A file for somebody who is in a conversation that it was shared in."""
        core, file_id, user = self._core, request.match_info["file_id"], request.query.get("as", "")
        document = core.store.get("file", file_id) or {"shares": {}}
        places = [core.workspace.conversation(channel) for channel in document["shares"]]
        if not any(user in place["members"] for place in places):
            return web.Response(status=404, text="file_not_found")
        try:
            return file_response(core, file_id)
        except SlackError as error:
            return web.Response(status=404, text=error.code)

    async def state(self, request: web.Request) -> web.Response:
        """All that one person sees."""
        try:
            shown = self.seen_by(request.query.get("as", ""), request.query.get("channel", ""))
            # Heavy, so only while somebody looks at it.
            shown["traffic"] = list(self._core.traffic)[-100:] if "traffic" in request.query else []
        except SlackError as error:
            return web.json_response(error.body(), status=404)
        return web.json_response(shown, headers={"Cache-Control": "no-store"})

    def seen_by(self, user: str, channel: str) -> Document:
        """All that one person sees, and the messages of one conversation."""
        core = self._core
        core.workspace.person(user)
        core.workspace.direct_message(user)
        places = [place for place in core.workspace.conversations() if user in place["members"]]
        messages = core.workspace.messages(channel, user) if channel in {place["id"] for place in places} else []
        return {
            "revision": core.revision,
            "me": user,
            "app": self._app(),
            "people": [{"id": person["id"], "name": person["name"]} for person in core.workspace.people()],
            "channels": [self._listed(place, user) for place in places],
            "messages": [self._message(message) for message in messages],
            "modals": [self._view(view) for view in core.dialogs.stack(user)],
            "home": self._view(core.dialogs.home(user)),
        }

    def _app(self) -> Document:
        profile = self._core.profile
        by_socket = self._delivery.request_url is None
        app: Document = {"id": BOT_USER, "name": profile.name, "home": profile.home}
        app |= {name: [vars(one) for one in getattr(profile, name)] for name in ("commands", "shortcuts")}
        connected = not by_socket or bool(self._delivery.connections)
        return {**app, "transport": "Socket Mode" if by_socket else "HTTP", "connected": connected}

    def _listed(self, place: Document, user: str) -> Document:
        latest = self._core.workspace.messages(place["id"], user, newest=1)
        listed = {"id": place["id"], "name": place.get("name", self._core.profile.name), "direct": "user" in place}
        return {**listed, "has_app": BOT_USER in place["members"], "latest": latest[-1]["ts"] if latest else ""}

    def _message(self, message: Document) -> Document:
        marks = {"only_me": "ephemeral_to" in message, "broadcast": bool(message.get("broadcast"))}
        return {**wire.message(self._core.workspace, message), "channel": message["channel"], **marks}

    def _view(self, view: Document | None) -> Document | None:
        return None if view is None else {**self._core.dialogs.wire(view), "answers": view["answers"]}

    async def act(self, request: web.Request) -> web.Response:
        """One act of a person."""
        try:
            outcome = await self._done(await request.json())
        except SlackError as error:
            return web.json_response({"error": error.code})
        except (KeyError, TypeError, ValueError) as error:
            return web.json_response({"error": f"malformed act: {error}"}, status=400)
        return web.json_response(vars(outcome))

    async def _done(self, asked: Document) -> Outcome:
        user, human = str(asked["as"]), self._human
        self._core.workspace.person(user)
        place = Place(*(asked.get(name) for name in ("channel", "ts", "view_id", "block_id")))
        acts: dict[str, Any] = {
            "say": lambda: self._written(user, asked),
            "click": lambda: human.click(user, place, asked["action_id"], asked.get("answer"), asked.get("answers")),
            "suggest": lambda: human.suggest(user, place, asked["action_id"], asked["typed"]),
            "submit": lambda: human.submit(user, asked["view_id"], asked.get("answers")),
            "close": lambda: human.close(user, asked["view_id"], bool(asked.get("everything"))),
            "shortcut": lambda: human.shortcut(user, asked["callback_id"], place.channel, place.ts),
            "home": lambda: human.open_home(user, asked.get("tab", "home")),
            "dismiss": lambda: human.dismiss(user, asked["channel"], asked["ts"]),
        }
        done: Outcome | Awaitable[Outcome] = acts[asked["act"]]()
        return done if isinstance(done, Outcome) else await done

    async def _written(self, user: str, asked: Document) -> Outcome:
        """A line in the composer: a command, an invitation, or a message."""
        channel, line, thread_ts = asked["channel"], str(asked["text"]).strip(), asked.get("thread_ts")
        membership = re.fullmatch(r"/(invite|remove)\s+@?(\S+)", line)
        if membership and membership[2].lower() == self._core.profile.name.lower():
            change = self._core.workspace.invite if membership[1] == "invite" else self._core.workspace.remove
            change(channel, BOT_USER)
            return Outcome()
        if line.startswith("/"):
            return await self._human.command(user, channel, line, thread_ts)
        return self._human.say(user, channel, line, thread_ts) if line else Outcome()


def served(name: str) -> web.Response:
    """A file of the page. Raises HTTPNotFound for any other name."""
    path = FOLDER / name
    if path.suffix not in KINDS or path.parent != FOLDER or not path.is_file():
        raise web.HTTPNotFound
    headers = {"Content-Security-Policy": POLICY, "X-Content-Type-Options": "nosniff", "Cache-Control": "no-cache"}
    text = path.read_text(encoding="utf-8")
    return web.Response(text=text, content_type=KINDS[path.suffix], charset="utf-8", headers=headers)
