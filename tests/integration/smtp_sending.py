"""Messages for the SMTP provider, and their way through it."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import uvloop

from jobs.providers.base import Outcome
from jobs.providers.messages import Content, OutgoingMessage
from jobs.providers.smtp.connection import SmtpAccount
from jobs.providers.smtp.provider import SmtpProvider
from tests.fakes.smtp import Certificate, FakeSmtp

T = TypeVar("T")
LINK = f"https://signalbox.example/u/{'t' * 120}"


def content(
    *, sender: str = "news@example.com", subject: str = "Hello", html: str = "<p>Hello</p>", **more: Any
) -> Content:
    """An email campaign's."""
    return Content.of_email(subject=subject, html=html, from_address=sender, **more)


def message(
    recipient: str = "zoe@example.org",
    of: Content | None = None,
    *,
    message_id: int = 7,
    attempt: int = 1,
    **values: str,
) -> OutgoingMessage:
    """One recipient's."""
    return OutgoingMessage(message_id, attempt, recipient, of or content(), {"unsubscribe_url": LINK, **values})


def provider_at(url: str, certificate: Certificate | None = None) -> SmtpProvider:
    """One for SMTP_URL, that trusts this certificate alone."""
    return SmtpProvider(SmtpAccount.from_url(url), tls=certificate and certificate.client)


def hand_over(
    server: FakeSmtp | str, *messages: OutgoingMessage, certificate: Certificate | None = None
) -> list[Outcome]:
    """One after the other, through one provider; `server` may be an SMTP_URL."""
    url = server if isinstance(server, str) else server.url

    async def go() -> list[Outcome]:
        async with provider_at(url, certificate) as provider:
            return [outcome for one in messages for outcome in await provider.send([one])]

    return run(go())


def run(work: Coroutine[Any, Any, T]) -> T:
    """On the loop that send jobs have."""
    return uvloop.run(asyncio.wait_for(work, 20))
