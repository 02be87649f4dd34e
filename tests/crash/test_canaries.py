"""Planted secrets and addresses, a campaign's whole life in real processes, and a search of all that was said.

A campaign with failures of every kind is run, retried, exported and told of in Slack; the email provider is not there;
at the end a table is taken away, so that everything fails with tracebacks. Then logs, Redis, the database, the channel
and a Viewer's pages are searched for what was planted.
"""

import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.cookiejar import CookieJar
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlencode, urlsplit
from urllib.request import HTTPCookieProcessor, OpenerDirector, build_opener

import apsw
import pytest

from bot.local_slack import AppProfile, LocalSlack
from jobs import slack_app
from models.words import Channel
from tests.crash.carriers import carrier_at
from tests.crash.product import Product
from tests.fakes import twilio
from tests.fakes.sendgrid import FakeSendGrid
from tests.integration.panel import TOKEN
from tests.integration.slack.workspace import slack_variables
from tests.processes import free_port, until
from tests.slack_person import Person

pytestmark = [pytest.mark.crash, pytest.mark.timeout(400)]

# The last four digits choose what goes wrong at the provider (tests.fakes.twilio).
NUMBERS = [f"+6141234{fate}" for fate in ("9001", "9003", "9007", "9020", "9050", "9152", "9160", "9161")]
ADDRESSES = ["canary.ada@example.com", "canary.bo@example.com"]
NAME = "Canaryname"
PERSONAL = (*(number[3:] for number in NUMBERS), "canary.ada", "canary.bo", NAME)
SECRETS = {
    "SECRET_KEY": "canary-secret-key-0123456789-0123456789",
    "SENDGRID_API_KEY": "SG.canary-sendgrid-key",
    "TWILIO_AUTH_TOKEN": twilio.TOKEN,
}
SMTP_PASSWORD = "canary-smtp-password"


class Wire:
    """All that is said to Redis, by its own MONITOR."""

    def __init__(self, url: str) -> None:
        where = urlsplit(url)
        self._socket = socket.create_connection((where.hostname, where.port))
        self._socket.sendall(f"AUTH {where.password}\r\nMONITOR\r\n".encode())
        self._heard = bytearray()
        threading.Thread(target=self._listen, daemon=True).start()

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def text(self) -> str:
        return self._heard.decode(errors="replace")

    def _listen(self) -> None:
        while part := self._socket.recv(65536):
            self._heard += part


class Browser:
    """Somebody in the panel, over HTTP."""

    def __init__(self, link: str) -> None:
        self._opener: OpenerDirector = build_opener(HTTPCookieProcessor(CookieJar()))
        self.base = link.partition("/login/")[0]
        token = TOKEN.search(self.page(link.removeprefix(self.base)))
        assert token
        self.page(link.removeprefix(self.base), csrf_token=token[1])

    def page(self, path: str, **form: str) -> str:
        """What an address answers, whatever its status."""
        body = urlencode(form).encode() if form else None
        try:
            with self._opener.open(self.base + path, body, timeout=20) as answer:
                return str(answer.read().decode(errors="replace"))
        except HTTPError as refused:
            with closing(refused):
                return str(refused.read().decode(errors="replace"))


@pytest.fixture
def slack(tmp_path: Path) -> Iterator[LocalSlack]:
    with LocalSlack(
        tmp_path / "slack", profile=AppProfile.from_manifest(slack_app.manifest(by_socket=False)), limits=False
    ) as made:
        yield made


@pytest.fixture
def product(tmp_path: Path, slack: LocalSlack) -> Iterator[Product]:
    """The product with a Twilio that lives, an SMTP server that does not, and a Slack."""
    with carrier_at(tmp_path / "twilio", "twilio", signer=FakeSendGrid()) as carrier:
        variables = {
            **slack_variables(slack),
            **carrier.variables,
            **SECRETS,
            "EMAIL_PROVIDER": "smtp",
            "SMTP_URL": f"smtp://canary:{SMTP_PASSWORD}@127.0.0.1:{free_port()}",
        }
        made = Product(tmp_path / "product", **variables)
        slack.deliver_to(f"{variables['PUBLIC_URL']}/slack/events")
        try:
            yield made
        finally:
            made.close()


