"""Slack users as actors: by Slack id, the first time by confirmed email of a full member (SPEC 9)."""

from slack_sdk import WebClient

from models.actors import Actor
from models.clock import now_ms
from models.errors import NotAllowedError
from models.operations.people import first_org_admin, link_slack_user
from models.queries.people import person_by_slack_id
from models.tables import Person
from models.words import Role, Surface


def actor_of(user_id: str, client: WebClient) -> Actor:
    """The person behind a Slack user, with the role of this moment.

    Raises NotAllowedError, naming whom to ask, for somebody who is nobody here.
    """
    person = person_by_slack_id(user_id) or _by_email(user_id, client)
    if person is None:
        admin = first_org_admin()
        whom = admin.name if admin else "whoever set up Signalbox"
        raise NotAllowedError(f"You are not known to Signalbox yet. Ask {whom} to let you in.")
    return Actor(person.id, person.name, Role(person.role), Surface.SLACK)


def _by_email(user_id: str, client: WebClient) -> Person | None:
    user = client.users_info(user=user_id)["user"]
    outsider = any(
        user.get(mark) for mark in ("deleted", "is_bot", "is_restricted", "is_ultra_restricted", "is_stranger")
    )
    profile = user.get("profile", {})
    confirmed = user.get("is_email_confirmed", True) and profile.get("email")
    if outsider or not confirmed:
        return None
    return link_slack_user(profile["email"], user_id, now=now_ms())
