"""The simulated carrier: every fate comes to its end by the way of real receipts, whatever dies in between."""

import asyncio
import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from peewee import OperationalError

from jobs import simulated_carrier as carriers
from jobs.providers.base import Outcome
from jobs.providers.messages import Content, OutgoingMessage
from jobs.providers.registry import PARSERS
from jobs.providers.simulated import SimulatedProvider, Simulation
from jobs.simulated_carrier import Carrier
from models.config import Config
from models.database import database, select
from models.operations import sending
from models.operations.receipts import apply_receipts
from models.operations.settling import settle
from models.operations.sweeping import sweep_due
from models.rules.timeouts import LEASE
from models.words import Channel, FailureReason
from tests import factories
from tests.factories import MINUTE, NOW, SECOND

HOUR = 60 * MINUTE
SIMULATION = Simulation(latency_ms=0)
HI = Content.of_sms("Hi")
# Where a message stands 5 minutes, 20 minutes, 2 hours and 3 days after its hand-over.
FATES = {
    Channel.SMS: {
        "00": ("delivered",) * 4,
        "20": ("opted_out",) * 4,
        "30": ("sending", "assumed_delivered", "assumed_delivered", "assumed_delivered"),
        "31": ("sending", "assumed_delivered", "assumed_delivered", "assumed_delivered"),
        "40": ("delivered",) * 4,
        "50": ("delivered",) * 4,
        "51": ("sending", "unconfirmed", "unconfirmed", "unconfirmed"),
        "70": ("sending", "delivered", "delivered", "delivered"),
    },
    Channel.EMAIL: {
        "delivered": ("delivered",) * 4,
        "optedout": ("opted_out",) * 4,
        "silent": ("sending", "sending", "unconfirmed", "unconfirmed"),
        "sent": ("sending", "sending", "unconfirmed", "unconfirmed"),
        "deferred": ("delivered",) * 4,
        "lost": ("delivered",) * 4,
        "lostnever": ("sending", "sending", "unconfirmed", "unconfirmed"),
        "late": ("sending", "sending", "delivered", "delivered"),
    },
}
LOOKS = (5 * MINUTE, 20 * MINUTE, 2 * HOUR, 72 * HOUR)


def recipient(channel: Channel, fate: str, number: int = 0) -> str:
    return f"+1202{number:03}90{fate}" if channel is Channel.SMS else f"sim.{fate}@host{number}.example.com"


def hand_over(campaign_id: int, var: Path, *, at: int = NOW) -> Sequence[Outcome]:
    """Claim all that is queued and hand it over, as a send job does, at the moment `at`."""
    channel = Channel(select("SELECT channel FROM campaigns WHERE id = ?", campaign_id)[0][0])
    claimed = sending.claim_messages(
        campaign_id, provider="simulated", limit=1000, after_id=0, lease_ms=LEASE, now=at
    ).messages
    batch = [OutgoingMessage(one.message_id, one.attempt, one.recipient, HI, {}) for one in claimed]
    write_log(var, channel, batch, at=at)

    async def send() -> Sequence[Outcome]:
        async with SimulatedProvider(channel, SIMULATION, var / "answers") as provider:
            return await provider.send(batch)

    (var / "answers").mkdir(exist_ok=True)  # its own log says another time
    outcomes = asyncio.run(send())
    settle([outcome.event(at=at + 80) for outcome in outcomes], now=at + 80, scale=1)
    return outcomes


def write_log(var: Path, channel: Channel, batch: Iterable[OutgoingMessage], *, at: int) -> None:
    moment = datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds")
    with (var / "simulated.log").open("a") as log:
        log.writelines(f"{moment} {channel} {one.message_id} {one.attempt} {one.recipient}\n" for one in batch)


