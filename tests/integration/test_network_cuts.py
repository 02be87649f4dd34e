"""Networks that fail, with each real provider: its answer is cut at every byte, stalls, or no connection comes about.

What may have left is never sent again; what surely did not leave is.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import uvloop

import jobs.sending
from jobs.providers import http
from jobs.providers.base import Provider
from jobs.providers.sendgrid.provider import SendGridAccount, SendGridProvider
from jobs.providers.smtp import connection
from jobs.providers.smtp.connection import SmtpAccount
from jobs.providers.smtp.provider import SmtpProvider
from jobs.providers.twilio.provider import TwilioAccount, TwilioProvider
from jobs.runtime.stopping import Stop
from jobs.sending import Sender
from models.clock import now_ms
from models.config import Config
from models.database import select
from models.operations.sweeping import sweep_due
from models.queries.campaigns import get_campaign
from models.words import Channel
from tests import proxy
from tests.factories import make_campaign, run, statuses
from tests.fakes import ledger, twilio
from tests.fakes.sendgrid import FakeSendGrid
from tests.fakes.smtp import FakeSmtp
from tests.fakes.twilio import FakeTwilio
from tests.integration.twilio_calls import CALLBACK
from tests.processes import free_port

HOUR = 3_600_000
END_OF_MAIL = b"\r\n.\r\n"
FAREWELL = b"221 2.0.0 Bye\r\n"  # of the mail server, after it took the mail
NO_HOST = "nowhere.invalid"  # RFC 6761: no name server knows it


@dataclass(frozen=True)
class Carrier:
    """A provider's stand-in at work: where it is, and how to send through whatever address."""

    channel: Channel
    url: str
    provider_at: Callable[[str], Provider]
    path: Path  # of the ledger

    @property
    def is_http(self) -> bool:
        return self.url.startswith("http")

    @property
    def port(self) -> int:
        return urlsplit(self.url).port or 0

    def at(self, port: int, host: str = "127.0.0.1") -> Provider:
        """Our provider, as if the server were there."""
        return self.provider_at(f"{urlsplit(self.url).scheme}://{host}:{port}")

    def taken(self) -> Counter[tuple[str, str]]:
        """How often it took each attempt of each message."""
        return Counter((one.message_id, one.attempt) for one in ledger.read(self.path))


def twilio_at(url: str) -> Provider:
    return TwilioProvider(TwilioAccount(twilio.ACCOUNT, twilio.TOKEN, twilio.SERVICE, url), CALLBACK, 14_400)


def sendgrid_at(url: str) -> Provider:
    """With one person in each request."""
    return SendGridProvider(SendGridAccount("SG.fake", url), batch_size=1, concurrency=8)


def smtp_at(url: str) -> Provider:
    return SmtpProvider(SmtpAccount.from_url(url))


@pytest.fixture(params=["twilio", "sendgrid", "smtp"])
def carrier(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Carrier]:
    path = tmp_path / "taken.txt"
    with ExitStack() as stack:
        if request.param == "twilio":
            fake = stack.enter_context(twilio.running(FakeTwilio(path, silent=True)))
            yield Carrier(Channel.SMS, fake.url, twilio_at, path)
        elif request.param == "sendgrid":
            yield Carrier(Channel.EMAIL, stack.enter_context(FakeSendGrid(path)).url, sendgrid_at, path)
        else:
            yield Carrier(Channel.EMAIL, stack.enter_context(FakeSmtp(path)).url, smtp_at, path)


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits long before what was not sent is tried again."""
    monkeypatch.setattr(jobs.sending, "LONGEST_PAUSE", 0.01)


@pytest.fixture
def send(installation: Config) -> Iterator[Callable[[int, Provider], None]]:
    stop = Stop()

    def go(campaign_id: int, provider: Provider) -> None:
        """One send job."""
        uvloop.run(Sender(get_campaign(campaign_id), provider, installation, stop, rate=lambda: None).run())

    yield go
    stop.close()


Send = Callable[[int, Provider], None]


def running_campaign(channel: Channel, messages: int) -> int:
    campaign_id = make_campaign(channel, messages)
    run(campaign_id, now=now_ms())
    return campaign_id


def length_of_an_answer(carrier: Carrier, send: Send) -> int:
    """How much the server says until it has taken one message."""
    with proxy.before(carrier.port) as passed:
        send(running_campaign(carrier.channel, 1), carrier.at(passed.listens_on))
    (passage,) = passed.passages
    sweep_due(now=now_ms() + HOUR, scale=1)
    return passage.answered - (0 if carrier.is_http else len(FAREWELL))


def left(carrier: Carrier, passage: proxy.Passage) -> bool:
    """Whether a whole message went through."""
    return carrier.is_http or END_OF_MAIL in passage.asked


def attempts(campaign_id: int) -> dict[int, list[str | None]]:
    """Each message's answers, in order."""
    found: dict[int, list[str | None]] = {}
    rows = "SELECT message_id, answer FROM attempts WHERE campaign_id = ? ORDER BY message_id, number"
    for message_id, answer in select(rows, campaign_id):
        found.setdefault(message_id, []).append(answer)
    return found


@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
def test_an_answer_cut_at_any_byte_is_never_asked_for_again(carrier: Carrier, send: Send, reset: bool) -> None:
    length = length_of_an_answer(carrier, send)
    campaign_id = running_campaign(carrier.channel, length)
    with proxy.before(carrier.port, range(length), reset=reset) as cut:
        send(campaign_id, carrier.at(cut.listens_on))
    cuts = [passage for passage in cut.passages if passage.cut]
    assert len(cuts) == length
    in_doubt = sum(left(carrier, passage) for passage in cuts)
    answers = attempts(campaign_id)
    given = Counter(answer for one in answers.values() for answer in one)
    assert given["unknown"] == in_doubt > 0
    assert given["not_sent"] == length - in_doubt - given["refused"]  # by SMTP's third cut before the mail
    assert all(set(one[:-1]) <= {"not_sent"} for one in answers.values()), "something followed what was in doubt"
    assert set(carrier.taken().values()) == {1}
    sweep_due(now=now_ms() + 2 * HOUR, scale=1, limit=2 * length)
    assert statuses(campaign_id)["unconfirmed"] == in_doubt
    send(campaign_id, carrier.at(carrier.port))
    assert attempts(campaign_id) == answers


def test_a_stall_after_the_message_left_is_in_doubt_and_ends(
    carrier: Carrier, send: Send, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "ANSWER_SECONDS", 0.3)
    monkeypatch.setattr(connection, "CONTENT_SECONDS", 0.3)
    length = length_of_an_answer(carrier, send)
    campaign_id = running_campaign(carrier.channel, 1)
    with proxy.before(carrier.port, [length - 1], stalls=True) as stalled:
        send(campaign_id, carrier.at(stalled.listens_on))
    assert list(attempts(campaign_id).values()) == [["unknown"]]
    assert set(carrier.taken().values()) == {1}


@pytest.mark.parametrize("host", ["127.0.0.1", NO_HOST], ids=["refused", "no such host"])
def test_what_found_no_connection_is_sent_later(
    carrier: Carrier, send: Send, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign_id = running_campaign(carrier.channel, 5)
    with monkeypatch.context() as short:
        short.setattr(jobs.sending, "JOB_SECONDS", 0.3)
        send(campaign_id, carrier.at(free_port(), host))
    assert statuses(campaign_id) == {"queued": 5}
    assert {answer for one in attempts(campaign_id).values() for answer in one} == {"not_sent"}
    send(campaign_id, carrier.at(carrier.port))
    assert set(carrier.taken().values()) == {1}
    assert len(carrier.taken()) == 5
