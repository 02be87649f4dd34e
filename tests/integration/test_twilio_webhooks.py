"""What Twilio posts: the fake's own callbacks, hand-made ones, and signatures judged by the official SDK."""

import hashlib
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import reduce
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
import uvloop
from multidict import MultiDict
from twilio.request_validator import RequestValidator

from jobs.providers.messages import Content, OutgoingMessage
from jobs.providers.twilio.provider import TwilioAccount, TwilioProvider
from jobs.providers.twilio.webhooks import STOP_WORDS, is_signed, parse_inbound, parse_receipts
from models.rules.preferences import Preference
from models.rules.verdicts import AttemptState, Event, Word, judge
from models.words import Channel, FailureReason, OptOutSource, RetryClass, Scope
from tests.fakes.twilio import ACCOUNT, SERVICE, TOKEN, FakeTwilio, running
from tests.processes import until

SID = "SM" + "0" * 31 + "1"
URL = "https://signalbox.example/webhooks/twilio/status?m=7&a=2"
SIGNATURE = "X-Twilio-Signature"
SETTINGS = "X-Twilio-Webhooks-Signature-Settings"


@dataclass
class Postbox:
    """Where callbacks arrive: the full URL, the headers and the body of each."""

    url: str = ""
    posts: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)


@contextmanager
def postbox() -> Iterator[Postbox]:
    box = Postbox()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            box.posts.append((box.url.removesuffix("/status") + self.path, dict(self.headers), body))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        request_queue_size = 128  # many callbacks come at once

    with Server(("127.0.0.1", 0), Handler) as listening:
        box.url = "http://{}:{}/status".format(*listening.server_address)
        thread = threading.Thread(target=listening.serve_forever, args=(0.02,))
        thread.start()
        yield box
        listening.shutdown()
        thread.join()


def posts_about(folder: Path, recipients: Sequence[str]) -> list[tuple[str, dict[str, str], bytes]]:
    """All that the fake posts about messages to these recipients, whose ids count from 1."""
    given = FakeTwilio(folder / "taken.txt", delay_seconds=0.2, late_seconds=0.3)
    with postbox() as box, running(given) as fake:

        async def send() -> None:
            async with TwilioProvider(TwilioAccount(ACCOUNT, TOKEN, SERVICE, fake.url), box.url, 60) as provider:
                for place, recipient in enumerate(recipients, start=1):
                    await provider.send([OutgoingMessage(place, 1, recipient, Content.of_sms("Hi"), {})])

        uvloop.run(send())
        until(lambda: not fake.under_way, what="all callbacks")
        return box.posts


def read(post: tuple[str, Mapping[str, str], bytes]) -> Sequence[Event]:
    url, headers, body = post
    return parse_receipts({**headers, "query": urlsplit(url).query}, body, 123)


def end_of(events: Sequence[Event]) -> AttemptState:
    """The state of an attempt after these events."""
    return reduce(lambda state, event: judge(Channel.SMS, state, event), events, AttemptState("sending", 0))


# Status, reason and code in the end, by what the recipient chose.
ENDS = {
    "9000": ("delivered", None, None),
    "9003": ("failed", "unreachable", "30003"),
    "9004": ("failed", "unreachable", "30017"),
    "9005": ("failed", "blocked", "30004"),
    "9006": ("failed", "content_rejected", "30007"),
    "9007": ("failed", "rate_limited", "30001"),
    "9008": ("failed", "expired", "30036"),
    "9010": ("failed", "insufficient_funds", "30002"),
    "9011": ("failed", "provider_error", "30410"),
    "9012": ("failed", "unknown", "30008"),
    "9020": ("sending", None, None),
    "9030": ("sending", None, None),
    "9031": ("sending", None, None),
    "9050": ("delivered", None, None),
    "9051": ("sending", None, None),
    "9070": ("delivered", None, None),
    "9150": ("delivered", None, None),
    "9151": ("sending", None, None),
}


class TestCallbacksOfTheFake:
    def test_every_course_ends_as_its_number_says(self, tmp_path: Path) -> None:
        posts = posts_about(tmp_path, [f"+1202555{ending}" for ending in ENDS])
        events = [event for post in posts for event in read(post)]
        for place, (ending, end) in enumerate(ENDS.items(), start=1):
            state = end_of([event for event in events if event.message_id == place])
            assert (state.status, state.failure_reason, state.provider_code) == end, ending
        assert {event.message_id for event in events if event.scope is Scope.ACCOUNT} == {8}
        assert [word for word in Word if any(event.word is word for event in events if event.message_id == 13)] == [
            Word.ACCEPTED,
            Word.SENT,
        ]

    def test_some_come_twice_and_some_out_of_order_and_all_are_signed(self, tmp_path: Path) -> None:
        posts = posts_about(tmp_path, ["+12025550100"] * 40)
        order = [Word.ACCEPTED, Word.SENT, Word.DELIVERED]
        events = [event for post in posts for event in read(post)]
        ranks = [[order.index(event.word) for event in events if event.message_id == place] for place in range(1, 41)]
        assert all(set(of_one) == {0, 1, 2} for of_one in ranks)
        assert any(of_one != sorted(of_one) for of_one in ranks)
        assert any(len(of_one) > 3 for of_one in ranks)
        assert Counter(event.attempt for event in events) == {1: len(events)}
        for url, headers, body in posts:
            form = dict(parse_qsl(body.decode(), keep_blank_values=True))
            assert RequestValidator(TOKEN).validate(url, form, headers[SIGNATURE])
            assert is_signed(TOKEN, url, headers, body)


