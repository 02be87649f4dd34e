"""Who may open what: one table for every address of the web process; what it doesn't name can't be served."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from flask import Flask, abort, redirect, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

from admin import sessions, webhooks
from models.actors import Right

# Asked by machines or mail programs; where it matters, a signature or a token says who asks.
PROBES = frozenset({"healthz", "readyz", "metrics", "static"})
MACHINES = PROBES | webhooks.ENDPOINTS | {"slack_events", "unsubscribing.page"}
# For people who are not signed in yet.
OPEN = MACHINES | {"signing_in.password", "signing_in.link"}
RIGHTS: Mapping[str, Right] = {
    "home.index": Right.SEE_CAMPAIGNS,
    "signing_in.sign_out": Right.SEE_CAMPAIGNS,
    "campaigns.index_view": Right.SEE_CAMPAIGNS,
    "messages.index_view": Right.SEE_CAMPAIGNS,
    "campaign.progress": Right.SEE_CAMPAIGNS,
    "campaign.flow": Right.SEE_CAMPAIGNS,
    "stories.story": Right.SEE_CAMPAIGNS,
    "campaign.summary": Right.SEE_CAMPAIGNS,
    "campaign.preview": Right.SEE_CAMPAIGNS,
    "campaign.run": Right.CHANGE_CAMPAIGNS,
    "campaign.stop": Right.CHANGE_CAMPAIGNS,
    "campaign.resume": Right.CHANGE_CAMPAIGNS,
    "campaign.delete": Right.CHANGE_CAMPAIGNS,
    "campaign.duplicate": Right.CHANGE_CAMPAIGNS,
    "campaign.hand_on": Right.CHANGE_CAMPAIGNS,
    "campaign.sender": Right.CHANGE_CAMPAIGNS,
    "campaign.cancel_start": Right.CHANGE_CAMPAIGNS,
    "looking_up.all_unconfirmed": Right.CHANGE_CAMPAIGNS,
    "looking_up.one": Right.CHANGE_CAMPAIGNS,
    "retrying.matching": Right.CHANGE_CAMPAIGNS,
    "retrying.selected": Right.CHANGE_CAMPAIGNS,
    "retrying.message": Right.CHANGE_CAMPAIGNS,
    "retrying.confirm": Right.CHANGE_CAMPAIGNS,
    "export.start": Right.EXPORT,
    "exports.index_view": Right.EXPORT,
    "export.progress": Right.EXPORT,
    "export.cancel": Right.EXPORT,
    "export.again": Right.EXPORT,
    "export.download": Right.EXPORT,
    "creating.basics": Right.CHANGE_CAMPAIGNS,
    "contacts.upload": Right.CHANGE_CAMPAIGNS,
    "creating.change_basics": Right.CHANGE_CAMPAIGNS,
    "columns.page": Right.CHANGE_CAMPAIGNS,
    "columns.offer": Right.CHANGE_CAMPAIGNS,
    "contacts.report": Right.CHANGE_CAMPAIGNS,
    "contacts.refused_rows": Right.SEE_RECIPIENTS,
    "creating.template": Right.CHANGE_CAMPAIGNS,
    "composing.measure": Right.CHANGE_CAMPAIGNS,
    "composing.sizes": Right.CHANGE_CAMPAIGNS,
    "composing.try_out": Right.CHANGE_CAMPAIGNS,
    "composing.attach": Right.CHANGE_CAMPAIGNS,
    "composing.detach": Right.CHANGE_CAMPAIGNS,
    "creating.review": Right.CHANGE_CAMPAIGNS,
    "moves.index_view": Right.CHANGE_CAMPAIGNS,
    "finding.page": Right.SEE_CAMPAIGNS,
    "finding.forget": Right.FORGET_PEOPLE,
    "optouts.index_view": Right.ADD_OPT_OUTS,
    "optout.add": Right.ADD_OPT_OUTS,
    "optout.remove": Right.REMOVE_OPT_OUTS,
    "people.index_view": Right.MANAGE_STAFF,
    "person.add": Right.MANAGE_STAFF,
    "person.page": Right.MANAGE_STAFF,
    "person.role": Right.MANAGE_STAFF,
    "person.slack": Right.MANAGE_STAFF,
    "person.link": Right.MANAGE_EVERYBODY,
    "person.remove": Right.MANAGE_STAFF,
    "audit.index_view": Right.SEE_OPERATIONS,
    "settings.page": Right.CHANGE_SETTINGS,
    "settings.change": Right.CHANGE_SETTINGS,
    "settings.test": Right.CHANGE_SETTINGS,
    "health.page": Right.SEE_OPERATIONS,
    "health.prove": Right.SEE_OPERATIONS,
    "account.page": Right.SEE_CAMPAIGNS,
    "account.password": Right.SEE_CAMPAIGNS,
    "testing.send": Right.CHANGE_CAMPAIGNS,
    "testing.result": Right.CHANGE_CAMPAIGNS,
}


class UnnamedRouteError(Exception):
    """An address that the table does not name: who may open it was not decided."""


def guard(app: Flask) -> None:
    """Ask at every request who is there and whether the role reaches, before anything else looks at it."""
    app.before_request(_ask)


def refuse_unnamed(app: Flask) -> None:
    """Raise UnnamedRouteError unless the table names every address of the application."""
    unnamed = sorted({rule.endpoint for rule in app.url_map.iter_rules()} - OPEN - RIGHTS.keys())
    if unnamed:
        raise UnnamedRouteError(f"Name the right of {', '.join(unnamed)} in admin.access.")


def safe_next(given: str | None) -> str:
    """Where to go after signing in: a path of ours, else the start."""
    start = url_for("home.index")
    if not given or not given.startswith("/") or given.startswith(("//", "/\\")):
        return start
    if any(character < " " or character == "\\" for character in given):
        return start
    parts = urlsplit(given)
    return given if not parts.scheme and not parts.netloc else start


def _ask() -> ResponseReturnValue | None:
    endpoint = request.endpoint
    if endpoint in OPEN:
        return None
    person = sessions.current_person()
    if person is None:
        return _sign_in_first()
    if endpoint is None:
        return None  # no such address: Flask says so
    right = RIGHTS.get(endpoint)
    if right is None:
        abort(403)
    sessions.current_actor().require(right)
    return None


def _sign_in_first() -> ResponseReturnValue:
    if request.headers.get("HX-Request") or request.method != "GET":
        raise SignedOutError
    wanted = request.full_path.rstrip("?")
    return redirect(url_for("signing_in.password", next=None if wanted == "/" else wanted))


class SignedOutError(HTTPException):
    """Nobody is signed in, or no longer: a page that is open says so instead of losing what was typed."""

    code = 401
    description = "You are signed out. Sign in again, then repeat this."
