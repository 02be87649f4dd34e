"""Sessions: who is signed in, with the role held at this moment, and for how long."""

import secrets
from datetime import timedelta
from ipaddress import ip_address
from typing import Any

from flask import Flask, g, request, session
from flask_login import AnonymousUserMixin, LoginManager, UserMixin, current_user, login_user, logout_user

from models import secret_key
from models.actors import Actor
from models.clock import now_ms
from models.config import Config
from models.operations import signing_in
from models.queries.settings import setting
from models.rules.time_zones import is_time_zone
from models.tables import Person
from models.words import Role, Surface

IDLE = 30 * 60_000  # ms without a request of the person's own
LONGEST = 12 * 3_600_000  # ms since the sign-in
ZONE_COOKIE = "zone"  # a page's script keeps the browser's zone there
# A page's script says so when it asks by itself, which does not count as being there.
POLL = "X-Poll"


class SignedIn(UserMixin):  # type: ignore[misc]  # publishes no types
    """A person as Flask-Login knows one."""

    def __init__(self, person: Person) -> None:
        self.person = person
        self.id = person.id


def set_up(app: Flask, config: Config) -> None:
    """Sign sessions with the installation's secret and keep their cookie to ourselves."""
    app.config.update(
        SECRET_KEY=secret_key.derived("session"),
        SECRET_KEY_FALLBACKS=secret_key.all_derived("session")[1:],
        SESSION_COOKIE_NAME="signalbox",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=(config.public_url or "").startswith("https://"),
        PERMANENT_SESSION_LIFETIME=timedelta(milliseconds=LONGEST),
        # A late answer to what a page asked by itself must not bring back the session before a sign-in in another tab.
        SESSION_REFRESH_EACH_REQUEST=False,
    )
    manager = LoginManager(app)
    manager.session_protection = None  # it ties a session to an address, which changes on a phone
    manager.user_loader(_load)


def begin(person: Person) -> None:
    """Sign somebody in, in a new session: nothing of the one before is kept."""
    now = now_ms()
    session.clear()
    session.permanent = True
    session.update(number=secrets.token_urlsafe(16), begun_at=now, seen_at=now)
    login_user(SignedIn(person))


def end() -> None:
    """Sign out: also a copy of the cookie is worth nothing afterwards."""
    if "number" in session:
        signing_in.end_session(session["number"], until=session["begun_at"] + LONGEST)
    logout_user()
    session.clear()
    g.pop("_login_user", None)


def ask_no_more() -> None:
    """Draw the rest of this answer for nobody: who it is can't be looked up."""
    g._login_user = AnonymousUserMixin()  # where Flask-Login keeps it


def current_person() -> Person | None:
    """Who asks, None when nobody is signed in."""
    return current_user.person if current_user.is_authenticated else None


def current_actor() -> Actor:
    """Who asks, as operations want to know it."""
    person: Person = current_user.person
    return Actor(person.id, person.name, Role(person.role), Surface.PANEL)


def network_address() -> str:
    """From where somebody asks, as sign-in tries are counted.

    A proxy before web is taken at its word: or all would share its address, and a stranger's guesses lock them out.
    One that asks from the open internet is no proxy of ours.
    """
    peer = request.remote_addr or ""
    try:
        is_near = ip_address(peer).is_private
    except ValueError:  # a socket file has none
        is_near = True
    return request.access_route[-1] if is_near and request.access_route else peer


def current_zone() -> str:
    """The time zone of who asks: their own setting, else their browser's, else the organisation's."""
    if "zone" not in g:
        g.zone = _zone()
    return str(g.zone)


def _zone() -> str:
    person = current_person()
    given = (person.time_zone if person else None, request.cookies.get(ZONE_COOKIE))
    return next((zone for zone in given if zone and is_time_zone(zone)), None) or str(setting("time_zone"))


def _load(person_id: Any) -> SignedIn | None:
    now, begun_at = now_ms(), session.get("begun_at", 0)
    over = now - begun_at > LONGEST or now - session.get("seen_at", 0) > IDLE
    if over or "number" not in session:
        return None
    person = signing_in.person_in_session(int(person_id), session["number"], begun_at=begun_at)
    if person is None:
        return None
    if POLL not in request.headers:
        session["seen_at"] = now
    return SignedIn(person)