def callback(**fields: str) -> bytes:
    given = {"MessageSid": SID, "SmsSid": SID, "MessageStatus": "sent", "To": "+12025550100", "New": "x"}
    return urlencode({**given, **fields}).encode()


def receipt(query: str = "m=7&a=2", **fields: str) -> Sequence[Event]:
    return parse_receipts({"query": query}, callback(**fields), 123)


class TestReceipts:
    @pytest.mark.parametrize(
        ("status", "word"),
        [
            ("accepted", Word.ACCEPTED),
            ("scheduled", Word.ACCEPTED),
            ("queued", Word.ACCEPTED),
            ("sending", Word.ACCEPTED),
            ("sent", Word.SENT),
            ("delivered", Word.DELIVERED),
            ("read", Word.DELIVERED),
        ],
    )
    def test_status_is_a_word_about_our_attempt(self, status: str, word: Word) -> None:
        assert receipt(MessageStatus=status) == [Event(7, 2, word, 123, provider_id=SID)]

    @pytest.mark.parametrize(
        ("status", "code", "reason", "retry_class", "scope"),
        [
            ("undelivered", "30003", FailureReason.UNREACHABLE, RetryClass.LIKELY, Scope.MESSAGE),
            ("failed", "30008", FailureReason.UNKNOWN, RetryClass.MAY_HAVE_ARRIVED, Scope.MESSAGE),
            ("failed", "30002", FailureReason.INSUFFICIENT_FUNDS, RetryClass.LIKELY, Scope.ACCOUNT),
            ("failed", "", FailureReason.UNKNOWN, RetryClass.MAY_HAVE_ARRIVED, Scope.MESSAGE),
            ("canceled", "", FailureReason.CONFIGURATION, RetryClass.LIKELY, Scope.MESSAGE),
        ],
    )
    def test_failure_has_the_reason_of_its_code(
        self, status: str, code: str, reason: FailureReason, retry_class: RetryClass, scope: Scope
    ) -> None:
        (event,) = receipt(MessageStatus=status, ErrorCode=code)
        assert (event.word, event.reason, event.retry_class, event.scope) == (Word.FAILED, reason, retry_class, scope)
        assert (event.code, event.unmapped) == (code or ("canceled" if status == "canceled" else ""), False)

    def test_unsubscribed_recipient_opted_out(self) -> None:
        (event,) = receipt(MessageStatus="failed", ErrorCode="21610")
        assert (event.word, event.reason, event.retry_class) == (Word.OPTED_OUT, None, RetryClass.NEVER)

    def test_unknown_code_is_kept_and_unmapped(self) -> None:
        (event,) = receipt(MessageStatus="undelivered", ErrorCode="39999", ErrorMessage="a\0b")
        assert (event.word, event.reason, event.code) == (Word.FAILED, FailureReason.UNKNOWN, "39999")
        assert (event.unmapped, event.text) == (True, "a b")

    @pytest.mark.parametrize("status", ["receiving", "received", "partially_delivered", "flown", "SENT", "sent "])
    def test_status_that_is_none_of_ours_says_nothing(self, status: str) -> None:
        assert receipt(MessageStatus=status) == []

    @pytest.mark.parametrize(
        "query",
        [
            *("", "m=7", "a=2", "m=&a=2", "m=7&a=", "m=x&a=2", "m=7&a=-1", "m=7.0&a=1", "m=+7&a=1", "m=%207&a=1"),
            *("m=٧&a=1", "m=7%0a&a=1", "m=7&a=1%0a", f"m={'9' * 19}&a=1", "m=%ff&a=1", "m=\ud800&a=1", "M=7&A=2"),
        ],
    )
    def test_query_without_our_ids_is_refused(self, query: str) -> None:
        with pytest.raises(ValueError, match=r"our ids|not a form"):
            receipt(query)

    def test_post_without_a_query_is_refused(self) -> None:
        with pytest.raises(ValueError, match="our ids"):
            parse_receipts({}, callback(), 123)

    @pytest.mark.parametrize(
        "body",
        [
            *(b"", b"{}", b"\xff\xfe", b"MessageStatus=%ff&MessageSid=x", b"\0" * 1000, b"&" * 1_000_000, b"a;b"),
            *(b"MessageStatus=sent", f"MessageSid={SID}".encode(), f"MessageSid={SID}&MessageStatus=".encode()),
            *(callback(MessageSid="SMx"), callback(MessageSid=f"{SID}\n"), callback(MessageSid="AC" + SID[2:])),
        ],
    )
    def test_body_that_is_no_status_callback_is_refused(self, body: bytes) -> None:
        with pytest.raises(ValueError, match="not a") as refused:
            parse_receipts({"query": "m=7&a=2"}, body, 123)
        assert len(str(refused.value)) < 100


