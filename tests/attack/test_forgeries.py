"""Requests, jobs and tries that somebody repeats or makes up."""

import hashlib
import hmac
import pickle
import time
from collections.abc import Mapping
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest
from argon2 import PasswordHasher
from flask import Flask
from rq import SimpleWorker
from rq.serializers import JSONSerializer

from jobs.providers.registry import PARSERS
from jobs.providers.sendgrid.webhooks import EVENT_WEBHOOK
from jobs.queues import queue_of
from jobs.runtime import waiting
from models.actors import Actor
from models.clock import now_ms
from models.database import execute
from models.errors import NotAllowedError
from models.operations import signing_in
from models.operations.receipts import apply_receipts
from models.words import Channel
from tests.factories import NOW, SECOND, dump, rows_of
from tests.integration.slack.workspace import Workspace
from tests.integration.test_webhooks import ENVIRONMENT, address, sending, status, twilio


class TestSlack:
    def post(self, slack: Workspace, body: str, *, age: int) -> int:
        """What a request is answered that Slack signed so many seconds ago."""
        at = str(int(time.time()) - age)
        secret = slack.slack.signing_secret.encode()
        signed = hmac.new(secret, f"v0:{at}:{body}".encode(), hashlib.sha256).hexdigest()
        headers = {"X-Slack-Request-Timestamp": at, "X-Slack-Signature": f"v0={signed}"}
        url = slack.slack.delivery.request_url
        assert url is not None
        asked = Request(url, body.encode(), {"Content-Type": "application/x-www-form-urlencoded", **headers})
        try:
            with urlopen(asked, timeout=5) as answer:
                return int(answer.status)
        except HTTPError as refused:
            refused.close()
            return refused.code

    @pytest.mark.parametrize(("age", "code"), [(301, 401), (-302, 401), (290, 200)])
    def test_only_five_minutes_either_way_are_believed(self, slack: Workspace, age: int, code: int) -> None:
        body = urlencode({"command": "/campaign", "text": "help", "user_id": "U0BEN", "channel_id": "C0CAMPAIGNS"})
        assert self.post(slack, body, age=age) == code


@pytest.fixture
def environment() -> Mapping[str, str]:
    return ENVIRONMENT


def test_a_thousand_replayed_receipts_change_nothing(app: Flask) -> None:
    _, message_id = sending(Channel.SMS)
    client, words = app.test_client(), ("queued", "sent", "delivered")

    def post(times: int) -> None:
        for number in range(times):
            path = address(message_id)
            assert twilio(client, path, status(words[number % len(words)])).status_code == 204
        apply_receipts(PARSERS, limit=1000, now=now_ms(), scale=1)

    post(len(words))
    before = dump()
    post(1000)
    assert dump() == before


@pytest.mark.parametrize("path", [address(1), "/webhooks/twilio/inbound", EVENT_WEBHOOK.path])
def test_webhook_of_any_shape_without_a_signature_is_refused(app: Flask, path: str) -> None:
    client = app.test_client()
    shapes = ({"data": {"a": "b"}}, {"json": {"a": 1}}, {"data": b"\xff\x00"}, {"data": b""})
    assert [client.post(path, **shape).status_code for shape in shapes] == [403] * len(shapes)
    assert rows_of("receipt_inbox") == []


def test_a_thousand_guesses_reach_the_hash_ten_times_at_most(
    installation: object, ben: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    execute("UPDATE people SET password_hash = ? WHERE id = ?", PasswordHasher(1, 64, 1).hash("right"), ben.person_id)
    tried = []
    verify = PasswordHasher.verify
    monkeypatch.setattr(PasswordHasher, "verify", lambda *given: tried.append(given) or verify(*given))
    for number in range(1000):
        with pytest.raises(NotAllowedError):
            signing_in.check_password(
                "ben@example.com", "wrong", address="198.51.100.7", now=NOW + number * SECOND // 100
            )
    assert 5 <= len(tried) <= 10


def test_pickled_job_is_not_unpickled(valkey: str, tmp_path: object) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[object, ...]:
            return (exec, ("raise SystemExit('it went off')",))

    with waiting.client(valkey) as connection:
        queue = queue_of("bulk", connection)
        job = queue.enqueue_call("builtins.print", args=(1,), failure_ttl=60)
        connection.hset(job.key, "data", pickle.dumps(Bomb()))
        worker = SimpleWorker([queue], connection=connection, serializer=JSONSerializer)
        worker.log_job_description = False
        worker.work(burst=True, logging_level="CRITICAL")
        assert queue.failed_job_registry.get_job_ids() == [job.id]
