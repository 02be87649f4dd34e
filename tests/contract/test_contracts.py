"""Our clients and our fakes through the official descriptions of the APIs: not one violation."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import uvloop

from jobs.providers.base import Doubt
from jobs.providers.messages import Content, OutgoingMessage
from jobs.providers.sendgrid.provider import SendGridAccount, SendGridProvider
from models.clock import now_ms
from models.rules.verdicts import Word
from tests.contract.conftest import Judge
from tests.fakes.sendgrid import FakeSendGrid
from tests.fakes.twilio import FakeTwilio, running
from tests.integration.twilio_calls import message, using

pytestmark = pytest.mark.timeout(400)
MakeJudge = Callable[[str, str], Judge]
TWILIO, SENDGRID = "twilio_messages.openapi.json", "sendgrid_mail.openapi.json"

# The recipient's last digits choose the fake's answer.
TWILIO_WORDS = {
    "+12025550147": Word.ACCEPTED,
    "+12025559001": Word.FAILED,
    "+12025559002": Word.FAILED,
    "+12025559009": Word.FAILED,
    "+12025559020": Word.OPTED_OUT,
    "+12025559060": Word.NOT_SENT,
    "+12025559129": Word.NOT_SENT,
    "+12025559151": Word.UNKNOWN,
    "+12025559155": Word.UNKNOWN,
}
SENDGRID_WORDS = {
    "ada@example.com": Word.ACCEPTED,
    "wait.429@example.com": Word.NOT_SENT,
    "bad.400@example.com": Word.FAILED,
    "error.500@example.com": Word.UNKNOWN,
}
TEXTS = ("Hi {{name}}", "Smörgåsbord 👍🏽 {{name}}", "x" * 1600, "&=+%\n\r\t“”")
HTML = '<p>Hi {{name}}</p><a href="{{unsubscribe_url}}">Out</a>'


@pytest.fixture
def twilio(tmp_path: Path, judge: MakeJudge) -> Iterator[Judge]:
    with running(FakeTwilio(tmp_path / "ledger", silent=True)) as fake:
        yield judge(TWILIO, fake.url)


def test_twilio_hand_overs_and_answers_keep_to_the_description(twilio: Judge) -> None:
    batch = [message(recipient, "Hi", number) for number, recipient in enumerate(TWILIO_WORDS, start=1)]
    outcomes = using(twilio.url, lambda provider: provider.send(batch))
    assert [outcome.word for outcome in outcomes] == list(TWILIO_WORDS.values())
    assert twilio.violations() == []


def test_twilio_texts_keep_to_the_description(twilio: Judge) -> None:
    batch = [message("+12025550147", text, number, name="O'Neil & Söhne") for number, text in enumerate(TEXTS)]
    outcomes = using(twilio.url, lambda provider: provider.send(batch))
    assert {outcome.word for outcome in outcomes} == {Word.ACCEPTED}
    assert twilio.violations() == []


def test_twilio_look_ups_keep_to_the_description(twilio: Judge) -> None:
    using(twilio.url, lambda provider: provider.send([message("+12025550147", "Hi", 1)]))
    doubt = Doubt(1, 1, "+12025550147", "Hi", now_ms())
    found = using(twilio.url, lambda provider: provider.look_up([doubt], bound=lambda _sids: (), at=1))
    assert [(one.answered, one.event is not None) for one in found] == [(True, True)]
    assert twilio.violations() == []


def test_what_is_outside_the_description_is_noticed(twilio: Judge) -> None:
    using(twilio.url, lambda provider: provider.send([message("0412 345 678")]))
    assert twilio.violations()


def test_sendgrid_hand_overs_and_answers_keep_to_the_description(tmp_path: Path, judge: MakeJudge) -> None:
    with FakeSendGrid(ledger=tmp_path / "ledger", key="SG.key") as fake:
        through = judge(SENDGRID, fake.url)
        for number, (recipient, word) in enumerate(SENDGRID_WORDS.items(), start=1):
            assert _mail(through.url, [recipient], number) == [word]
        people = [f"p{number}@example.com" for number in range(100)]
        assert _mail(through.url, people, 100) == [Word.ACCEPTED] * 100
        assert through.violations() == []


def _mail(url: str, recipients: list[str], first_id: int) -> list[Word]:
    content = Content.of_email(
        subject="Hi {{name}}", html=HTML, from_address="Ada <ada@example.org>", reply_to="ben@example.org"
    )
    values = {"name": "Ünal & <b>", "unsubscribe_url": "https://example.org/u/x"}
    batch = [
        OutgoingMessage(first_id + place, 1, recipient, content, values) for place, recipient in enumerate(recipients)
    ]

    async def send() -> list[Word]:
        async with SendGridProvider(SendGridAccount("SG.key", url)) as provider:
            return [outcome.word for outcome in await provider.send(batch)]

    return uvloop.run(send())
