"""Administration, People: who may use the product, as what; letting them in and go."""

from collections.abc import Callable
from typing import Any

from flask import Blueprint, render_template, request, url_for
from flask.typing import ResponseReturnValue

from admin import sessions
from admin.views.base import ListView, dialog, done
from admin.views.given import typed
from jobs.runtime import addresses
from models.actors import Actor, Right
from models.clock import now_ms
from models.config import current
from models.errors import InvalidInputError, NotFoundError, WrongStateError
from models.operations import administering, people
from models.queries.people import everybody_here, owned_campaigns, person_by_id
from models.tables import Person
from models.words import ROLE_LABELS, Role

blueprint = Blueprint("person", __name__, url_prefix="/people")
ROLE_MEANINGS = {
    Role.VIEWER: "Sees campaigns and counts; recipients are masked.",
    Role.CAMPAIGNER: "Makes, runs, retries and exports campaigns.",
    Role.ADMIN: "Also sees audit and health, removes opt-outs, looks after Campaigners and Viewers.",
    Role.ORG_ADMIN: "Everything: settings, all people, forgetting a person.",
}


class PeopleView(ListView):
    """Everybody who may sign in."""

    list_template = "administration/people.html"

    def get_list(self, *_: Any, **__: Any) -> tuple[None, list[Person]]:
        """All of them: a team, not a crowd."""
        return None, everybody_here()

    def context(self) -> dict[str, Any]:
        """Whom one may change."""
        return {"role_labels": ROLE_LABELS, "manageable": _manageable(sessions.current_actor())}


@blueprint.route("/new", methods=["GET", "POST"])
def add() -> ResponseReturnValue:
    """Let somebody in."""
    actor = sessions.current_actor()

    def ask(**shown: Any) -> str:
        return dialog(
            "administration/person_add.html",
            back=url_for("people.index_view"),
            given=request.form,
            roles=_roles(actor),
            **shown,
        )

    if request.method == "GET":
        return ask()
    email, name = typed("email", longest=320), typed("name", longest=200)
    try:
        person_id = people.create_person(email=email, name=name, role=_role(), actor=actor, now=now_ms())
    except InvalidInputError as refused:
        return ask(refused=refused), 422
    return done(
        "Added. Give them a sign-in link, or let them type /campaign in Slack.", _address(person_id), stay=False
    )


@blueprint.get("/<id:person_id>")
def page(person_id: int) -> ResponseReturnValue:
    """One person, and what may be done about them."""
    return _page(_seen(person_id))


@blueprint.post("/<id:person_id>/role")
def role(person_id: int) -> ResponseReturnValue:
    """Another role."""

    def act(actor: Actor) -> str:
        wanted = _role()
        administering.change_role(person_id, wanted, actor=actor, now=now_ms())
        return f"Now {ROLE_LABELS[wanted]}."

    return _change(person_id, act)


@blueprint.post("/<id:person_id>/slack")
def slack(person_id: int) -> ResponseReturnValue:
    """Which Slack user they are."""

    def act(actor: Actor) -> str:
        slack_id = typed("slack_id", longest=100)
        administering.link_slack(person_id, slack_id, actor=actor, now=now_ms())
        return "Slack user linked." if slack_id.strip() else "Slack user unlinked."

    return _change(person_id, act)


@blueprint.post("/<id:person_id>/link")
def link(person_id: int) -> ResponseReturnValue:
    """A one-time sign-in link, shown once."""
    person, now = _seen(person_id), now_ms()
    token = people.make_sign_in_link(person.email, actor=sessions.current_actor(), now=now)
    url = f"{addresses.public_url(current())}{url_for('signing_in.link', token=token)}"
    return _page(person, link=url, until=now + people.LINK_LIFE)


@blueprint.route("/<id:person_id>/remove", methods=["GET", "POST"])
def remove(person_id: int) -> ResponseReturnValue:
    """Let somebody go."""
    person = _seen(person_id)
    if request.method == "GET":
        campaigns = owned_campaigns(person_id)
        return dialog("administration/person_remove.html", back=_address(person_id), shown=person, campaigns=campaigns)
    handed_on = administering.remove_person(person_id, actor=sessions.current_actor(), now=now_ms())
    handed = f" Campaigns handed to the first Org Admin: {handed_on:,}." if handed_on else ""
    return done(f"{person.name} was removed.{handed}", url_for("people.index_view"), stay=False)


def _change(person_id: int, act: Callable[[Actor], str]) -> ResponseReturnValue:
    """Do it and show the person again, with the sentence of what was wrong if it was."""
    person = _seen(person_id)
    try:
        told = act(sessions.current_actor())
    except InvalidInputError as refused:
        return _page(person, refused=refused), 422
    except WrongStateError as refused:
        return _page(person, refused=refused), 409
    return done(told, _address(person_id), stay=False)


def _page(person: Person, **shown: Any) -> str:
    actor = sessions.current_actor()
    own = person.id == actor.person_id
    return render_template(
        "administration/person.html",
        **{"refused": None, "link": "", **shown},
        shown=person,
        own=own,
        roles=_roles(actor),
        role_labels=ROLE_LABELS,
        may_link_slack=own or person.role != Role.ORG_ADMIN,
        may_make_link=actor.may(Right.MANAGE_EVERYBODY),
    )


def _seen(person_id: int) -> Person:
    """Somebody whom this person may look after. Raises NotFoundError, NotAllowedError."""
    person = person_by_id(person_id)
    if person is None:
        raise NotFoundError("There is no such person here, or no longer.")
    sessions.current_actor().require(administering.right_to_manage(Role(person.role)))
    return person


def _role() -> Role:
    given = typed("role")
    if given not in list(Role):
        raise InvalidInputError("Choose a role.", field="role")
    return Role(given)


def _roles(actor: Actor) -> dict[Role, tuple[str, str]]:
    """The roles that this person may give, with what they mean."""
    return {role: (ROLE_LABELS[role], ROLE_MEANINGS[role]) for role in _manageable(actor)}


def _manageable(actor: Actor) -> list[Role]:
    return [role for role in Role if actor.may(administering.right_to_manage(role))]


def _address(person_id: int) -> str:
    return url_for("person.page", person_id=person_id)
