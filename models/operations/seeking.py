"""Recipients sought by people who see them masked: so few a day that nobody fills in a mask by trying.

Each different one is kept in `leases` for a day, under a keyed hash: all processes count together, no address is kept.
"""

import hmac
from hashlib import sha256

from models import secret_key
from models.actors import Actor, Right
from models.database import execute, for_update, select, transaction
from models.errors import NotAllowedError
from models.queries.finding import FoundRecipient, recipient_by_key, recipient_typed
from models.queries.pages import exactly
from models.rules.criteria import Criteria
from models.rules.timeouts import DAY
from models.words import ROLE_LABELS, Channel, duration

# A mask hides three digits or more. So few make one number a matter of weeks, and are enough for who asks for others.
MOST_SOUGHT = 30
SOUGHT = "sought"


def find_recipient(typed: str, actor: Actor, *, now: int) -> FoundRecipient:
    """Every message to one person, named by a whole number or address, in the campaigns that this actor sees.

    Raises InvalidInputError for what is neither, and NotAllowedError for one too many.
    """
    channel, key = recipient_typed(typed)
    note_sought(channel, key, actor, now=now)
    return recipient_by_key(channel, key, actor)


def with_recipient(campaign_id: int, channel: Channel, recipient_key: str, actor: Actor, *, now: int) -> Criteria:
    """What matches exactly this recipient of a campaign: the search of who may not see addresses.

    Raises NotAllowedError for one too many.
    """
    note_sought(channel, recipient_key, actor, now=now)
    return exactly(campaign_id, recipient_key)


def note_sought(channel: Channel, recipient_key: str, actor: Actor, *, now: int) -> None:
    """Count a search for one whole recipient; whom the actor sought already in the last 24 hours counts no more.

    Who may see recipients seeks without limit. Raises NotAllowedError for one too many.
    """
    if actor.may(Right.SEE_RECIPIENTS):
        return
    sought = f"{SOUGHT} {actor.person_id}"
    key = hmac.new(secret_key.derived(SOUGHT), f"{channel} {recipient_key}".encode(), sha256).hexdigest()
    name = f"{sought} {key}"
    if select("SELECT 1 FROM leases WHERE name = ? AND until_at > ?", name, now):  # as at each look at one page
        return
    with transaction():
        select(f"SELECT id FROM people WHERE id = ?{for_update()}", actor.person_id)  # two at once count one by one
        others = select(
            "SELECT until_at FROM leases WHERE name LIKE ? AND until_at > ? ORDER BY until_at", f"{sought} %", now
        )
        if len(others) >= MOST_SOUGHT:
            raise NotAllowedError(_refused(actor, wait=others[0][0] - now))
        execute(
            "INSERT INTO leases (name, holder, until_at) VALUES (?, '', ?) "
            "ON CONFLICT (name) DO UPDATE SET until_at = excluded.until_at",
            name,
            now + DAY,
        )


def _refused(actor: Actor, *, wait: int) -> str:
    return (
        f"You have looked for {MOST_SOUGHT} different recipients in the last 24 hours, as many as a "
        f"{ROLE_LABELS[actor.role]} may. Ask a Campaigner, or try again in about {duration(wait / 1000)}."
    )
