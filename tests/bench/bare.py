"""The raw limit of sending: the same client and the same requests in a bare loop, with no database and no queue.

In a process of its own: `python -m tests.bench.bare URL MESSAGES`; prints the seconds that it took.
"""

import asyncio
import sys
import time

import uvloop

from jobs.providers.messages import Content, OutgoingMessage
from jobs.providers.twilio.provider import TwilioProvider
from tests.bench.campaign import account

CONTENT = Content.of_sms("Hi, our spring sale starts on Friday. Reply STOP to opt out.")


async def send(url: str, messages: int) -> float:
    """All messages, as many at once as our engine has under way; returns seconds."""
    numbers = iter(range(messages))
    provider = TwilioProvider(account(url), callback_url=None, validity_seconds=14_400)

    async def one_after_the_other() -> None:
        for number in numbers:
            await provider.send([OutgoingMessage(number, 1, f"+1202{number:07}", CONTENT, {})])

    async with provider:
        since = time.perf_counter()
        await asyncio.gather(*(one_after_the_other() for _ in range(provider.concurrency)))
        return time.perf_counter() - since


if __name__ == "__main__":
    print(uvloop.run(send(sys.argv[1], int(sys.argv[2]))))
