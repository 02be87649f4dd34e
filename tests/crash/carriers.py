"""The providers' stand-ins, each a process beside a product: how the product finds it, and what it took."""

import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from jobs.providers.sendgrid.webhooks import EVENT_WEBHOOK
from jobs.runtime import parents
from models.words import Channel, MessageStatus
from tests.crash.product import HandOver
from tests.fakes import ledger, twilio
from tests.fakes.sendgrid import FakeSendGrid
from tests.processes import ROOT, free_port, until
from tests.sample_contacts import HEADERS

KEY = "SG.fake"
LATENCY_MS = 150  # how long an answer takes, so that some are under way at any moment
DELAY_SECONDS = 1.0  # within which receipts come


@dataclass(frozen=True)
class Kind:
    """A provider: SPEC 2's time-outs as a test runs them, and how a campaign ends that somebody died in.

    `settles_seconds`, before TIME_SCALE, is within what time a crash's doubts are settled. What was taken ends as one
    of `taken_ends`; what was not, as Unconfirmed.
    """

    name: str
    channel: Channel
    time_scale: int
    settles_seconds: float
    taken_ends: frozenset[str]


LEASE_AND_MORE = 30 + 150
KINDS = {
    kind.name: kind
    for kind in (
        # Nobody repeats a callback for ever: one that found no web process leaves it at what the answer said.
        Kind(
            "twilio",
            Channel.SMS,
            30,
            LEASE_AND_MORE,
            frozenset({MessageStatus.DELIVERED, MessageStatus.ASSUMED_DELIVERED}),
        ),
        Kind("sendgrid", Channel.EMAIL, 120, 60 * 60, frozenset({MessageStatus.DELIVERED})),
        # No receipts: where the answer was lost, nobody will ever know.
        Kind(
            "smtp", Channel.EMAIL, 30, LEASE_AND_MORE, frozenset({MessageStatus.DELIVERED, MessageStatus.UNCONFIRMED})
        ),
    )
}


@dataclass(frozen=True)
class Carrier:
    """A provider at work; `variables` let a product send through it."""

    kind: Kind
    variables: dict[str, str]
    path: Path  # of the ledger

    def hand_overs(self) -> list[HandOver]:
        """All that it took so far."""
        return [
            HandOver(one.at, self.kind.channel, int(one.message_id), int(one.attempt), one.recipient)
            for one in ledger.read(self.path)
        ]


@contextmanager
def carrier_at(folder: Path, name: str, *, signer: FakeSendGrid, tells: bool = True) -> Iterator[Carrier]:
    """A provider as a process, and the address at which `web` is to listen.

    SendGrid's posts are signed by `signer`, which need not run; unless it `tells`, it posts none.
    """
    folder.mkdir(parents=True, exist_ok=True)
    web, port, path = free_port(), free_port(), folder / "taken.txt"
    public_url = f"http://127.0.0.1:{web}"
    words = ["--port", str(port), "--ledger", str(path), "--latency-ms", str(LATENCY_MS)]
    if name != "smtp":
        words += ["--delay-seconds", str(DELAY_SECONDS)]
    if name == "sendgrid":
        words += ["--key", KEY, "--private-key-file", str(_key_file(folder, signer))]
        words += ["--events", f"{public_url}{EVENT_WEBHOOK.path}"] if tells else []
    variables = {
        **_VARIABLES[name],
        _ADDRESSES[name]: f"{'smtp' if name == 'smtp' else 'http'}://127.0.0.1:{port}",
        "SENDGRID_WEBHOOK_PUBLIC_KEY": signer.public_key,
        "SLACK_LOCAL": "0",
        "PORT": str(web),
        "PUBLIC_URL": public_url,
        "TIME_SCALE": str(KINDS[name].time_scale),
    }
    with (folder / "said.txt").open("wb") as said, _started(name, words, said.fileno()) as process:
        try:
            until(lambda: _listens(port), seconds=30, what=f"{name} on port {port}")
            yield Carrier(KINDS[name], variables, path)
            assert process.poll() is None, (folder / "said.txt").read_text()
        finally:
            process.terminate()


_VARIABLES = {
    "twilio": {
        "SMS_PROVIDER": "twilio",
        "TWILIO_ACCOUNT_SID": twilio.ACCOUNT,
        "TWILIO_AUTH_TOKEN": twilio.TOKEN,
        "TWILIO_MESSAGING_SERVICE_SID": twilio.SERVICE,
    },
    "sendgrid": {"EMAIL_PROVIDER": "sendgrid", "SENDGRID_API_KEY": KEY},
    "smtp": {"EMAIL_PROVIDER": "smtp"},
}
_MODULES = {
    "twilio": "tests.crash.patient_twilio",
    "sendgrid": "tests.fakes.sendgrid",
    "smtp": "tests.fakes.smtp",
}
_ADDRESSES = {"twilio": "TWILIO_API_URL", "sendgrid": "SENDGRID_API_URL", "smtp": "SMTP_URL"}


def contacts(channel: Channel, rows: int, *, first: int = 0) -> bytes:
    """A file of people to whom everything is delivered; two files whose numbers don't meet have nobody in common."""
    recipients = [_recipient(channel, number) for number in range(first, first + rows)]
    lines = [",".join(HEADERS[channel]), *(f"{one},Ann,Cork,news" for one in recipients)]
    return "\r\n".join(lines).encode()


def _recipient(channel: Channel, number: int) -> str:
    """The last four digits of a phone number must choose no fate (tests.fakes.twilio)."""
    return f"+614{number // 1000:04}0{number % 1000:03}" if channel is Channel.SMS else f"ann.{number}@example.com"


def _started(name: str, words: Sequence[str], output: int) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-m", _MODULES[name], *words],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        preexec_fn=parents.ask_for_death_signal,  # noqa: PLW1509  # a killed test run leaves nothing behind
    )


def _key_file(folder: Path, signer: FakeSendGrid) -> Path:
    path = folder / "key.pem"
    path.write_bytes(signer.private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return path


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
