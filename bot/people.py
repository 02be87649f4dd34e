"""Slack users as actors: by Slack id, the first time by confirmed email of a full member (SPEC 9)."""

from typing import Any

from slack_sdk import WebClient

from models.actors import Actor
from models.clock import now_ms
from models.errors import NotAllowedError
from models.operations.people import link_slack_user
from models.queries.people import first_org_admin, person_by_slack_id
from models.tables import Person
from models.words import Role, Surface

_NO_FULL_MEMBER = ("deleted", "is_bot", "is_restricted", "is_ultra_restricted", "is_stranger")


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
    email = user.get("profile", {}).get("email")
    if not email or not user.get("is_email_confirmed") or any(user.get(mark) for mark in _NO_FULL_MEMBER):
        return None
    return link_slack_user(email, user_id, now=now_ms()) if _is_of_team(user, client) else None


def _is_of_team(user: dict[str, Any], client: WebClient) -> bool:
    """False for a member of another organisation in a shared channel: Slack calls only those who share none strangers,
    and whoever runs that other workspace decides what addresses its people have.
    """
    teams = {user.get("team_id"), *user.get("enterprise_user", {}).get("teams", ())}
    return client.auth_test()["team_id"] in teams