def inbound(**fields: str) -> Sequence[Preference]:
    return parse_inbound({}, urlencode({"From": "+12025550100", "MessageSid": SID, **fields}).encode(), 123)


class TestInbound:
    @pytest.mark.parametrize("text", [*sorted(STOP_WORDS), "stop", " Stop\n", "\u00a0stopAll "])
    def test_word_of_refusal_opts_the_sender_out(self, text: str) -> None:
        assert inbound(Body=text) == [Preference(Channel.SMS, "+12025550100", True, OptOutSource.INBOUND, 123)]

    @pytest.mark.parametrize("text", ["START", "unstop", " Yes "])
    def test_word_of_consent_takes_it_back(self, text: str) -> None:
        assert inbound(Body=text) == [Preference(Channel.SMS, "+12025550100", False, OptOutSource.INBOUND, 123)]

    @pytest.mark.parametrize("text", ["", "HELP", "please stop", "STOP.", "stop it", "yes please", "nonstop", "💥"])
    def test_any_other_text_says_nothing(self, text: str) -> None:
        assert inbound(Body=text) == []

    @pytest.mark.parametrize(
        ("kind", "text", "refuses"),
        [
            ("STOP", "genug", [True]),
            ("START", "stop", [False]),
            ("HELP", "stop", []),
            ("", "stop", [True]),
            ("NEW", "stop", [True]),
        ],
    )
    def test_what_twilio_made_of_it_comes_first(self, kind: str, text: str, refuses: list[bool]) -> None:
        assert [said.refuses for said in inbound(OptOutType=kind, Body=text)] == refuses

    def test_message_without_a_text_says_nothing(self) -> None:
        assert inbound(NumMedia="1") == []

    @pytest.mark.parametrize("body", [b"", b"Body=STOP", b"From=&Body=STOP", b"\xff", b"From=%ff", b'{"From": "+1"}'])
    def test_body_that_is_no_inbound_message_is_refused(self, body: bytes) -> None:
        with pytest.raises(ValueError, match="not a"):
            parse_inbound({}, body, 123)

    @pytest.mark.parametrize("text", ["STOP", "START"])
    @pytest.mark.parametrize(
        "sender", ["+1415555\x00999", "14155550100", "whatsapp:+14155550100", "+1415 5550100", "+٤١", "+" + "9" * 16]
    )
    def test_word_of_what_is_no_number_is_refused(self, text: str, sender: str) -> None:
        with pytest.raises(ValueError, match="no number"):
            inbound(From=sender, Body=text)

    def test_what_no_number_says_besides_is_not_heard(self) -> None:
        assert inbound(From="72975", Body="Your code is 1234") == []


def signed(url: str, fields: Sequence[tuple[str, str]], algorithm: str | None = None) -> dict[str, str]:
    """Headers with the signature that the official SDK computes."""
    signature = RequestValidator(TOKEN).compute_signature(url, MultiDict(fields), algorithm)
    return {SIGNATURE: signature, SETTINGS: f"key=webhooks_sharedkey_1,algorithm={algorithm}" if algorithm else ""}


FORMS: list[list[tuple[str, str]]] = [
    [],
    [("MessageStatus", "sent"), ("MessageSid", SID)],
    [("b", "2"), ("a", "1"), ("B", "3"), ("a", "0"), ("a", "1")],
    [("Empty", ""), ("", "nameless"), ("Body", " + & = % \r\n")],
    [("Body", "Žluťoučký 💥 \u202e\0"), ("ключ", "значение")],
]


