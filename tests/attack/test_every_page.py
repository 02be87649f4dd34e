"""Every address that shows something, with hostile text in everything that somebody may have typed."""

import json
from pathlib import Path

import pytest
from flask import Flask

from models.actors import Actor
from models.database import execute, transaction
from models.operations.files import store_file
from models.operations.optouts import opt_out
from models.rules.verdicts import Word
from models.tables import Campaign
from models.words import Channel, FailureReason
from tests import factories
from tests.factories import NOW, make_campaign, make_draft, message_ids, rows_of, run
from tests.integration.house import NAUGHTY
from tests.integration.panel import Visitor
from tests.integration.test_panel_access import DOORS

FIXTURES = Path(__file__).parents[1] / "fixtures"
LIVE = "<script>alert", "<img src=x onerror", "<svg onload"
HOSTILE = (NAUGHTY, "<img src=x onerror=alert(1)>", "</textarea><svg onload=alert(1)>", "\"'><script>alert(1)</script>")
# Columns of free text; what is not here is a word of ours, a number or a key.
TYPED = {
    "campaigns": ("name", "description", "subject", "body", "failed_text", "consent_by", "disclaimer_by"),
    "messages": ("recipient", "provider_code", "provider_text"),
    "attempts": ("provider_id", "provider_code", "provider_text"),
    "people": ("name",),
    "bulk_moves": ("campaign_name", "actor_name", "result"),
    "exports": ("campaign_name", "actor_name", "result"),
    "opt_outs": ("recipient_key", "actor_name"),
    "settings": ("updated_by",),
    "files": ("name",),
    "unmapped_codes": ("code", "sample"),
    "running_processes": ("host",),
}
SQL = ("' OR 1=1 --", "1; DROP TABLE messages; --", "') UNION SELECT email, password_hash FROM people --", "%' AND 1=1",
       "1 AND SLEEP(5)", "name; SELECT pg_sleep(5)", "\\'; --", "id DESC, (SELECT 1)")  # fmt: skip
PARAMETERS = ("q", "in", "match", "sort", "order", "status", "reason", "channel", "source", "surface", "act", "kind",
              "actor", "since", "until", "whose", "state", "owner", "after", "before", "older", "newer")  # fmt: skip
LISTS = ("/campaigns/", "/find", "/opt-outs/", "/moves/", "/audit/", "/exports/", "/people/")


@pytest.fixture
def things(panel: Visitor, alice: Actor) -> dict[str, int]:
    """A used house: what the addresses name."""
    campaign_id = make_campaign(Channel.EMAIL, messages=2)
    run(campaign_id, actor=alice)
    claimed = factories.claim(campaign_id)
    factories.answer(claimed)
    factories.receive(claimed, Word.FAILED, reason=FailureReason.BLOCKED, code="550", text="blocked")
    draft = make_draft(Channel.EMAIL, actor=alice)
    with transaction():
        store_file("contacts.csv", "text/csv", [b"email,name\na@example.com,A\n"], now=NOW)
    opt_out(Channel.SMS, "+14155550000", actor=alice, now=NOW)
    panel.post(f"/campaigns/{campaign_id}/export")
    return {
        "<id:message_id>": message_ids(campaign_id)[0],
        "<id:opt_out_id>": int(rows_of("opt_outs")[0]["id"]),
        "<id:person_id>": alice.person_id or 0,
        "draft": draft,
        "campaign": campaign_id,
    }


def addresses(things: dict[str, int]) -> list[str]:
    """Every address that a GET may ask for, about a draft and about a campaign that has run."""
    found = []
    for rule, method in DOORS:
        if method == "GET" and not any(part in rule for part in ("<path", "<token>", "<link>", "<sealed>")):
            for campaign in ("draft", "campaign"):
                path = rule.replace("<id:campaign_id>", str(things[campaign]))
                for part, value in things.items():
                    path = path.replace(part, str(value))
                found.append(path.replace("<id:test_id>", "1"))
    return sorted(set(found))


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_of_anybody_becomes_part_of_a_page(
    app: Flask, panel: Visitor, things: dict[str, int], text: str
) -> None:
    paths = addresses(things)
    with transaction():
        for table, columns in TYPED.items():
            for column in columns:
                execute(f"UPDATE {table} SET {column} = ?", text)
        execute("UPDATE messages SET field_values = ?", json.dumps([text]))
    fields = [{"name": text, "searchable": True}]
    Campaign.update(fields=fields).execute()
    wrong, shown = [], 0
    for path in paths:
        answer = panel.get(path)
        inert = answer.headers.get("Content-Security-Policy", "").startswith("sandbox;")  # the email's own preview
        shown += "&lt;" in answer.text
        if answer.status_code == 500 or (not inert and any(mark in answer.text for mark in LIVE)):
            wrong.append((path, answer.status_code))
    assert wrong == []
    assert shown > 20


def test_no_filter_search_or_order_reaches_the_database_as_words(panel: Visitor, things: dict[str, int]) -> None:
    page = f"/campaigns/{things['campaign']}/"
    before = [rows_of(table) for table in ("people", "messages", "campaigns", "opt_outs", "settings")]
    secrets = [str(person["email"]) for person in before[0] if person["email"] != "alice@example.com"]
    wrong = []
    for path in (*LISTS, page):
        for words in SQL:
            answer = panel.client.get(path, query_string=dict.fromkeys(PARAMETERS, words))
            if answer.status_code == 500 or any(secret in answer.text for secret in secrets):
                wrong.append((path, words, answer.status_code))
    assert wrong == []
    assert [rows_of(table) for table in ("people", "messages", "campaigns", "opt_outs", "settings")] == before
