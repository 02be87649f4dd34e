"""The simulated provider: recipients choose their fate, chance deals the rest by a seed, every hand-over is a line."""

import asyncio
import json
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from jobs.providers.base import Outcome
from jobs.providers.messages import Content, OutgoingMessage
from jobs.providers.registry import PARSERS, provider_for
from jobs.providers.simulated import (
    FATES,
    SimulatedProvider,
    Simulation,
    fate_of,
    hand_over_line,
    parse_receipts,
    receipt,
)
from models.config import Config
from models.errors import NotConfiguredError
from models.rules.verdicts import Word
from models.words import Channel, FailureReason, RetryClass, Scope

# SPEC 10, "Simulated recipients".
FATE_OF = {
    "00": "delivered",
    "01": "failed.invalid_recipient",
    "02": "failed.unsupported_recipient",
    "03": "failed.unreachable",
    "04": "failed.mailbox_full",
    "05": "failed.blocked",
    "06": "failed.content_rejected",
    "07": "failed.rate_limited",
    "08": "failed.expired",
    "09": "failed.configuration",
    "10": "failed.insufficient_funds",
    "11": "failed.provider_error",
    "12": "failed.unknown",
    "20": "optedout",
    "30": "silent",
    "31": "sent",
    "40": "deferred",
    "50": "lost",
    "51": "lostnever",
    "60": "account",
    "70": "late",
}
# What the answer to the hand-over is, for fates that aren't simply accepted.
AT_ONCE = {
    "failed.invalid_recipient": (Word.FAILED, FailureReason.INVALID_RECIPIENT),
    "failed.unsupported_recipient": (Word.FAILED, FailureReason.UNSUPPORTED_RECIPIENT),
    "failed.content_rejected": (Word.FAILED, FailureReason.CONTENT_REJECTED),
    "optedout": (Word.OPTED_OUT, None),
    "lost": (Word.UNKNOWN, None),
    "lostnever": (Word.UNKNOWN, None),
    "account": (Word.NOT_SENT, FailureReason.CONFIGURATION),
}
MIX = {"delivered": 880, "failed": 60, "optedout": 10, "deferred": 20, "silent": 15, "sent": 15}
HI = Content.of_sms("Hi")
PLAIN = {Channel.SMS: "+12025550100", Channel.EMAIL: "ada@example.com"}
IDS = range(1, 4001)


def chosen(recipient: str, channel: Channel = Channel.SMS, attempt: int = 1) -> str:
    """The fate where chance would always deal `silent`."""
    return fate_of(recipient, 1, attempt, channel, Simulation(mix={"silent": 1}))


def dealt(channel: Channel, simulation: Simulation) -> list[str]:
    return [fate_of(PLAIN[channel], message_id, 1, channel, simulation) for message_id in IDS]


def hand_over(folder: Path, recipients: Sequence[str], channel: Channel = Channel.SMS) -> Sequence[Outcome]:
    """The outcomes of handing over one message to each."""
    provider = SimulatedProvider(channel, Simulation(latency_ms=0), folder)

    async def send() -> Sequence[Outcome]:
        async with provider:
            return await provider.send([message(number, one) for number, one in enumerate(recipients, start=1)])

    return asyncio.run(send())


def message(message_id: int, recipient: str, attempt: int = 1) -> OutgoingMessage:
    return OutgoingMessage(message_id, attempt, recipient, HI, {})


class TestChoice:
    @pytest.mark.parametrize("attempt", [1, 2])
    @pytest.mark.parametrize("ending", FATE_OF)
    def test_the_last_four_digits_choose_the_fate(self, ending: str, attempt: int) -> None:
        assert chosen(f"+1202555{90}{ending}", attempt=attempt) == FATE_OF[ending]

    @pytest.mark.parametrize("fate", FATE_OF.values())
    def test_the_name_in_an_address_chooses_the_fate(self, fate: str) -> None:
        assert chosen(f"sim.{fate}@example.com", Channel.EMAIL) == fate
        assert chosen(f"SIM.{fate.upper()}@example.com", Channel.EMAIL) == fate

    def test_the_table_has_every_fate_and_every_reason(self) -> None:
        assert set(FATE_OF.values()) == FATES
        assert [fate for fate in FATE_OF.values() if fate.startswith("failed.")] == [
            f"failed.{reason}" for reason in FailureReason
        ]

    @pytest.mark.parametrize(
        "recipient",
        [
            *("+12025559013", "+12025559099", "+12025590001", "+1202559000 ", "9000@example.com"),
            *("sim.fly@example.com", "xsim.sent@example.com", "sim.failed@example.com", "sim.sent.x@example.com"),
        ],
    )
    def test_whoever_says_nothing_known_leaves_it_to_chance(self, recipient: str) -> None:
        assert chosen(recipient) == "silent"


class TestChance:
    def test_the_same_seed_deals_the_same_fates(self) -> None:
        first, again = (dealt(Channel.SMS, Simulation(seed=1, mix=MIX)) for _ in range(2))
        assert first == again
        assert first != dealt(Channel.SMS, Simulation(seed=2, mix=MIX))
        assert first[99] == fate_of(PLAIN[Channel.SMS], 100, 1, Channel.SMS, Simulation(seed=1, mix=MIX))

    def test_fates_come_in_the_shares_of_the_mix(self) -> None:
        share = Counter(fate.partition(".")[0] for fate in dealt(Channel.EMAIL, Simulation(mix=MIX)))
        for fate, weight in MIX.items():
            assert share[fate] == pytest.approx(len(IDS) * weight / 1000, rel=0.35), fate

    @pytest.mark.parametrize(
        ("channel", "never"),
        [(Channel.SMS, {"failed.mailbox_full", "deferred"}), (Channel.EMAIL, {"failed.unsupported_recipient"})],
    )
    def test_no_channel_gets_what_only_the_other_knows(self, channel: Channel, never: set[str]) -> None:
        mix = {"failed": 1, "deferred": 1}
        assert not never & set(dealt(channel, Simulation(mix=mix)))

    def test_a_retry_of_a_dealt_failure_arrives(self) -> None:
        simulation = Simulation(mix={"failed": 1})
        fates = {fate_of(PLAIN[Channel.SMS], message_id, 2, Channel.SMS, simulation) for message_id in IDS[:50]}
        assert fates == {"delivered"}