def let_pass(carrier: Carrier, since: int, until: int, *, step: int = 5 * SECOND) -> None:
    """Time goes by: receipts are posted and applied, time-outs swept."""
    for now in [*range(since, until, step), until]:
        carrier.work(now)
        apply_receipts(PARSERS, limit=1000, now=now, scale=1)
        sweep_due(now=now, scale=1, limit=1000)


def standing(campaign_id: int) -> dict[str, tuple[str, str | None]]:
    """Where each message stands, and why, by recipient."""
    return {
        who: (status, reason)
        for who, status, reason in select(
            "SELECT recipient, status, failure_reason FROM messages WHERE campaign_id = ?", campaign_id
        )
    }


def posted() -> list[dict[str, Any]]:
    """All receipts, in the order of their posting."""
    bodies = select("SELECT body FROM receipt_inbox ORDER BY id")
    return [event for (body,) in bodies for event in json.loads(bytes(body))]


def make_running(channel: Channel, recipients: Sequence[str]) -> int:
    campaign_id = factories.make_campaign(channel, recipients)
    factories.run(campaign_id)
    return campaign_id


def new_carrier(installation: Config, simulation: Simulation = SIMULATION) -> Carrier:
    return Carrier(installation.var, simulation, 1)


@pytest.mark.parametrize("channel", Channel)
class TestFates:
    def test_each_comes_to_its_end(self, installation: Config, channel: Channel) -> None:
        campaign_id = make_running(channel, [recipient(channel, fate) for fate in FATES[channel]])
        hand_over(campaign_id, installation.var)
        carrier, since = new_carrier(installation), NOW
        seen: dict[str, list[str]] = {fate: [] for fate in FATES[channel]}
        for look in LOOKS:
            let_pass(carrier, since, NOW + look, step=max(5 * SECOND, look // 60))
            since = NOW + look
            stands = standing(campaign_id)
            for fate, statuses in seen.items():
                statuses.append(stands[recipient(channel, fate)][0])
        assert {fate: tuple(statuses) for fate, statuses in seen.items()} == FATES[channel]
        assert factories.phase_of(campaign_id) == "ended"
        factories.statuses(campaign_id)  # the counters agree

    def test_each_failure_has_its_reason(self, installation: Config, channel: Channel) -> None:
        reasons = dict(enumerate(FailureReason, start=1))
        chosen = {
            reason: recipient(channel, f"{place:02}" if channel is Channel.SMS else f"failed.{reason}")
            for place, reason in reasons.items()
        }
        campaign_id = make_running(channel, list(chosen.values()))
        hand_over(campaign_id, installation.var)
        let_pass(new_carrier(installation), NOW, NOW + 5 * MINUTE)
        assert standing(campaign_id) == {chosen[reason]: ("failed", reason.value) for reason in FailureReason}
        assert factories.phase_of(campaign_id) == "ended"

    def test_five_refusals_of_the_account_make_the_campaign_failed(
        self, installation: Config, channel: Channel
    ) -> None:
        who = recipient(channel, "60" if channel is Channel.SMS else "account")
        campaign_id = make_running(channel, [who])
        for attempt in range(1, 6):
            assert factories.phase_of(campaign_id) == "running"
            (outcome,) = hand_over(campaign_id, installation.var, at=NOW + attempt * SECOND)
            assert outcome.message.attempt == attempt
        assert factories.phase_of(campaign_id) == "failed"
        assert hand_over(campaign_id, installation.var) == []
        factories.move_all(campaign_id)
        let_pass(new_carrier(installation), NOW, NOW + 5 * MINUTE, step=MINUTE)
        assert standing(campaign_id) == {who: ("cancelled", None)}
        assert posted() == []

    def test_a_late_delivery_comes_after_the_time_out(self, installation: Config, channel: Channel) -> None:
        campaign_id = make_running(channel, [recipient(channel, "70" if channel is Channel.SMS else "late")])
        hand_over(campaign_id, installation.var)
        carrier = new_carrier(installation)
        seen: list[str] = []
        for now in range(NOW, NOW + 75 * MINUTE, 20 * SECOND):
            let_pass(carrier, now, now)
            seen += [status for status in factories.statuses(campaign_id) if not seen or seen[-1] != status]
        ours = {Channel.SMS: "assumed_delivered", Channel.EMAIL: "unconfirmed"}[channel]
        assert seen == ["sending", ours, "delivered"]


def test_a_deferred_email_is_retrying_in_between(installation: Config) -> None:
    campaign_id = make_running(Channel.EMAIL, [recipient(Channel.EMAIL, "deferred", n) for n in range(20)])
    hand_over(campaign_id, installation.var)
    let_pass(new_carrier(installation), NOW, NOW + 45 * SECOND)
    assert factories.statuses(campaign_id).get("retrying", 0) > 0
    assert factories.phase_of(campaign_id) == "running" or "sending" not in factories.statuses(campaign_id)


class TestWay:
    """Receipts come through the inbox like real ones: out of order, some twice, and only after the hand-over."""

    @pytest.fixture
    def campaign_id(self, installation: Config) -> int:
        campaign_id = make_running(Channel.SMS, [recipient(Channel.SMS, "00", n) for n in range(200)])
        hand_over(campaign_id, installation.var)
        return campaign_id

    def test_some_overtake_others_and_some_come_twice(self, installation: Config, campaign_id: int) -> None:
        let_pass(new_carrier(installation), NOW, NOW + 5 * MINUTE)
        words: dict[int, list[str]] = {}
        for event in posted():
            words.setdefault(event["message_id"], []).append(event["word"])
        assert len(words) == 200
        assert all({"accepted", "sent", "delivered"} == set(said) for said in words.values())
        overtaken = [said for said in words.values() if said.index("delivered") < said.index("sent")]
        twice = [said for said in words.values() if len(said) > 3]
        assert 10 < len(overtaken) < 100
        assert 30 < len(twice) < 130
        assert factories.statuses(campaign_id) == {"delivered": 200}

    def test_none_comes_before_its_time(self, installation: Config, campaign_id: int) -> None:
        carrier = new_carrier(installation)
        assert carrier.work(NOW) == 0
        early = carrier.work(NOW + 30 * SECOND)
        assert 0 < early < carrier.work(NOW + 300 * SECOND)
        assert carrier.work(NOW + HOUR) == 0

    def test_time_scale_divides_the_delays(self, installation: Config, campaign_id: int) -> None:
        in_a_hurry = Carrier(installation.var, SIMULATION, 60)
        assert in_a_hurry.work(NOW + 5 * SECOND) > 600
        assert in_a_hurry.work(NOW + HOUR) == 0

    def test_a_post_has_fifty_receipts_at_most(self, installation: Config, campaign_id: int) -> None:
        new_carrier(installation).work(NOW + HOUR)
        sizes = [len(json.loads(bytes(body))) for (body,) in select("SELECT body FROM receipt_inbox")]
        assert max(sizes) == 50
        assert sizes.count(50) == len(sizes) - 1


class TestRestarts:
    FATES = ("00", "03", "05", "20", "30", "31", "40", "50", "51", "70")

    @pytest.fixture
    def campaign_id(self, installation: Config) -> int:
        recipients = [recipient(Channel.SMS, fate, n) for fate in self.FATES for n in range(6)]
        campaign_id = make_running(Channel.SMS, recipients)
        hand_over(campaign_id, installation.var)
        return campaign_id

    def expected(self) -> dict[str, tuple[str, str | None]]:
        ends: dict[str, tuple[str, str | None]] = {fate: (end[-1], None) for fate, end in FATES[Channel.SMS].items()}
        ends |= {"03": ("failed", "unreachable"), "05": ("failed", "blocked")}
        return {recipient(Channel.SMS, fate, n): ends[fate] for fate in self.FATES for n in range(6)}

    def test_a_new_carrier_at_every_step_comes_to_the_same_end(self, installation: Config, campaign_id: int) -> None:
        for now in range(NOW, NOW + 20 * MINUTE, 10 * SECOND):
            let_pass(new_carrier(installation), now, now)
        assert standing(campaign_id) == self.expected()

    def test_dying_before_the_position_was_kept_changes_nothing(self, installation: Config, campaign_id: int) -> None:
        kept = installation.var / "simulated.position"
        for now in range(NOW, NOW + 20 * MINUTE, 20 * SECOND):
            before = kept.read_text() if kept.exists() else None
            let_pass(new_carrier(installation), now, now)
            if before is None:
                kept.unlink(missing_ok=True)
            else:
                kept.write_text(before)
        assert standing(campaign_id) == self.expected()

    def test_what_was_settled_is_not_posted_again(self, installation: Config, campaign_id: int) -> None:
        let_pass(new_carrier(installation), NOW, NOW + 20 * MINUTE, step=MINUTE)
        assert new_carrier(installation).work(NOW + HOUR) == 0
        assert standing(campaign_id) == self.expected()

    def test_lines_are_read_once_they_are_whole(
        self, installation: Config, campaign_id: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        log = installation.var / "simulated.log"
        whole = log.read_bytes()
        monkeypatch.setattr(carriers, "READ", 100)  # bytes: every other line is cut in two
        carrier = new_carrier(installation)
        log.write_bytes(whole[:150])
        for _ in range(5):
            carrier.work(NOW + 20 * MINUTE)
        assert {event["message_id"] for event in posted()} == {1, 2}
        log.write_bytes(whole)
        for _ in range(len(whole)):
            carrier.work(NOW + 20 * MINUTE)
        let_pass(carrier, NOW + 20 * MINUTE, NOW + 31 * MINUTE, step=MINUTE)
        assert standing(campaign_id) == self.expected()

    def test_a_log_that_somebody_removed_is_read_from_its_new_beginning(
        self, installation: Config, campaign_id: int
    ) -> None:
        let_pass(new_carrier(installation), NOW, NOW + 20 * MINUTE, step=MINUTE)
        (installation.var / "simulated.log").unlink()
        later = make_running(Channel.EMAIL, [recipient(Channel.EMAIL, "delivered")])
        hand_over(later, installation.var, at=NOW + HOUR)
        let_pass(new_carrier(installation), NOW + HOUR, NOW + HOUR + 5 * MINUTE)
        assert factories.statuses(later) == {"delivered": 1}

    def test_half_a_line_and_an_empty_position_stop_nobody(self, installation: Config, campaign_id: int) -> None:
        log = installation.var / "simulated.log"
        log.write_bytes(b"2026-11-2" + log.read_bytes())
        (installation.var / "simulated.position").touch()
        let_pass(new_carrier(installation), NOW, NOW + 20 * MINUTE, step=MINUTE)
        first, *others = self.expected()
        assert standing(campaign_id)[first] == ("assumed_delivered", None)
        assert {one: standing(campaign_id)[one] for one in others} == {one: self.expected()[one] for one in others}

    def test_without_a_log_there_is_nothing_to_do(self, installation: Config) -> None:
        assert new_carrier(installation).work(NOW) == 0
        assert list(installation.var.glob("simulated.*")) == []


def test_what_the_database_refuses_is_posted_again(installation: Config, var: Path) -> None:
    campaign_id = factories.make_campaign(Channel.SMS, 60)
    factories.run(campaign_id)
    hand_over(campaign_id, var)
    carrier = Carrier(var, SIMULATION, 1)
    database.pragma("query_only", 1, permanent=True)
    with pytest.raises(OperationalError):
        carrier.work(NOW + HOUR)
    database.pragma("query_only", 0, permanent=True)
    assert carrier.work(NOW + HOUR) == len(posted()) >= 3 * 60
