"""SendGrid's words, held to the table row by row; its receipts, whatever is in them; and its signatures."""

import base64
import csv
import json
import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sendgrid.helpers.eventwebhook import EventWebhook, EventWebhookHeader

from jobs.providers.base import UNMAPPED, AccountCheck
from jobs.providers.http import Reply
from jobs.providers.sendgrid.provider import SendGridAccount, SendGridProvider
from jobs.providers.sendgrid.webhooks import is_signed, parse_receipts
from jobs.providers.sendgrid.words import (
    CLASSIFICATIONS,
    DROPS,
    EVENTS,
    IN_DOUBT,
    MAILBOX_UNAVAILABLE,
    NO_CONNECTION,
    STANCES,
    UNCLASSIFIED,
    account_check,
    answer_of,
    refusal_of,
    wait_of,
)
from models.errors import NotConfiguredError
from models.rules.preferences import Preference
from models.rules.verdicts import Event, Word
from models.words import Channel, FailureReason, OptOutSource, RetryClass, Scope

TABLE = Path(__file__).parents[1] / "fixtures" / "failure_reasons" / "sendgrid_reasons.csv"
with TABLE.open(encoding="utf-8", newline="") as file:
    ROWS = list(csv.DictReader(file))
NOW = 1_800_000_000_123
JSON = dict[str, Any]

WORDS = {
    "sending": Word.ACCEPTED,
    "retrying": Word.DEFERRED,
    "delivered": Word.DELIVERED,
    "failed": Word.FAILED,
    "opted_out": Word.OPTED_OUT,
    "queued": Word.NOT_SENT,
}
# Where the table leaves it to a text: what an event may say, and what that must come to.
Told = tuple[FailureReason | None, RetryClass | None]
FULL: Told = (FailureReason.MAILBOX_FULL, RetryClass.LIKELY)
AWAY: Told = (FailureReason.UNREACHABLE, RetryClass.LIKELY)
WRONG: Told = (FailureReason.INVALID_RECIPIENT, RetryClass.POINTLESS)
BLOCKED: Told = (FailureReason.BLOCKED, RetryClass.POINTLESS)
EXPIRED: Told = (FailureReason.EXPIRED, RetryClass.LIKELY)
NOBODY_KNOWS: Told = (FailureReason.UNKNOWN, RetryClass.MAY_HAVE_ARRIVED)
BY_TEXT: Mapping[tuple[str, str], list[tuple[JSON, Told]]] = {
    ("deferred", "response 4xx"): [
        ({"response": "400 try again later"}, (FailureReason.UNKNOWN, RetryClass.LIKELY)),
        ({"response": "452 4.2.2 over quota"}, FULL),
        ({"response": "421 busy"}, AWAY),
        ({"response": ""}, (None, None)),
        ({}, (None, None)),
    ],
    ("bounce", "bounce_classification=Mailbox Unavailable"): [
        ({"reason": "mailbox is full"}, FULL),
        ({"reason": "Over Quota"}, FULL),
        ({"status": "5.2.2", "reason": "no"}, FULL),
        ({"reason": "disabled"}, AWAY),
        ({"reason": "we are thankful"}, AWAY),
        ({}, AWAY),
    ],
    ("bounce", "bounce_classification=Unclassified"): [
        ({"status": "5.1.1", "reason": "no"}, WRONG),
        ({"reason": "550 5.1.1 no such user"}, WRONG),
        ({"status": "5.0.0", "reason": "552 5.2.2 full"}, FULL),
        ({"status": "550", "reason": "no such user"}, WRONG),
        # A stranger's server that wants a login says nothing of our account.
        ({"status": "5.7.8", "reason": "535 authenticate"}, (FailureReason.CONFIGURATION, RetryClass.POINTLESS)),
        ({"reason": "something else"}, NOBODY_KNOWS),
        ({}, NOBODY_KNOWS),
    ],
    ("blocked", "(any classification)"): [
        ({"bounce_classification": "Reputation", "reason": "no"}, BLOCKED),
        ({"bounce_classification": "Content"}, (FailureReason.CONTENT_REJECTED, RetryClass.POINTLESS)),
        ({"bounce_classification": "Technical Failure"}, AWAY),
        ({"bounce_classification": "Unclassified", "status": "4.2.2"}, FULL),
        ({"bounce_classification": "Unclassified", "reason": "599 what"}, BLOCKED),
        ({"bounce_classification": "Something New"}, BLOCKED),
        ({}, BLOCKED),
    ],
    ("blocked", "reason says expired / could not be delivered in 72 h"): [
        ({"reason": "Delivery time expired"}, EXPIRED),
        ({"reason": "could not be delivered within 72 hours", "bounce_classification": "Reputation"}, EXPIRED),
        ({"reason": "not delivered in 72 h"}, EXPIRED),
    ],
}
STANDS_FOR = {"5xx or lost reply": IN_DOUBT, "connect failure before request bytes": NO_CONNECTION}


