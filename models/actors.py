"""Who asks for something, and the rights that a role gives (SPEC 9)."""

from dataclasses import dataclass
from enum import StrEnum

from models.errors import NotAllowedError
from models.words import ROLE_LABELS, Role, Surface


class Right(StrEnum):
    """One thing that a role may or may not do."""

    SEE_CAMPAIGNS = "see campaigns"
    SEE_RECIPIENTS = "see recipients"
    CHANGE_CAMPAIGNS = "create, run and change campaigns"
    EXPORT = "export"
    ADD_OPT_OUTS = "add opt-outs"
    REMOVE_OPT_OUTS = "remove opt-outs"
    SEE_OPERATIONS = "see the audit, other people's exports and bulk moves, and health"
    HAND_ON = "hand on other people's campaigns"
    MANAGE_STAFF = "manage Campaigners and Viewers"
    MANAGE_EVERYBODY = "manage everybody"
    CHANGE_SETTINGS = "change settings"
    FORGET_PEOPLE = "forget a person"


_VIEWER = frozenset({Right.SEE_CAMPAIGNS})
_CAMPAIGNER = _VIEWER | {Right.SEE_RECIPIENTS, Right.CHANGE_CAMPAIGNS, Right.EXPORT, Right.ADD_OPT_OUTS}
_ADMIN = _CAMPAIGNER | {Right.REMOVE_OPT_OUTS, Right.SEE_OPERATIONS, Right.HAND_ON, Right.MANAGE_STAFF}
_ORG_ADMIN = _ADMIN | {Right.MANAGE_EVERYBODY, Right.CHANGE_SETTINGS, Right.FORGET_PEOPLE}
RIGHTS = {
    Role.VIEWER: _VIEWER,
    Role.CAMPAIGNER: _CAMPAIGNER,
    Role.ADMIN: _ADMIN,
    Role.ORG_ADMIN: _ORG_ADMIN,
}


@dataclass(frozen=True)
class Actor:
    """Who asks, with the role held at this moment; `person_id` is None for the command line and the system."""

    person_id: int | None
    name: str
    role: Role
    surface: Surface

    def may(self, right: Right) -> bool:
        """Whether the role gives this right."""
        return right in RIGHTS[self.role]

    def as_columns(self) -> dict[str, object]:
        """How a row names who asked for it."""
        return {"actor_id": self.person_id, "actor_name": self.name, "surface": self.surface.value}

    def require(self, right: Right) -> None:
        """Raise NotAllowedError, with what to do, when the role does not give this right."""
        if not self.may(right):
            needed = next(role for role in Role if right in RIGHTS[role])
            raise NotAllowedError(
                f"To {right.value}, your role must be {ROLE_LABELS[needed]} or above; you are "
                f"{ROLE_LABELS[self.role]}. Ask an Org Admin."
            )


COMMAND_LINE = Actor(None, "command line", Role.ORG_ADMIN, Surface.COMMAND_LINE)
SYSTEM = Actor(None, "system", Role.ORG_ADMIN, Surface.SYSTEM)
