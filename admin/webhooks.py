"""What providers tell us: a signature on the raw bytes, one row in the inbox, then the answer (SPEC 2)."""

from functools import partial

import structlog
from flask import Flask, Response, request

from jobs.providers.base import Post, Webhook
from jobs.providers.registry import WEBHOOKS
from jobs.runtime import addresses
from models.clock import now_ms
from models.config import Config
from models.operations.receipts import record_receipts

log = structlog.stdlib.get_logger("signalbox.webhooks")


def endpoint_of(webhook: Webhook) -> str:
    """Flask's name of its address."""
    return f"webhook_{webhook.kept_as}"


ENDPOINTS = frozenset(map(endpoint_of, WEBHOOKS))


def install(app: Flask, config: Config) -> None:
    """Add the providers' addresses; without the key that signs, everything there is refused."""
    for webhook in WEBHOOKS:
        app.add_url_rule(webhook.path, endpoint_of(webhook), partial(_kept, config, webhook), methods=["POST"])


def _kept(config: Config, webhook: Webhook) -> Response:
    """204, or the answer that is wanted, once the POST is in the inbox and committed; 403 without a good signature."""
    post = _read(config)
    if not webhook.is_signed(config.variables, post, now_ms()):
        log.warning("webhook refused: its signature is missing or wrong", provider=webhook.kept_as)
        return Response("The signature is missing or wrong.", status=403, mimetype="text/plain")
    kept = {"content-type": request.headers.get("Content-Type", ""), "query": post.query}
    record_receipts(provider=webhook.kept_as, headers=kept, body=post.body, now=now_ms())
    return Response(webhook.answer, mimetype="text/xml") if webhook.answer else Response(status=204)


def _read(config: Config) -> Post:
    """Reads at most what the limit of bodies lets through."""
    query = request.query_string.decode("latin-1")  # bytes as they stand
    path = request.path + (f"?{query}" if query else "")
    return Post(addresses.public_url(config) + path, query, dict(request.headers), request.get_data(cache=False))
