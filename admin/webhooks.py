"""What providers tell us: a signature on the raw bytes, one row in the inbox, then the answer (SPEC 2)."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import structlog
from flask import Flask, Response, request

from jobs.providers.registry import INBOUND, SENDGRID_EVENTS, TWILIO_INBOUND, TWILIO_STATUS
from jobs.providers.sendgrid import webhooks as sendgrid
from jobs.providers.sendgrid.provider import NAME as SENDGRID
from jobs.providers.twilio import webhooks as twilio
from jobs.providers.twilio.provider import NAME as TWILIO
from jobs.runtime import addresses
from models.clock import now_ms
from models.config import Config
from models.operations.receipts import record_receipts

log = structlog.stdlib.get_logger("signalbox.webhooks")

# Twilio wants TwiML from an inbound webhook; an empty one sends no reply of ours to a STOP.
NO_REPLY = '<?xml version="1.0" encoding="UTF-8"?><Response/>'


class Post(NamedTuple):
    """A POST as it came; `url` is what the provider signed: PUBLIC_URL with our path and its query, byte for byte."""

    url: str
    query: str
    headers: Mapping[str, str]
    body: bytes


Verifier = Callable[[Config, Post], bool]


def install(app: Flask, config: Config) -> None:
    """Add the providers' addresses; without the key that signs, everything there is refused."""

    @app.post(TWILIO_STATUS)
    def twilio_status() -> Response:
        return _kept(config, TWILIO, _twilio_signed)

    @app.post(TWILIO_INBOUND)
    def twilio_inbound() -> Response:
        answer = _kept(config, INBOUND, _twilio_signed)
        return Response(NO_REPLY, mimetype="text/xml") if answer.status_code == 204 else answer

    @app.post(SENDGRID_EVENTS)
    def sendgrid_events() -> Response:
        return _kept(config, SENDGRID, _sendgrid_signed)


def _kept(config: Config, provider: str, is_signed: Verifier) -> Response:
    """204 once the POST is in the inbox and committed; 403 without a good signature."""
    post = _read(config)
    if not is_signed(config, post):
        log.warning("webhook refused: its signature is missing or wrong", provider=provider)
        return Response("The signature is missing or wrong.", status=403, mimetype="text/plain")
    kept = {"content-type": request.headers.get("Content-Type", ""), "query": post.query}
    record_receipts(provider=provider, headers=kept, body=post.body, now=now_ms())
    return Response(status=204)


def _read(config: Config) -> Post:
    """Reads at most what the limit of bodies lets through."""
    query = request.query_string.decode("latin-1")  # bytes as they stand
    path = request.path + (f"?{query}" if query else "")
    return Post(addresses.public_url(config) + path, query, dict(request.headers), request.get_data(cache=False))


def _twilio_signed(config: Config, post: Post) -> bool:
    token = config.variables.get("TWILIO_AUTH_TOKEN", "")
    return bool(token) and twilio.is_signed(token, post.url, post.headers, post.body)


def _sendgrid_signed(config: Config, post: Post) -> bool:
    key = config.variables.get("SENDGRID_WEBHOOK_PUBLIC_KEY", "")
    return bool(key) and sendgrid.is_signed(key, post.headers, post.body, now_ms())
