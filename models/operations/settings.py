"""Settings that people change while the product runs: kept in the database, audited."""

from typing import Any

from models.actors import Actor, Right
from models.config import Config
from models.database import transaction
from models.errors import InvalidInputError
from models.operations import audit
from models.queries.settings import setting
from models.rules.setting_values import DEFINITIONS
from models.tables import Setting


def take_first_values(config: Config, *, now: int) -> None:
    """Give settings the values that the environment suggests, unless somebody has set them already."""
    for name, value in config.first_settings.items():
        if Setting.get_or_none(Setting.name == name) is None:
            with transaction():
                _write(name, value, by="environment", now=now)


def change_setting(name: str, value: Any, *, actor: Actor, now: int) -> bool:
    """Set it, to a value or what was typed for it; the old and the new one are kept in the audit.

    False when it has this value already: then nothing is written.

    Raises NotAllowedError, and InvalidInputError for a name that is none or a value that can't be.
    """
    actor.require(Right.CHANGE_SETTINGS)
    if name not in DEFINITIONS:
        raise InvalidInputError(f"There is no setting {name}.", field="name")
    new = DEFINITIONS[name].check(value)
    with transaction():
        old = setting(name)
        if new == old:
            return False
        _write(name, new, by=actor.name, now=now)
        audit.record(actor, "change_setting", now=now, kind="setting", object_id=None, name=name, old=old, new=new)
    return True


def _write(name: str, value: Any, *, by: str, now: int) -> None:
    row = {"value": value, "updated_at": now, "updated_by": by}
    Setting.insert(name=name, **row).on_conflict(conflict_target=[Setting.name], update=row).execute()
