"""Signing in by password or one-time link, and signing out."""

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from admin import sessions
from admin.access import safe_next
from models.clock import now_ms
from models.errors import NotAllowedError
from models.operations import people, signing_in
from models.queries.people import holder_of_link

blueprint = Blueprint("signing_in", __name__)
LONGEST = 1000  # characters of an email or password that are looked at


@blueprint.route("/login", methods=["GET", "POST"])
def password() -> ResponseReturnValue:
    """The form, and the try; every failure is told in the same words."""
    wanted = request.values.get("next", "")
    if request.method == "GET":
        if sessions.current_person() is not None:
            return redirect(safe_next(wanted))
        return render_template("panel/sign_in.html", wanted=wanted, email="", refused=None)
    email, typed = request.form.get("email", "")[:LONGEST], request.form.get("password", "")[:LONGEST]
    try:
        person = signing_in.check_password(email, typed, address=sessions.network_address(), now=now_ms())
    except NotAllowedError as refused:
        return render_template("panel/sign_in.html", wanted=wanted, email=email, refused=refused), 403
    sessions.begin(person)
    signing_in.forget_old_tries(now=now_ms())
    return redirect(safe_next(wanted), 303)


@blueprint.route("/login/<token>", methods=["GET", "POST"])
def link(token: str) -> ResponseReturnValue:
    """GET only shows whom the link signs in, so that a scanner of mails can't use it up; POST signs in."""
    if request.method == "GET":
        holder = holder_of_link(token, now=now_ms())
        if holder is None:
            return render_template("panel/link_used.html"), 403
        return render_template("panel/sign_in_by_link.html", name=holder.name, until=holder.expires_at)
    try:
        person = people.use_sign_in_link(token, now=now_ms())
    except NotAllowedError:
        return render_template("panel/link_used.html"), 403
    sessions.begin(person)
    signing_in.note_link_sign_in(person, now=now_ms())
    signing_in.forget_old_tries(now=now_ms())
    return redirect(safe_next(request.args.get("next")), 303)


@blueprint.post("/logout")
def sign_out() -> ResponseReturnValue:
    """End this session."""
    sessions.end()
    return redirect(url_for("signing_in.password"), 303)