class TestAnswers:
    @pytest.mark.parametrize("channel", Channel)
    def test_every_fate_is_answered_as_it_should(self, tmp_path: Path, channel: Channel) -> None:
        recipients = {
            Channel.SMS: [f"+120255590{ending}" for ending in FATE_OF],
            Channel.EMAIL: [f"sim.{fate}@example.com" for fate in FATE_OF.values()],
        }[channel]
        outcomes = hand_over(tmp_path, recipients, channel)
        said = {fate: (out.word, out.reason) for fate, out in zip(FATE_OF.values(), outcomes, strict=True)}
        assert said == {fate: AT_ONCE.get(fate, (Word.ACCEPTED, None)) for fate in FATE_OF.values()}
        assert [out.message.recipient for out in outcomes] == recipients

    def test_only_the_accounts_refusal_has_the_accounts_scope(self, tmp_path: Path) -> None:
        outcomes = hand_over(tmp_path, [f"+120255590{ending}" for ending in FATE_OF])
        scopes = {fate: out.scope for fate, out in zip(FATE_OF.values(), outcomes, strict=True)}
        assert [fate for fate, scope in scopes.items() if scope is Scope.ACCOUNT] == ["account"]

    def test_what_was_accepted_has_an_id_of_its_own(self, tmp_path: Path) -> None:
        outcomes = hand_over(tmp_path, ["+12025559000", "+12025559030"])
        assert [out.provider_id for out in outcomes] == ["SIM1.1", "SIM2.1"]

    def test_a_channel_has_its_provider_or_says_what_is_missing(self, tmp_path: Path) -> None:
        config = Config.from_env({"SIGNALBOX_VAR": str(tmp_path)})
        assert provider_for(Channel.EMAIL, config, Simulation()).name == "simulated"
        production = Config.from_env({"SIGNALBOX_VAR": str(tmp_path), "SLACK_LOCAL": "0"})
        with pytest.raises(NotConfiguredError, match="set SMS_PROVIDER"):
            provider_for(Channel.SMS, production, Simulation())


class TestLog:
    def test_a_line_tells_time_channel_message_attempt_and_recipient(self) -> None:
        line = hand_over_line(Channel.EMAIL, message(7, '"a b"@example.com', attempt=2))
        assert re.fullmatch(r'20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00 email 7 2 "a b"@example\.com\n', line)

    def test_every_hand_over_is_one_line_that_only_its_owner_reads(self, tmp_path: Path) -> None:
        hand_over(tmp_path, ["+12025559000", "+12025559051"])
        hand_over(tmp_path, ["+12025559060"])
        log = tmp_path / "simulated.log"
        lines = [line.split(" ", 1)[1] for line in log.read_text().splitlines()]
        assert lines == ["sms 1 1 +12025559000", "sms 2 1 +12025559051", "sms 1 1 +12025559060"]
        assert log.stat().st_mode & 0o777 == 0o600

    def test_the_line_is_there_before_the_answer(self, tmp_path: Path) -> None:
        async def send() -> tuple[bool, str]:
            async with SimulatedProvider(Channel.SMS, Simulation(latency_ms=60_000), tmp_path) as provider:
                hand_over = asyncio.create_task(provider.send([message(1, "+12025559000")]))
                await asyncio.sleep(0)
                done, written = hand_over.done(), (tmp_path / "simulated.log").read_text()
                hand_over.cancel()
                return done, written

        done, written = asyncio.run(send())
        assert not done
        assert written.endswith("sms 1 1 +12025559000\n")


class TestReceipts:
    def test_a_post_gives_its_events_in_order(self) -> None:
        posted = [receipt(7, 2, Word.SENT), receipt(8, 1, Word.FAILED, FailureReason.UNREACHABLE)]
        sent, failed = parse_receipts({}, json.dumps(posted).encode(), 123)
        assert (sent.message_id, sent.attempt, sent.word, sent.at, sent.answers) == (7, 2, Word.SENT, 123, False)
        assert (failed.word, failed.reason, failed.retry_class) == (
            Word.FAILED,
            FailureReason.UNREACHABLE,
            RetryClass.LIKELY,
        )
        assert (failed.code, failed.scope, failed.provider_id) == ("sim-unreachable", Scope.MESSAGE, "SIM8.1")

    @pytest.mark.parametrize(
        "body",
        [
            *(b"", b"{", b"\xff", b"7", b"[7]", b"[null]", b'[{"message_id": 1}]', b'{"message_id": 1}'),
            b'[{"message_id": "x", "attempt": 1, "word": "sent", "reason": null}]',
            b'[{"message_id": 1, "attempt": 1, "word": "flown", "reason": null}]',
            b'[{"message_id": 1, "attempt": 1, "word": "failed", "reason": "because"}]',
        ],
    )
    def test_anything_else_is_refused(self, body: bytes) -> None:
        with pytest.raises(ValueError, match=r"."):
            PARSERS["simulated"]({}, body, 123)