def named(row: Mapping[str, str]) -> str:
    return " ".join(filter(None, (row["event_or_code"], row["type"], row["match"])))


def rule(row: Mapping[str, str]) -> tuple[str, str]:
    """The key of a row that leaves it to the text."""
    return ("blocked" if row["type"] == "blocked" else row["event_or_code"]), row["match"]


def event_of(row: Mapping[str, str], **more: object) -> JSON:
    """The event that a row is about."""
    name, _, value = row["match"].partition("=")
    fields = {"event": row["event_or_code"], "type": row["type"], **({name: value} if value else {})}
    return ours(**{name: value for name, value in fields.items() if value}, **more)


def ours(**fields: object) -> JSON:
    return {"message_id": "7", "attempt": "2", "email": "ada@example.com", "timestamp": NOW // 1000, **fields}


def parsed(*events: object) -> list[Event | Preference]:
    return list(parse_receipts({}, json.dumps(events).encode(), NOW))


def one(**fields: object) -> Event:
    (event,) = parsed(ours(**fields))
    assert isinstance(event, Event)
    return event


def wish(**fields: object) -> Preference:
    (preference,) = parsed(ours(event="unsubscribe", **fields))
    assert isinstance(preference, Preference)
    return preference


def rows(source: str, *, by_text: bool = False, stance: bool = False) -> list[pytest.ParameterSet]:
    found = [row for row in ROWS if row["source"] == source]
    chosen = [row for row in found if (rule(row) in BY_TEXT, row["event_or_code"] in STANCES) == (by_text, stance)]
    return [pytest.param(row, id=named(row)) for row in chosen]


class TestTable:
    def test_it_is_whole(self) -> None:
        assert len(ROWS) == 35
        assert len([*rows("event"), *rows("event", by_text=True), *rows("event", stance=True), *rows("http")]) == 35

    @pytest.mark.parametrize("row", rows("event"))
    def test_an_event_means_what_its_row_says(self, row: Mapping[str, str]) -> None:
        (event,) = parsed(event_of(row, **({"reason": "whatever"} if row["match"] == "(other text)" else {})))
        assert isinstance(event, Event)
        word = Word.DELIVERED if row["event_or_code"] in ("open", "click") else WORDS[row["our_status"]]
        reason = row["standard_reason"] if word is Word.FAILED else ""
        assert (event.word, event.reason or "", event.scope) == (word, reason, row["scope"])
        assert (event.retry_class or "") == row["retry_class"]
        assert event.unmapped is (row["match"] == "(other text)")

    @pytest.mark.parametrize("row", rows("event", by_text=True))
    def test_where_the_text_decides_it_does(self, row: Mapping[str, str]) -> None:
        for said, told in BY_TEXT[rule(row)]:
            (event,) = parsed(event_of(row, **said))
            assert isinstance(event, Event)
            assert (event.reason, event.retry_class) == told, said
            assert (event.word, event.scope, event.unmapped) == (WORDS[row["our_status"]], Scope.MESSAGE, False), said

    @pytest.mark.parametrize("row", rows("event", stance=True))
    def test_what_a_person_wants_is_no_word_about_the_message(self, row: Mapping[str, str]) -> None:
        event = {**event_of(row), "asm_group_id": 1}
        source = OptOutSource.COMPLAINT if row["event_or_code"] == "spamreport" else OptOutSource.PROVIDER
        refuses = row["event_or_code"] != "group_resubscribe"
        at = NOW // 1000 * 1000
        assert parsed(event) == [Preference(Channel.EMAIL, "ada@example.com", refuses, source, at)]
        assert parsed({"event": row["event_or_code"], "email": "ada@example.com"}) != []  # of others' mail too

    @pytest.mark.parametrize("row", rows("http"))
    def test_an_answer_means_what_its_row_says(self, row: Mapping[str, str]) -> None:
        code = row["event_or_code"]
        answer = STANDS_FOR[code] if code in STANDS_FOR else answer_of(int(code))
        uncertain = code == "5xx or lost reply"
        assert answer.word == (Word.UNKNOWN if uncertain else WORDS[row["our_status"]])
        meaning = answer.meaning
        assert (meaning.reason if meaning else "") == row["standard_reason"]
        assert (meaning.scope if meaning else Scope.MESSAGE) == row["scope"]
        assert row["retry_class"] in ("", meaning and meaning.retry_class)

    def test_the_tables_hold_nothing_else(self) -> None:
        events = {row["event_or_code"] for row in ROWS if row["source"] == "event"}
        matches = {row["match"].casefold() for row in ROWS}
        assert events == set(EVENTS) | set(STANCES)
        assert {f"reason={reason}" for reason in DROPS} == {name for name in matches if name.startswith("reason=")}
        classes = {*CLASSIFICATIONS, MAILBOX_UNAVAILABLE, *UNCLASSIFIED} - {"", "technical"}
        assert {f"bounce_classification={name}" for name in classes} == {
            name for name in matches if name.startswith("bounce_classification=")
        }

    @pytest.mark.parametrize("spelling", ["Technical", "technical failure", " TECHNICAL FAILURE "])
    def test_spellings_differ(self, spelling: str) -> None:
        assert one(event="bounce", bounce_classification=spelling).reason is FailureReason.UNREACHABLE

    @pytest.mark.parametrize("status", [0, 100, 200, 201, 204, 302, 500, 503, 599, 999])
    def test_an_answer_that_nobody_foresaw_leaves_it_open(self, status: int) -> None:
        assert answer_of(status) == IN_DOUBT

    @pytest.mark.parametrize("status", [402, 405, 406, 415, 422, 499])
    def test_another_refusal_is_unmapped(self, status: int) -> None:
        assert answer_of(status) == (Word.FAILED, UNMAPPED)


class TestCodes:
    @pytest.mark.parametrize(
        ("fields", "code"),
        [
            ({"event": "bounce", "status": "5.1.1", "reason": "550 no"}, "5.1.1"),
            ({"event": "bounce", "reason": "550 5.1.1 no"}, "5.1.1"),
            ({"event": "bounce", "reason": "550 no"}, "550"),
            ({"event": "bounce", "status": "5.0.0", "reason": "550 5.4.4 no"}, "5.4.4"),
            ({"event": "bounce", "bounce_classification": "Reputation"}, "Reputation"),
            ({"event": "bounce"}, ""),
            ({"event": "deferred", "response": "421 4.3.2 later"}, "4.3.2"),
            ({"event": "delivered", "response": "250 OK"}, "250"),
            # No mail server said these 5.0.0: the reason is the code.
            ({"event": "dropped", "reason": "Bounced Address", "status": "5.0.0"}, "Bounced Address"),
        ],
    )
    def test_the_most_telling_code_is_kept(self, fields: JSON, code: str) -> None:
        assert one(**fields).code == code

    @pytest.mark.parametrize(
        ("fields", "code"),
        [
            ({"event": "dropped", "reason": "Moon Phase"}, "Moon Phase"),
            ({"event": "bounce", "bounce_classification": "Moon Phase", "status": "5.1.1"}, "Moon Phase"),
        ],
    )
    def test_what_no_table_knows_is_unmapped_and_kept(self, fields: JSON, code: str) -> None:
        event = one(**fields)
        assert (event.word, event.reason, event.retry_class, event.scope) == (Word.FAILED, *UNMAPPED)
        assert (event.unmapped, event.code) == (True, code)

    def test_the_text_is_kept_and_cut(self) -> None:
        event = one(event="bounce", reason="x" * 600, bounce_classification="y" * 600)
        assert (len(event.text), len(event.code)) == (500, 100)
        assert one(event="deferred", response="450 later").text == "450 later"

    def test_what_no_database_takes_is_not_kept(self) -> None:
        event = one(event="bounce", reason="a\0b\ud800c", sg_message_id="m\0")
        assert event.text == "a b?c"
        json.dumps([event.text, event.code, event.provider_id], ensure_ascii=False).encode()

    def test_the_providers_id_comes_along(self) -> None:
        assert one(event="processed", sg_message_id="Xf9.recvd-1-2.0").provider_id == "Xf9.recvd-1-2.0"


class TestReceipts:
    def test_events_keep_their_order(self) -> None:
        words = parsed(ours(event="delivered"), ours(event="spamreport"), ours(event="processed"))
        assert [getattr(word, "word", None) for word in words] == [Word.DELIVERED, None, Word.ACCEPTED]

    @pytest.mark.parametrize(("message_id", "attempt"), [("7", "2"), (7, 2), ("7", 2), ("007", "2")])
    def test_our_ids_come_as_text_or_number(self, message_id: object, attempt: object) -> None:
        event = one(event="delivered", message_id=message_id, attempt=attempt)
        assert (event.message_id, event.attempt, event.answers) == (7, 2, False)

    @pytest.mark.parametrize("bad", [None, "", "x", "7.5", 7.5, -7, "-7", "٧", "1_0", " 7", True, [7], {}, "9" * 19])
    @pytest.mark.parametrize("field", ["message_id", "attempt"])
    def test_without_our_ids_an_event_is_about_others_mail(self, field: str, bad: object) -> None:
        assert parsed(ours(event="delivered", **{field: bad})) == []

    def test_an_attempt_of_sendgrids_own_is_not_taken_for_ours(self) -> None:
        assert parsed({"event": "deferred", "attempt": "5", "email": "ada@example.com"}) == []

    @pytest.mark.parametrize("name", ["account_status_change", "", None, 7, ["delivered"], {"delivered": 1}])
    def test_events_that_nobody_knows_are_left_out(self, name: object) -> None:
        assert parsed(ours(event=name)) == []

    @pytest.mark.parametrize("email", [None, "", "ada", 7, ["ada@example.com"]])
    def test_a_wish_of_nobody_is_left_out(self, email: object) -> None:
        assert parsed(ours(event="unsubscribe", email=email)) == []

    @pytest.mark.parametrize("seconds", [1_799_999_000, "1799999000", 1_799_999_000.7, "1799999000.7"])
    def test_a_wish_has_its_own_time_and_an_event_that_of_its_arrival(self, seconds: object) -> None:
        assert wish(timestamp=seconds).at == 1_799_999_000_000
        assert one(event="delivered", timestamp=seconds).at == NOW

    @pytest.mark.parametrize(
        "seconds",
        [1_800_000_001, 9e99, math.inf, math.nan, 0, -1, 1, 1_799_000_000, NOW, None, "", "soon", True, [1], {}],
    )
    def test_a_time_that_cannot_be_is_that_of_arrival(self, seconds: object) -> None:
        assert wish(timestamp=seconds).at == NOW

    @pytest.mark.parametrize("bad", [None, 7, 7.5, True, [], {}, [["x"]], "\0", "\ud800", "x" * 100_000])
    @pytest.mark.parametrize(
        "event", ["bounce", "dropped", "deferred", "delivered", "processed", "click", "spamreport"]
    )
    def test_one_bad_event_costs_only_itself(self, event: str, bad: object) -> None:
        names = ("type", "status", "reason", "response", "bounce_classification", "category", "sg_message_id", "email")
        spoilt = ours(event=event, **dict.fromkeys(names, bad))
        words = parsed(spoilt, bad, ours(event="delivered"))
        assert isinstance(words[-1], Event)
        assert words[-1].word is Word.DELIVERED

    def test_a_category_may_be_one_or_many(self) -> None:
        assert one(event="delivered", category="a") == one(event="delivered", category=["a", "b"])

    @pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe\x00", b"{}", b"7", b'"x"', b"null", b"[" * 100_000])
    def test_what_is_no_array_is_refused(self, body: bytes) -> None:
        with pytest.raises(ValueError, match=r"."):
            parse_receipts({}, body, NOW)

    def test_an_empty_array_says_nothing(self) -> None:
        assert parsed() == []


class TestRefusals:
    @pytest.mark.parametrize("where", ["from", "from.email", "reply_to.email", "reply_to_list.0"])
    def test_the_sender_is_the_accounts_fault(self, where: str) -> None:
        refusal = refusal_of(errors((where, "no")))
        assert refusal.of_sender
        assert answer_of(400, refusal) == answer_of(401)

    @pytest.mark.parametrize(
        "text", ["not a verified Sender Identity", "The API key is wrong", "authorization required"]
    )
    def test_so_is_what_says_so(self, text: str) -> None:
        assert refusal_of(errors((None, text))).of_sender
        assert not refusal_of(errors(("personalizations.3.headers", text))).of_sender

    @pytest.mark.parametrize("where", ["subject", "content", "content.0.value", "attachments.0.content"])
    def test_the_shared_part_is_everybodys(self, where: str) -> None:
        assert refusal_of(errors((where, "no"))).of_everybody

    def test_rows_are_named_with_their_own_text(self) -> None:
        first, second = ("personalizations.0.to.0.email", "bad"), ("personalizations.41.to", "worse")
        refusal = refusal_of(errors(first, second, ("personalizations.41", "worst")))
        assert (refusal.rows, refusal.text) == ({0: "bad", 41: "worse; worst"}, "bad; worse; worst")

    @pytest.mark.parametrize(
        "where", [None, "", "null", "personalizations", "personalizations.x", "personalizations.99999", "fromage"]
    )
    def test_others_name_nobody(self, where: str | None) -> None:
        refusal = refusal_of(errors((where, "Bad Request")))
        assert (refusal.text, refusal.rows, refusal.of_sender, refusal.of_everybody) == (
            "Bad Request",
            {},
            False,
            False,
        )

    @pytest.mark.parametrize(
        "body",
        [
            *(b"", b"<html>", b"[]", b"7", b'{"errors": 7}', b'{"errors": [7, null, {}]}', b"[" * 100_000),
            b'{"errors": [{"field": 7, "message": [1]}]}',
        ],
    )
    def test_anything_else_says_nothing(self, body: bytes) -> None:
        assert refusal_of(body).text == ""
        assert refusal_of(body).rows == {}

    def test_a_text_is_cut_and_fit_for_a_database(self) -> None:
        assert refusal_of(errors((None, "a\0\ud800" + "b" * 600))).text == "a ?" + "b" * 497


class TestWaits:
    @pytest.mark.parametrize(
        ("headers", "seconds"),
        [
            ({"X-RateLimit-Reset": "1800000007"}, 7.0),
            ({"X-RateLimit-Reset": "1800000007", "Retry-After": "3"}, 7.0),
            ({"X-RateLimit-Reset": "1799999999", "Retry-After": "3"}, 3.0),
            ({"Retry-After": "2.5"}, 2.5),
            ({"X-RateLimit-Reset": "1900000000"}, 600.0),
            ({"Retry-After": "99999"}, 600.0),
            ({"X-RateLimit-Reset": "soon", "Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}, None),
            ({"X-RateLimit-Reset": "٣", "Retry-After": "-3"}, None),
            ({}, None),
        ],
    )
    def test_it_is_as_long_as_sendgrid_says(self, headers: dict[str, str], seconds: float | None) -> None:
        assert wait_of(headers, 1_800_000_000) == seconds


def check(status: int, body: bytes) -> AccountCheck:
    return account_check(Reply(status, {}, body))


class TestAccount:
    def test_a_key_with_the_right_is_fine(self) -> None:
        assert check(200, b'{"scopes": ["alerts.read", "mail.send"]}') == AccountCheck()

    @pytest.mark.parametrize("status", [401, 403])
    def test_a_key_that_is_not_let_in_is_refused_by_name(self, status: int) -> None:
        assert "SENDGRID_API_KEY" in check(status, b"{}").refusal

    def test_a_key_without_the_right_is_warned_of(self) -> None:
        said = check(200, b'{"scopes": ["alerts.read"]}')
        assert (said.refusal, "Mail Send" in said.warning) == ("", True)

    @pytest.mark.parametrize(
        "answer",
        [
            *((500, b""), (200, b""), (200, b"[]"), (200, b'{"scopes": 7}'), (302, b""), (429, b"")),
            *((404, b"{}"), (201, b'{"scopes": ["mail.send"]}')),
        ],
    )
    def test_anything_else_only_warns(self, answer: tuple[int, bytes]) -> None:
        said = check(*answer)
        assert (said.refusal, f"HTTP {answer[0]}" in said.warning) == ("", True)

    def test_no_answer_only_warns(self) -> None:
        assert "no answer" in account_check(None).warning

    def test_it_is_read_from_variables_and_not_shown(self) -> None:
        key = "SG.secret"
        assert SendGridAccount.from_variables({"SENDGRID_API_KEY": f" {key}\n"}) == SendGridAccount(
            key, "https://api.sendgrid.com"
        )
        eu = {"SENDGRID_API_KEY": key, "SENDGRID_API_URL": "https://api.eu.sendgrid.com/"}
        account = SendGridAccount.from_variables(eu)
        assert account.api_url == "https://api.eu.sendgrid.com"
        assert key not in repr(account) + str(account) + repr(SendGridProvider(account))

    @pytest.mark.parametrize("key", ["", "a b", "a\nb", "a\0", "ключ"])
    def test_what_can_be_no_key_is_refused(self, key: str) -> None:
        with pytest.raises(NotConfiguredError, match="SENDGRID_API_KEY"):
            SendGridAccount.from_variables({"SENDGRID_API_KEY": key})

    def test_what_can_be_no_address_is_refused(self) -> None:
        with pytest.raises(NotConfiguredError, match="SENDGRID_API_URL"):
            SendGridAccount.from_variables({"SENDGRID_API_KEY": "SG.x", "SENDGRID_API_URL": "api.sendgrid.com"})


def errors(*errors: tuple[str | None, str]) -> bytes:
    return json.dumps({"errors": [{"field": where, "message": text, "help": None} for where, text in errors]}).encode()


KEY = ec.generate_private_key(ec.SECP256R1())
BODY = '[{"event":"delivered","email":"ada@example.com","note":"Grüße"}]\r\n'.encode()
HOUR = 3600


def shown(key: ec.EllipticCurvePublicKey | rsa.RSAPublicKey, encoding: Encoding = Encoding.DER) -> str:
    raw = key.public_bytes(encoding, PublicFormat.SubjectPublicKeyInfo)
    return raw.decode() if encoding is Encoding.PEM else base64.b64encode(raw).decode()


PUBLIC = shown(KEY.public_key())


def signed(body: bytes = BODY, *, at: int | None = None, key: ec.EllipticCurvePrivateKey = KEY) -> dict[str, str]:
    timestamp = str(int(time.time()) if at is None else at)
    signature = base64.b64encode(key.sign(timestamp.encode() + body, ec.ECDSA(hashes.SHA256()))).decode()
    return {EventWebhookHeader.SIGNATURE: signature, EventWebhookHeader.TIMESTAMP: timestamp}


def accepted(headers: Mapping[str, str], body: bytes = BODY, public_key: str = PUBLIC) -> bool:
    """Whether ours accepts it, which the official one must do as well."""
    if not is_signed(public_key, headers, body, int(time.time() * 1000)):
        return False
    signature, timestamp = headers[EventWebhookHeader.SIGNATURE], headers[EventWebhookHeader.TIMESTAMP]
    assert EventWebhook(PUBLIC).verify_signature(body.decode(), signature, timestamp)
    return True


class TestSignature:
    def test_what_sendgrid_signed_is_accepted(self) -> None:
        assert accepted(signed())

    @pytest.mark.parametrize("change", [str.lower, str.upper, str.title])
    def test_names_of_headers_come_in_any_case(self, change: Any) -> None:
        headers = {change(name): value for name, value in signed().items()}
        assert is_signed(PUBLIC, headers, BODY, int(time.time() * 1000))

    def test_the_key_may_be_pem_and_broken_over_lines(self) -> None:
        pem = shown(KEY.public_key(), Encoding.PEM)
        assert accepted(signed(), public_key=pem)
        assert accepted(signed(), public_key=f" {PUBLIC[:40]}\n{PUBLIC[40:]}\n")

    @pytest.mark.parametrize("body", [BODY + b" ", BODY[:-1], b"", BODY.replace(b"delivered", b"bounce   ")])
    def test_a_changed_body_is_refused(self, body: bytes) -> None:
        assert not accepted(signed(), body)

    def test_a_changed_time_is_refused(self) -> None:
        headers = signed()
        later = str(int(headers[EventWebhookHeader.TIMESTAMP]) + 1)
        assert not accepted({**headers, EventWebhookHeader.TIMESTAMP: later})

    @pytest.mark.parametrize(
        ("age", "good"),
        [(0, True), (24 * HOUR, True), (25 * HOUR - 5, True), (25 * HOUR + 5, False), (-295, True), (-305, False)],
    )
    def test_the_window_is_25_hours_back_and_5_minutes_ahead(self, age: int, good: bool) -> None:
        assert accepted(signed(at=int(time.time()) - age)) is good

    def test_1970_is_refused_though_the_official_one_takes_it(self) -> None:
        headers = signed(at=0)
        assert EventWebhook(PUBLIC).verify_signature(BODY.decode(), headers[EventWebhookHeader.SIGNATURE], "0")
        assert not accepted(headers)

    def test_another_key_is_refused(self) -> None:
        assert not accepted(signed(key=ec.generate_private_key(ec.SECP256R1())))

    def test_another_curve_is_refused(self) -> None:
        key = ec.generate_private_key(ec.SECP384R1())
        assert not accepted(signed(key=key), public_key=shown(key.public_key()))

    @pytest.mark.parametrize("signature", ["", "x", "====", "AAAA", "Grüße", "\0", "A" * 10_000])
    def test_garbage_for_a_signature_is_refused(self, signature: str) -> None:
        assert not accepted({**signed(), EventWebhookHeader.SIGNATURE: signature})

    @pytest.mark.parametrize("timestamp", ["", "now", "-1", "1e9", "٣", "9" * 400, " 1800000000"])
    def test_garbage_for_a_time_is_refused(self, timestamp: str) -> None:
        assert not accepted({**signed(), EventWebhookHeader.TIMESTAMP: timestamp})

    @pytest.mark.parametrize("name", [EventWebhookHeader.SIGNATURE, EventWebhookHeader.TIMESTAMP])
    def test_a_missing_header_is_refused(self, name: str) -> None:
        assert not accepted({key: value for key, value in signed().items() if key != name})

    @pytest.mark.parametrize(
        "key",
        [
            *("", "x", "AAAA", "Grüße", "\0", PUBLIC[:-4], "-----BEGIN PUBLIC KEY-----"),
            shown(ec.generate_private_key(ec.SECP384R1()).public_key()),
            shown(rsa.generate_private_key(65537, 2048).public_key()),
        ],
    )
    def test_what_is_no_such_key_signs_nothing(self, key: str) -> None:
        assert not accepted(signed(), public_key=key)
