"""Webhooks and the unsubscribe page over HTTP: a signature on the raw bytes, one row, then the answer."""

import base64
import json
from collections.abc import Mapping
from urllib.parse import urlencode

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from flask import Flask
from flask.testing import FlaskClient
from twilio.request_validator import RequestValidator
from werkzeug.test import TestResponse

from jobs.providers.registry import PARSERS, WEBHOOKS
from jobs.providers.sendgrid.webhooks import EVENT_WEBHOOK
from jobs.providers.twilio.webhooks import INBOUND, STATUS
from models import unsubscribe
from models.actors import COMMAND_LINE
from models.clock import now_ms
from models.config import Config
from models.operations.optouts import opt_in
from models.operations.receipts import apply_receipts
from models.queries.refusing import opted_out
from models.words import Channel
from tests import factories
from tests.factories import claim, dump, make_campaign, rows_of, run, statuses

TOKEN = "the-token"
PUBLIC_URL = "https://signals.example.org/bulk"
KEY = ec.generate_private_key(ec.SECP256R1())
PUBLIC_KEY = base64.b64encode(
    KEY.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
).decode()
ENVIRONMENT = {
    "PUBLIC_URL": f"{PUBLIC_URL}/",
    "SMS_PROVIDER": "simulated",
    "EMAIL_PROVIDER": "simulated",
    "TWILIO_AUTH_TOKEN": TOKEN,
    "SENDGRID_WEBHOOK_PUBLIC_KEY": PUBLIC_KEY,
}
SID = "SM" + "a" * 32


@pytest.fixture
def environment() -> Mapping[str, str]:
    return ENVIRONMENT


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


def twilio(client: FlaskClient, path: str, fields: Mapping[str, str], *, token: str = TOKEN) -> TestResponse:
    """A POST that Twilio's own library signed."""
    signature = RequestValidator(token).compute_signature(PUBLIC_URL + path, dict(fields))
    return client.post(path, data=fields, headers={"X-Twilio-Signature": signature})


