"""Signed events that SendGrid might post for messages of a campaign, whoever carried them."""

import json
import time
from collections.abc import Iterable
from typing import Any
from urllib.request import Request, urlopen

from jobs.providers.sendgrid.webhooks import EVENT_WEBHOOK
from tests.crash.product import Product
from tests.fakes.sendgrid import FakeSendGrid
from tests.processes import until


def event(kind: str, message_id: int, attempt: int, recipient: str) -> dict[str, Any]:
    """One event about an attempt, with an id of its own."""
    return {
        "event": kind,
        "email": recipient,
        "timestamp": int(time.time()),
        "message_id": str(message_id),
        "attempt": str(attempt),
        "sg_event_id": f"{kind}-{message_id}-{attempt}",
        "sg_message_id": f"x{message_id}.recvd-0",
    }


def encoded(events: Iterable[dict[str, Any]]) -> bytes:
    """The body of a post."""
    return json.dumps(list(events)).encode()


def post_delivered(product: Product, campaign_id: int, signer: FakeSendGrid) -> None:
    """Post what is true of all that is delivered by now: late events, as of a provider that was used before."""
    rows = until(lambda: _delivered(product, campaign_id), what="something delivered")
    body = encoded(event("delivered", *row) for row in rows)
    headers = {**signer.sign(body), "Content-Type": "application/json"}
    url = f"{product.variables['PUBLIC_URL']}{EVENT_WEBHOOK.path}"
    with urlopen(Request(url, body, headers), timeout=10) as answer:
        assert answer.status == 204


def _delivered(product: Product, campaign_id: int) -> list[tuple[Any, ...]]:
    return product.rows(
        "SELECT id, attempt, recipient FROM messages WHERE campaign_id = ? AND status = 'delivered'", campaign_id
    )
