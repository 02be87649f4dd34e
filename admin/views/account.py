"""Everybody's own account: name, time zone, password, Slack, and what one is told."""

from typing import Any

from flask import Blueprint, render_template, request, url_for
from flask.typing import ResponseReturnValue

from admin import sessions
from admin.views.base import done
from admin.views.given import typed
from models.clock import now_ms
from models.errors import InvalidInputError, NotAllowedError
from models.operations import own_account
from models.operations.people import PASSWORD_LENGTH
from models.queries.people import person_by_id
from models.queries.settings import setting
from models.rules.time_zones import time_zones

blueprint = Blueprint("account", __name__, url_prefix="/account")
LONGEST = 1000  # characters of a password that are looked at


@blueprint.route("", methods=["GET", "POST"])
def page() -> ResponseReturnValue:
    """Name, time zone, and whether one is told of the end of one's campaigns."""
    if request.method == "GET":
        return _page()
    actor, now = sessions.current_actor(), now_ms()
    name, time_zone = (typed(field, longest=200) for field in ("name", "time_zone"))
    try:
        own_account.change_account(actor, name=name, time_zone=time_zone.strip(), now=now)
    except InvalidInputError as refused:
        return _page(refused=refused, given=request.form), 422
    own_account.mute_finished(actor, muted="muted" in request.form, now=now)
    return done("Saved.", url_for("account.page"), stay=False)


@blueprint.post("/password")
def password() -> ResponseReturnValue:
    """Another password; everywhere else one is signed out."""
    old, new, again = (typed(field, longest=LONGEST) for field in ("old", "new", "again"))
    if new != again:
        return _page(refused=InvalidInputError("The two new passwords differ.", field="again")), 422
    try:
        address = sessions.network_address()
        own_account.change_password(sessions.current_actor(), old=old, new=new, address=address, now=now_ms())
    except InvalidInputError as refused:
        return _page(refused=refused), 422
    except NotAllowedError as refused:
        return _page(refused=refused), 403
    begin_anew()
    return done("Password changed. Other sessions of yours are over.", url_for("account.page"), stay=False)


def begin_anew() -> None:
    """Go on in a new session: the ones before are over."""
    person = person_by_id(sessions.current_actor().person_id or 0)
    if person is not None:
        sessions.begin(person)


def _page(**shown: Any) -> str:
    return render_template(
        "administration/account.html",
        **{"refused": None, "given": None, **shown},
        zones=sorted(time_zones()),
        house_zone=setting("time_zone"),
        shortest=PASSWORD_LENGTH,
    )