@contextmanager
def without_messages(product: Product) -> Iterator[None]:
    """Every look at the messages fails meanwhile."""
    with closing(apsw.Connection(str(product.house.var / "signalbox.db"))) as connection:
        connection.set_busy_timeout(10_000)
        connection.execute("ALTER TABLE messages RENAME TO messages_away")
        yield
        connection.execute("ALTER TABLE messages_away RENAME TO messages")


def found(text: str, *canaries: str) -> list[str]:
    """Each canary that is in the text, with what stands around it."""
    places = [(text.find(canary), canary) for canary in canaries]
    return [f"{canary}: {text[max(0, at - 150) : at + 100]}" for at, canary in places if at >= 0]


def test_no_secret_and_no_address_shows_where_it_must_not(product: Product, slack: LocalSlack) -> None:
    secrets = (*SECRETS.values(), SMTP_PASSWORD, slack.bot_token, slack.signing_secret)
    product.command("create-user", "alice@example.com", "--role", "org_admin", "--slack-id", "U0ALICE")
    product.command("create-user", "vera@example.com", "--role", "viewer", "--slack-id", "U0VERA")
    sms, _ = product.create(Channel.SMS, len(NUMBERS), contacts=contacts(NUMBERS), name="Spring texts")
    email, _ = product.create(Channel.EMAIL, len(ADDRESSES), contacts=contacts(ADDRESSES), name="Spring letters")
    product.start()
    wire = Wire(str(product.house.published("redis")["url"]))
    alice, vera = Person(slack, "U0ALICE"), Person(slack, "U0VERA")
    pages = live(product, sms, email, alice, vera)
    everything = "\n".join(pages)
    channel = str(slack.do(lambda: slack.core.workspace.messages("C0CAMPAIGNS", "")))
    # A button keeps what she typed herself, to ask it again.
    to_vera = str(vera.messages()).replace(f"'value': '{NUMBERS[1]}'", "")
    wire.close()
    product.stop()
    said = product.said() + "".join(file.read_text() for file in product.house.folder.glob("remarks-*.txt"))
    stored = b"".join(file.read_bytes() for file in product.house.var.glob("signalbox.db*")).decode("latin-1")
    assert "Traceback" in said
    assert "rq:" in wire.text()
    assert "Spring" in channel
    for place, text in {"logs": said, "redis": wire.text(), "pages": everything, "channel": channel}.items():
        assert (place, found(text, *secrets, *PERSONAL)) == (place, [])
    assert found(to_vera, *secrets, *PERSONAL) == []
    assert found(stored, *secrets) == []


def live(product: Product, sms: int, email: int, alice: Person, vera: Person) -> list[str]:
    """The life of both campaigns; what a Viewer saw of it in the panel."""
    for campaign_id in (sms, email):
        product.run("run", str(campaign_id), "--accept-disclaimer")
    until(lambda: product.phase(sms) == "ended", seconds=60, what="the end of the SMS campaign")
    product.run("retry", str(sms), "--unconfirmed")
    until(lambda: product.phase(sms) == "ended", seconds=60, what="the end of the retry")
    product.run("stop", str(email))
    product.command("export", str(sms), "--output", str(product.house.folder / "export.csv"))
    assert NUMBERS[0] in (product.house.folder / "export.csv").read_text()
    for line in (f"/campaign failures {sms}", f"/campaign find {NUMBERS[1]}", f"/campaign export {sms} status:failed"):
        alice.types(line)
        vera.types(line)
    viewer = Browser(product.command("sign-in-link", "vera@example.com").strip())
    (message_id,) = product.rows("SELECT MIN(id) FROM messages WHERE campaign_id = ?", sms)[0]
    page = f"/campaigns/{sms}/"
    paths = ("/campaigns/", page, f"{page}?status=failed", f"{page}summary", f"{page}messages/{message_id}", "/audit/")
    seen = [viewer.page(path) for path in paths]
    assert "Spring" in seen[0]
    with without_messages(product):
        seen += [viewer.page(path) for path in (page, f"{page}summary")]
        alice.types(f"/campaign find {NUMBERS[1]}")
        viewer.page(f"/find?q=%2B{NUMBERS[1][1:]}")
    return seen


def contacts(recipients: list[str]) -> bytes:
    header = "phone" if recipients[0].startswith("+") else "email"
    return "\n".join([f"{header},name,city,note", *(f"{one},{NAME},Cork,x" for one in recipients)]).encode()