class TestSignature:
    def test_public_test_vector_passes(self) -> None:
        url = "https://mycompany.com/myapp.php?foo=1&bar=2"
        fields = {
            "CallSid": "CA1234567890ABCDE",
            "Caller": "+14158675309",
            "Digits": "1234",
            "From": "+14158675309",
            "To": "+18005551212",
        }
        headers = {SIGNATURE: "RSOYDt4T1cUTdK1PDd93/VVr8B8="}
        assert is_signed("12345", url, headers, urlencode(fields).encode())
        assert not is_signed("12346", url, headers, urlencode(fields).encode())

    @pytest.mark.parametrize("algorithm", [None, "HMAC_SHA1", "HMAC_SHA256", "hmac_sha256"])
    @pytest.mark.parametrize("fields", FORMS)
    def test_what_the_sdk_signs_passes(self, fields: list[tuple[str, str]], algorithm: str | None) -> None:
        headers, body = signed(URL, fields, algorithm), urlencode(fields).encode()
        assert is_signed(TOKEN, URL, headers, body)
        assert is_signed(TOKEN, URL, {name.lower(): value for name, value in headers.items()}, body)

    @pytest.mark.parametrize("algorithm", ["HMAC_SHA1", "HMAC_SHA256"])
    def test_any_change_fails(self, algorithm: str) -> None:
        fields = FORMS[1]
        headers, body = signed(URL, fields, algorithm), urlencode(fields).encode()
        settings = {SETTINGS: headers[SETTINGS]}
        assert not is_signed("other", URL, headers, body)
        assert not is_signed("", URL, headers, body)
        assert not is_signed(TOKEN, URL.replace("m=7", "m=8"), headers, body)
        assert not is_signed(TOKEN, URL.replace("https", "http"), headers, body)
        assert not is_signed(TOKEN, URL, headers, body + b"&More=1")
        assert not is_signed(TOKEN, URL, headers, body.replace(b"sent", b"read"))
        assert not is_signed(TOKEN, URL, headers, b"")
        assert not is_signed(TOKEN, URL, settings, body)
        assert not is_signed(TOKEN, URL, {**headers, SETTINGS: "algorithm=MD5"}, body)
        for signature in ("", "=", headers[SIGNATURE][:-1], headers[SIGNATURE] + " ", "ÿ" * 28, "\ud800", "A" * 10_000):
            assert not is_signed(TOKEN, URL, {**settings, SIGNATURE: signature}, body)

    def test_nothing_is_signed_with_no_token(self) -> None:
        signature = RequestValidator("").compute_signature(URL, dict(FORMS[1]))
        assert not is_signed("", URL, {SIGNATURE: signature}, urlencode(FORMS[1]).encode())

    def test_algorithm_is_part_of_what_must_fit(self) -> None:
        headers = signed(URL, FORMS[1], "HMAC_SHA256")
        assert not is_signed(TOKEN, URL, {SIGNATURE: headers[SIGNATURE]}, urlencode(FORMS[1]).encode())

    @pytest.mark.parametrize("settings", ["", "key=1", "algorithm=", "algorithm", ",,", "key=1, algorithm = HMAC_SHA1"])
    def test_settings_are_read_as_the_sdk_reads_them(self, settings: str) -> None:
        headers = {**signed(URL, FORMS[1]), SETTINGS: settings}
        assert is_signed(TOKEN, URL, headers, urlencode(FORMS[1]).encode())

    @pytest.mark.parametrize(
        ("told", "counted"),
        [
            ("https://a.example/x?y=1", "https://a.example:443/x?y=1"),
            ("http://a.example/x", "http://a.example:80/x"),
            ("https://a.example:443/x", "https://a.example/x"),
            ("https://a.example:8443/x", "https://a.example/x"),
            ("http://[::1]:5000/x", "http://[::1]/x"),
        ],
    )
    def test_port_may_be_counted_in_or_left_out(self, told: str, counted: str) -> None:
        body = urlencode(FORMS[1]).encode()
        assert is_signed(TOKEN, told, signed(told, FORMS[1]), body)
        assert is_signed(TOKEN, told, signed(counted, FORMS[1]), body)
        assert not is_signed(TOKEN, told, signed(counted.replace("/x", "/z"), FORMS[1]), body)

    def test_json_is_vouched_for_by_its_hash_in_the_query(self) -> None:
        body = '{"status": "šent"}'.encode()
        url = f"{URL}&bodySHA256={hashlib.sha256(body).hexdigest()}"
        headers = signed(url, [])
        assert RequestValidator(TOKEN).validate(url, body.decode(), headers[SIGNATURE])
        assert is_signed(TOKEN, url, headers, body)
        assert not is_signed(TOKEN, url, headers, body + b" ")
        assert not is_signed(TOKEN, url.replace("m=7", "m=8"), headers, body)

    @pytest.mark.parametrize(
        "body", [b"\xff\xfe\0", b"\0" * 1_000_000, b"a=1&" * 250_000, b"%", b"%ff=%00", b"[" * 100_000, b"=&=;"]
    )
    @pytest.mark.parametrize("url", [URL, f"{URL}&bodySHA256=0", "", "http://[::1", "http://a:b/", "\ud800", "/x"])
    def test_no_body_and_no_url_breaks_it(self, body: bytes, url: str) -> None:
        assert not is_signed(TOKEN, url, {SIGNATURE: "RSOYDt4T1cUTdK1PDd93/VVr8B8="}, body)