def sendgrid(client: FlaskClient, events: object, *, at: int | None = None) -> TestResponse:
    """A POST signed as SendGrid's event webhook signs it."""
    body = events if isinstance(events, bytes) else json.dumps(events).encode()
    timestamp = str((at or now_ms()) // 1000)
    signature = base64.b64encode(KEY.sign(timestamp.encode() + body, ec.ECDSA(hashes.SHA256()))).decode()
    headers = {
        "X-Twilio-Email-Event-Webhook-Signature": signature,
        "X-Twilio-Email-Event-Webhook-Timestamp": timestamp,
        "Content-Type": "application/json",
    }
    return client.post(EVENT_WEBHOOK.path, data=body, headers=headers)


def status(status: str, **more: str) -> dict[str, str]:
    return {"MessageSid": SID, "MessageStatus": status, "To": "+12025550147", "AccountSid": "AC1", **more}


def address(message_id: int, attempt: int = 1) -> str:
    return f"{STATUS.path}?m={message_id}&a={attempt}"


def apply() -> None:
    apply_receipts(PARSERS, limit=100, now=now_ms(), scale=1)


def sending(channel: Channel) -> tuple[int, int]:
    """A campaign with one message at the provider: its id and the message's."""
    campaign_id = make_campaign(channel, 1)
    run(campaign_id)
    return campaign_id, claim(campaign_id)[0].message_id


class TestTwilio:
    def test_signed_status_reaches_its_message(self, client: FlaskClient) -> None:
        campaign_id, message_id = sending(Channel.SMS)
        assert twilio(client, address(message_id), status("delivered")).status_code == 204
        assert statuses(campaign_id) == {"sending": 1}
        apply()
        assert statuses(campaign_id) == {"delivered": 1}
        assert factories.attempt(message_id)["provider_id"] == SID

    def test_same_status_twice_is_one_row(self, client: FlaskClient) -> None:
        for _ in range(3):
            assert twilio(client, address(1), status("delivered")).status_code == 204
        assert len(rows_of("receipt_inbox")) == 1

    def test_same_words_about_another_message_are_another_row(self, client: FlaskClient) -> None:
        for message_id in (1, 2):
            twilio(client, address(message_id), status("delivered"))
        assert len(rows_of("receipt_inbox")) == 2

    def test_stop_opts_out_and_start_takes_it_back(self, client: FlaskClient) -> None:
        number = "+12025550147"
        answer = twilio(client, INBOUND.path, {"From": number, "Body": " stop ", "MessageSid": SID})
        assert (answer.status_code, answer.mimetype) == (200, "text/xml")
        apply()
        assert opted_out(Channel.SMS, [number]) == {number}
        twilio(client, INBOUND.path, {"From": number, "Body": "START", "MessageSid": SID})
        apply()
        assert opted_out(Channel.SMS, [number]) == set()

    def test_other_words_change_nothing(self, client: FlaskClient) -> None:
        twilio(client, INBOUND.path, {"From": "+12025550147", "Body": "stop it please", "MessageSid": SID})
        apply()
        assert rows_of("opt_outs") == []


class TestSendGrid:
    def test_signed_events_reach_their_messages(self, client: FlaskClient) -> None:
        campaign_id, message_id = sending(Channel.EMAIL)
        ids = {"message_id": str(message_id), "attempt": "1", "timestamp": now_ms() // 1000, "email": "a@example.com"}
        assert sendgrid(client, [{"event": "processed", **ids}, {"event": "delivered", **ids}]).status_code == 204
        apply()
        assert statuses(campaign_id) == {"delivered": 1}

    def test_complaint_opts_out_and_leaves_the_message(self, client: FlaskClient) -> None:
        campaign_id, message_id = sending(Channel.EMAIL)
        ids = {"message_id": str(message_id), "attempt": "1", "timestamp": now_ms() // 1000, "email": "A@Example.com"}
        sendgrid(client, [{"event": "delivered", **ids}, {"event": "spamreport", **ids}])
        apply()
        assert statuses(campaign_id) == {"delivered": 1}
        assert opted_out(Channel.EMAIL, ["a@example.com"]) == {"a@example.com"}
        assert [row["source"] for row in rows_of("opt_outs")] == ["complaint"]

    def test_body_that_is_signed_but_no_list_is_set_aside(self, client: FlaskClient) -> None:
        assert sendgrid(client, b"{}").status_code == 204
        apply()
        assert rows_of("receipt_inbox")[0]["problem"]

    def test_timestamp_of_long_ago_is_refused(self, client: FlaskClient) -> None:
        assert sendgrid(client, [], at=now_ms() - 26 * 3_600_000).status_code == 403


GARBAGE = (b"", b"\0", b"\xff\xfe" * 100, b"a" * 900_000, b"%zz&=&=", "naïve=ü".encode("latin-1"), b"[[[[", b"{}")


class TestSignatures:
    @pytest.mark.parametrize("path", [webhook.path for webhook in WEBHOOKS])
    @pytest.mark.parametrize("body", GARBAGE, ids=range(len(GARBAGE)))
    def test_unsigned_or_wrongly_signed_is_403_whatever_it_is(
        self, client: FlaskClient, path: str, body: bytes
    ) -> None:
        before = dump()
        names = ("X-Twilio-Signature", "X-Twilio-Email-Event-Webhook-Signature")
        for signature in (None, "", "x", "ü", "A" * 5000, base64.b64encode(b"0" * 70).decode()):
            headers = {} if signature is None else dict.fromkeys(names, signature)
            stamped = headers | {"X-Twilio-Email-Event-Webhook-Timestamp": str(now_ms() // 1000)}
            for kind in ("application/x-www-form-urlencoded", "application/json", ""):
                answer = client.post(f"{path}?m=1&a=1", data=body, headers=stamped | {"Content-Type": kind})
                assert answer.status_code == 403
        assert dump() == before

    def test_another_token_another_address_and_another_body_are_refused(self, client: FlaskClient) -> None:
        assert twilio(client, address(1), status("delivered"), token="other").status_code == 403
        signature = RequestValidator(TOKEN).compute_signature(PUBLIC_URL + address(1), status("delivered"))
        headers = {"X-Twilio-Signature": signature}
        assert client.post(address(2), data=status("delivered"), headers=headers).status_code == 403
        assert client.post(address(1), data=status("failed"), headers=headers).status_code == 403
        assert client.post(address(1), data=status("delivered"), headers=headers).status_code == 204

    def test_host_of_the_request_is_not_trusted(self, client: FlaskClient) -> None:
        signature = RequestValidator(TOKEN).compute_signature("http://evil.example" + address(1), status("sent"))
        answer = client.post(
            address(1), data=status("sent"), headers={"X-Twilio-Signature": signature, "Host": "evil.example"}
        )
        assert answer.status_code == 403

    def test_fields_nobody_knows_are_part_of_what_is_signed(self, client: FlaskClient) -> None:
        assert twilio(client, address(1), status("sent", NewField="x y&z=ü", Empty="")).status_code == 204

    @pytest.mark.parametrize("path", [webhook.path for webhook in WEBHOOKS])
    def test_body_over_a_megabyte_is_not_read(self, client: FlaskClient, path: str) -> None:
        assert client.post(path, data=b"a" * 1_100_000).status_code == 413


class TestWithoutKeys:
    @pytest.fixture
    def environment(self) -> Mapping[str, str]:
        return {"PUBLIC_URL": PUBLIC_URL}

    def test_everything_is_refused(self, client: FlaskClient) -> None:
        for path in (address(1), INBOUND.path):
            assert twilio(client, path, status("delivered"), token="").status_code == 403
        assert sendgrid(client, []).status_code == 403


class TestUnsubscribe:
    KEY = "ada@example.com"

    @pytest.fixture
    def path(self, installation: Config) -> str:
        return unsubscribe.link("", Channel.EMAIL, self.KEY)

    def test_get_shows_a_button_and_does_nothing(self, client: FlaskClient, path: str) -> None:
        before = dump()
        for method in (client.get, client.head):
            assert method(path).status_code == 200
        page = client.get(path).text
        assert "Unsubscribe" in page
        assert self.KEY not in page
        assert dump() == before

    @pytest.mark.parametrize("body", [{"List-Unsubscribe": "One-Click"}, {}])
    def test_post_opts_out_without_a_session(self, client: FlaskClient, path: str, body: dict[str, str]) -> None:
        for _ in range(2):
            answer = client.post(path, data=body)
            assert answer.status_code == 200
            assert "You are unsubscribed" in answer.text
        assert opted_out(Channel.EMAIL, [self.KEY]) == {self.KEY}
        assert [row["source"] for row in rows_of("opt_outs")] == ["link"]

    def test_it_works_again_after_an_opt_in(self, client: FlaskClient, path: str) -> None:
        client.post(path)
        opt_in(Channel.EMAIL, self.KEY, actor=COMMAND_LINE, now=now_ms())
        client.post(path)
        assert opted_out(Channel.EMAIL, [self.KEY]) == {self.KEY}

    @pytest.mark.parametrize("token", ["x", "ü", "A" * 64, "A" * 5000, "..", "%00"])
    def test_token_that_is_not_ours_is_said_to_be_incomplete(self, client: FlaskClient, token: str) -> None:
        before = dump()
        answer = client.post(f"/u/{token}")
        assert answer.status_code in (404, 401)
        assert dump() == before

    def test_every_changed_letter_makes_it_another(self, client: FlaskClient, path: str) -> None:
        token = path.removeprefix("/u/")
        for place in range(0, len(token) - 1, 3):
            changed = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
            assert client.post(f"/u/{changed}").status_code == 404
        assert rows_of("opt_outs") == []

    def test_link_says_nothing_of_the_address(self, path: str) -> None:
        token = path.removeprefix("/u/")
        assert "ada" not in base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode("latin-1")
        assert urlencode({"t": token}) == f"t={token}"  # nothing in it needs escaping

    def test_claim_finds_who_used_it(self, client: FlaskClient) -> None:
        campaign_id = make_campaign(Channel.EMAIL, [self.KEY, "ben@example.com"])
        run(campaign_id)
        client.post(unsubscribe.link("", Channel.EMAIL, self.KEY))
        claim(campaign_id)
        assert statuses(campaign_id) == {"opted_out": 1, "sending": 1}
