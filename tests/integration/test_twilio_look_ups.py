"""Look-ups of hand-overs whose answer was lost: what Twilio must be saying, and when nothing can be concluded."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import uvloop

from jobs.providers.base import Doubt, LookedUp
from jobs.providers.twilio.provider import TwilioAccount, TwilioProvider
from models.rules.verdicts import Word
from models.words import FailureReason, RetryClass, Scope
from tests.fakes.twilio import ACCOUNT, SERVICE, TOKEN, FakeTwilio, running
from tests.integration.twilio_calls import ADA, NOW, OTHER_SID, raw, refusal, resource, server, using
from tests.processes import free_port

LIKELY, PERHAPS, NEVER = RetryClass.LIKELY, RetryClass.MAY_HAVE_ARRIVED, RetryClass.NEVER
DOUBT = Doubt(7, 2, ADA, "Hi", NOW)
THEN = datetime.fromtimestamp(NOW / 1000, UTC)


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[FakeTwilio]:
    with running(FakeTwilio(tmp_path / "taken.txt", silent=True)) as fake:
        yield fake


def look_up(fake: FakeTwilio, *doubts: Doubt, bound: frozenset[str] = frozenset()) -> Sequence[LookedUp]:
    return using(fake.url, lambda provider: provider.look_up(doubts, bound=bound.intersection, at=NOW))


def seconds_later(seconds: float) -> datetime:
    return THEN + timedelta(seconds=seconds)


class TestLookUp:
    @pytest.mark.parametrize(
        ("status", "code", "said"),
        [
            ("accepted", None, (Word.ACCEPTED, None, None, "")),
            ("queued", None, (Word.ACCEPTED, None, None, "")),
            ("scheduled", None, (Word.ACCEPTED, None, None, "")),
            ("partially_delivered", None, (Word.ACCEPTED, None, None, "")),
            ("sending", None, (Word.ACCEPTED, None, None, "")),
            ("sent", None, (Word.SENT, None, None, "")),
            ("delivered", None, (Word.DELIVERED, None, None, "")),
            ("read", None, (Word.DELIVERED, None, None, "")),
            ("undelivered", 30003, (Word.FAILED, FailureReason.UNREACHABLE, LIKELY, "30003")),
            ("failed", 30002, (Word.FAILED, FailureReason.INSUFFICIENT_FUNDS, LIKELY, "30002")),
            ("failed", 21610, (Word.OPTED_OUT, None, NEVER, "21610")),
            ("failed", None, (Word.FAILED, FailureReason.UNKNOWN, PERHAPS, "")),
            ("canceled", None, (Word.FAILED, FailureReason.CONFIGURATION, LIKELY, "canceled")),
        ],
    )
    def test_the_one_message_tells_what_became_of_it(
        self, fake: FakeTwilio, status: str, code: int | None, said: tuple[object, ...]
    ) -> None:
        found = fake.put(ADA, "Hi", status=status, code=code, created_at=THEN)
        fake.put("+12025550101", "Hi", created_at=THEN)
        (one,) = look_up(fake, DOUBT)
        assert one.answered
        assert one.event is not None
        event = one.event
        assert (event.message_id, event.attempt, event.at, event.answers) == (7, 2, NOW, False)
        assert (event.word, event.reason, event.retry_class, event.code) == said
        assert event.provider_id == found.sid
        assert (event.scope is Scope.ACCOUNT) == (code == 30002)

    @pytest.mark.parametrize(
        "given",
        [
            {"body": "hi"},
            {"body": "Hi "},
            {"service": "MG" + "c" * 32},
            {"to": "+12025550101"},
            {"created_at": seconds_later(-6)},
            {"created_at": seconds_later(606)},
        ],
    )
    def test_another_message_is_not_taken_for_it(self, fake: FakeTwilio, given: dict[str, Any]) -> None:
        fake.put(**{"to": ADA, "body": "Hi", "created_at": THEN, **given})
        assert look_up(fake, DOUBT) == [LookedUp(DOUBT, answered=True)]

    @pytest.mark.parametrize("seconds", [-5, 0, 600])
    def test_clocks_may_differ_a_little(self, fake: FakeTwilio, seconds: int) -> None:
        fake.put(ADA, "Hi", created_at=seconds_later(seconds))
        assert look_up(fake, DOUBT)[0].event

    def test_nothing_there_is_an_answer(self, fake: FakeTwilio) -> None:
        assert look_up(fake, DOUBT) == [LookedUp(DOUBT, answered=True)]
        assert look_up(fake) == []

    def test_several_that_fit_bind_nothing(self, fake: FakeTwilio) -> None:
        for _ in range(2):
            fake.put(ADA, "Hi", created_at=THEN)
        assert look_up(fake, DOUBT) == [LookedUp(DOUBT, answered=True, unclear=True)]

    def test_what_another_hand_over_has_does_not_count(self, fake: FakeTwilio) -> None:
        taken, free = (fake.put(ADA, "Hi", created_at=THEN) for _ in range(2))
        (one,) = look_up(fake, DOUBT, bound=frozenset({taken.sid, OTHER_SID[:-1] + "9"}))
        assert one.event
        assert one.event.provider_id == free.sid
        assert look_up(fake, DOUBT, bound=frozenset({taken.sid, free.sid})) == [LookedUp(DOUBT, answered=True)]

    def test_one_whose_id_is_known_is_found_by_it_alone(self, fake: FakeTwilio) -> None:
        known, _other = (fake.put(ADA, "Hi", status="sent", created_at=THEN) for _ in range(2))
        (one,) = look_up(fake, replace(DOUBT, provider_id=known.sid), bound=frozenset({known.sid}))
        assert one.event
        assert (one.event.provider_id, one.event.word) == (known.sid, Word.SENT)

    def test_one_message_for_two_doubts_binds_neither(self, fake: FakeTwilio) -> None:
        fake.put(ADA, "Hi", created_at=seconds_later(60))
        other = Doubt(8, 1, ADA, "Hi", NOW + 30_000)
        unclear = [LookedUp(one, answered=True, unclear=True) for one in (DOUBT, other)]
        assert look_up(fake, DOUBT, other) == unclear

    def test_two_doubts_of_one_person_are_told_apart_by_their_text(self, fake: FakeTwilio) -> None:
        first, second = (fake.put(ADA, body, created_at=THEN) for body in ("Hi", "Ho"))
        found = look_up(fake, Doubt(8, 1, ADA, "Ho", NOW), DOUBT)
        assert [one.event and one.event.provider_id for one in found] == [second.sid, first.sid]

    def test_it_is_found_on_a_later_page(self, fake: FakeTwilio) -> None:
        found = fake.put(ADA, "Hi", created_at=THEN)
        for _ in range(120):
            fake.put(ADA, "other", created_at=THEN)
        (one,) = look_up(fake, DOUBT)
        assert one.event
        assert one.event.provider_id == found.sid

    def test_person_with_no_end_of_messages_is_not_told_of_whole(self, fake: FakeTwilio) -> None:
        for _ in range(201):
            fake.put(ADA, "other", created_at=THEN)
        fake.put(ADA, "Hi", created_at=THEN)
        assert look_up(fake, DOUBT) == [LookedUp(DOUBT, answered=False)]

    def test_what_was_sent_long_ago_is_not_read(self, fake: FakeTwilio) -> None:
        for _ in range(300):
            fake.put(ADA, "Hi", created_at=seconds_later(-60))
        found = fake.put(ADA, "Hi", created_at=THEN)
        (one,) = look_up(fake, DOUBT)
        assert one.event
        assert one.event.provider_id == found.sid

    @pytest.mark.parametrize(
        "body",
        [b"", b"<html>", {"messages": None}, {"messages": {}}, refusal(20500), b"[" * 200_000]
        + [{"messages": [resource()], "next_page_uri": uri} for uri in ("/nowhere", "@example.com", "\ud800", [1])],
    )
    @pytest.mark.parametrize("status", [200, 404, 500])
    def test_failed_look_up_can_be_told_from_one_in_vain(self, status: int, body: object) -> None:
        assert self.found_in(raw(status, body)) == LookedUp(DOUBT, answered=False)

    @pytest.mark.parametrize("status", [201, 404, 500])
    def test_list_counts_only_in_a_good_answer(self, status: int) -> None:
        listed = {"messages": [resource()], "next_page_uri": None}
        assert self.found_in(raw(200, listed)).event
        assert self.found_in(raw(status, listed)) == LookedUp(DOUBT, answered=False)

    def test_message_that_is_listed_twice_is_one(self) -> None:
        assert self.found_in(raw(200, {"messages": [resource(), resource()]})).event

    def test_look_up_without_a_connection_does_not_count(self) -> None:
        url = f"http://127.0.0.1:{free_port()}"
        found = using(url, lambda provider: provider.look_up([DOUBT], bound=frozenset().intersection, at=NOW))
        assert found == [LookedUp(DOUBT, answered=False)]

    @pytest.mark.parametrize(
        "given",
        [
            None,
            7,
            {},
            resource(date_created=None),
            resource(date_created="soon"),
            resource(sid=7),
            resource(body=None),
            resource(to=ADA[:-1]),
        ],
    )
    def test_rubbish_in_a_list_is_nothing_that_fits(self, given: object) -> None:
        assert self.found_in(raw(200, {"messages": [given]})) == LookedUp(DOUBT, answered=True)
        found = self.found_in(raw(200, {"messages": [given, resource(sid=OTHER_SID)], "next_page_uri": ""}))
        assert found.event
        assert found.event.provider_id == OTHER_SID

    def found_in(self, answer: bytes) -> LookedUp:
        """What comes of looking up DOUBT when every request is answered with these bytes."""

        async def run() -> LookedUp:
            async with (
                server(answer) as (url, _),
                TwilioProvider(TwilioAccount(ACCOUNT, TOKEN, SERVICE, url), None, 60) as provider,
            ):
                (found,) = await provider.look_up([DOUBT], bound=frozenset[str]().intersection, at=NOW)
                return found

        return uvloop.run(run())
