"""A stop reaches what waits inside a provider: it is answered as not sent, and what had begun is finished."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import uvloop

from jobs.providers.base import Outcome
from jobs.providers.messages import Content, OutgoingMessage
from jobs.providers.sendgrid.provider import SendGridAccount, SendGridProvider
from models.rules.verdicts import Word
from tests.fakes.sendgrid import FakeSendGrid
from tests.fakes.smtp import FakeSmtp
from tests.integration.smtp_sending import message, provider_at

KEY = "SG.secret-key.of-the-account"


def test_parts_of_a_refused_batch_are_not_tried_any_more(tmp_path: Path) -> None:
    content = Content.of_email(subject="Hi", html="<p>Hi</p>", from_address="ada@example.org")
    recipients = ["bad400.quiet.57@example.com", *(f"p{number}@example.com" for number in range(99))]
    batch = [OutgoingMessage(number, 1, to, content, {}) for number, to in enumerate(recipients, start=1)]

    async def hold_back_in_the_middle(fake: FakeSendGrid) -> Sequence[Outcome]:
        async with SendGridProvider(SendGridAccount(KEY, fake.url)) as provider:
            sending = asyncio.create_task(provider.send(batch))
            for _ in range(5):  # turns of the loop, after which the first request is under way
                await asyncio.sleep(0)
            provider.hold_back()
            return await sending

    with FakeSendGrid(ledger=tmp_path / "ledger", key=KEY, delay_seconds=0.05) as fake:
        outcomes = uvloop.run(hold_back_in_the_middle(fake))
        words = Counter(outcome.word for outcome in outcomes)
        arrived = {mail.message_id for mail in fake.mails}
        requests = len(fake.requests)
    assert (requests, words, arrived) == (1, {Word.NOT_SENT: 100}, set())


def test_mail_that_waits_for_a_connection_is_not_sent(tmp_path: Path) -> None:
    async def held_back(url: str) -> Sequence[Outcome]:
        async with provider_at(url) as provider:
            provider.hold_back()
            return await provider.send([message()])

    with FakeSmtp(tmp_path / "ledger") as fake:
        (outcome,) = uvloop.run(held_back(fake.url))
        assert fake.mails == []
    assert (outcome.word, outcome.code) == (Word.NOT_SENT, "held_back")
