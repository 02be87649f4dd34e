"""Who may open what: every address, every method, every role."""

import re
from collections.abc import Callable
from itertools import chain
from urllib.parse import urlsplit

import pytest
from flask import Flask

from admin import access
from models.actors import Actor
from models.words import Channel, Role
from tests.browser.pages import BY_NOBODY, BY_VERA, PAGES
from tests.factories import make_campaign, make_draft, make_ended, message_ids
from tests.integration.panel import Visitor

VIEWER, CAMPAIGNER, ADMIN, ORG_ADMIN = range(4)
EVERYBODY = -1
# Address and method -> the weakest role that gets past the door. What it then answers is the views' matter.
DOORS = {
    ("/healthz", "GET"): EVERYBODY,
    ("/readyz", "GET"): EVERYBODY,
    ("/metrics", "GET"): EVERYBODY,
    ("/static/<path:filename>", "GET"): EVERYBODY,
    ("/slack/events", "POST"): EVERYBODY,
    ("/webhooks/twilio/status", "POST"): EVERYBODY,
    ("/webhooks/twilio/inbound", "POST"): EVERYBODY,
    ("/webhooks/sendgrid/events", "POST"): EVERYBODY,
    ("/u/<token>", "GET"): EVERYBODY,
    ("/u/<token>", "POST"): EVERYBODY,
    ("/login", "GET"): EVERYBODY,
    ("/login", "POST"): EVERYBODY,
    ("/login/<token>", "GET"): EVERYBODY,
    ("/login/<token>", "POST"): EVERYBODY,
    ("/logout", "POST"): VIEWER,
    ("/", "GET"): VIEWER,
    ("/campaigns/", "GET"): VIEWER,
    ("/campaigns/<id:campaign_id>/", "GET"): VIEWER,
    ("/campaigns/<id:campaign_id>/progress", "GET"): VIEWER,
    ("/campaigns/<id:campaign_id>/flow", "GET"): VIEWER,
    ("/campaigns/<id:campaign_id>/summary", "GET"): VIEWER,
    ("/campaigns/<id:campaign_id>/preview", "GET"): VIEWER,
    ("/campaigns/<id:campaign_id>/run", "GET"): CAMPAIGNER,
    ("/campaigns/<id:campaign_id>/run", "POST"): CAMPAIGNER,
    ("/campaigns/<id:campaign_id>/stop", "GET"): CAMPAIGNER,
    ("/campaigns/<id:campaign_id>/stop", "POST"): CAMPAIGNER,
    ("/campaigns/<id:campaign_id>/resume", "GET"): CAMPAIGNER,
    ("/campaigns/<id:campaign_id>/resume", "POST"): CAMPAIGNER,
    ("/campaigns/<id:campaign_id>/look-up", "GET"): CAMPAIGNER,
    ("/campaigns/<id:campaign_id>/look-up", "POST"): CAMPAIGNER,
    ("/campaigns/<id:campaign_id>/messages/<id:message_id>/look-up", "GET"): CAMPAIGNER,
    ("/campaigns/<id:campaign_id>/messages/<id:message_id>/look-up", "POST"): CAMPAIGNER,
    ("/campaigns/<id:campaign_id>/retry", "GET"): CAMPAIGNER,
    ("/campaigns/<id:campaign_id>/retry/selected", "POST"): CAMPAIGNER,
    ("/campaigns/<id:campaign_id>/retry/<id:plan_id>", "POST"): CAMPAIGNER,
    ("/campaigns/<id:campaign_id>/messages/<id:message_id>", "GET"): VIEWER,
    ("/campaigns/<id:campaign_id>/messages/<id:message_id>/retry", "GET"): CAMPAIGNER,
    ("/campaigns/<id:campaign_id>/duplicate", "GET"): CAMPAIGNER,
    ("/campaigns/<id:campaign_id>/duplicate", "POST"): CAMPAIGNER,
    ("/campaigns/<id:campaign_id>/hand-on", "GET"): CAMPAIGNER,
    ("/campaigns/<id:campaign_id>/hand-on", "POST"): CAMPAIGNER,
    ("/campaigns/<id:campaign_id>/sender", "GET"): CAMPAIGNER,
    ("/campaigns/<id:campaign_id>/sender", "POST"): CAMPAIGNER,
    ("/campaigns/<id:campaign_id>/start/cancel", "POST"): CAMPAIGNER,
    ("/campaigns/<id:campaign_id>/delete", "GET"): CAMPAIGNER,
    ("/campaigns/<id:campaign_id>/delete", "POST"): CAMPAIGNER,
    ("/campaigns/<id:campaign_id>/export", "POST"): CAMPAIGNER,
    ("/campaigns/new", "GET"): CAMPAIGNER,
    ("/campaigns/new", "POST"): CAMPAIGNER,
    ("/campaigns/<id:campaign_id>/basics", "GET"): CAMPAIGNER,
    ("/campaigns/<id:campaign_id>/basics", "POST"): CAMPAIGNER,
    ("/campaigns/<id:campaign_id>/contacts", "GET"): CAMPAIGNER,
    ("/campaigns/<id:campaign_id>/contacts", "POST"): CAMPAIGNER,
    ("/campaigns/<id:campaign_id>/contacts/columns/<sealed>", "GET"): CAMPAIGNER,
    ("/campaigns/<id:campaign_id>/contacts/columns/<sealed>", "POST"): CAMPAIGNER,
    ("/campaigns/<id:campaign_id>/contacts/columns/<sealed>/offer", "POST"): CAMPAIGNER,
    ("/campaigns/<id:campaign_id>/contacts/report", "GET"): CAMPAIGNER,
    ("/campaigns/<id:campaign_id>/contacts/refused.csv", "GET"): CAMPAIGNER,
    ("/campaigns/<id:campaign_id>/template", "GET"): CAMPAIGNER,
    ("/campaigns/<id:campaign_id>/template", "POST"): CAMPAIGNER,
    ("/campaigns/<id:campaign_id>/template/measure", "POST"): CAMPAIGNER,
    ("/campaigns/<id:campaign_id>/template/sizes", "POST"): CAMPAIGNER,
    ("/campaigns/<id:campaign_id>/template/try", "POST"): CAMPAIGNER,
    ("/campaigns/<id:campaign_id>/attachments", "POST"): CAMPAIGNER,
    ("/campaigns/<id:campaign_id>/attachments/<id:file_id>/remove", "POST"): CAMPAIGNER,
    ("/campaigns/<id:campaign_id>/test", "GET"): CAMPAIGNER,
    ("/campaigns/<id:campaign_id>/test", "POST"): CAMPAIGNER,
    ("/campaigns/<id:campaign_id>/tests/<id:test_id>", "GET"): CAMPAIGNER,
    ("/campaigns/<id:campaign_id>/review", "GET"): CAMPAIGNER,
    ("/campaigns/<id:campaign_id>/review", "POST"): CAMPAIGNER,
    ("/exports/", "GET"): CAMPAIGNER,
    ("/exports/progress", "GET"): CAMPAIGNER,
    ("/exports/<id:export_id>/again", "POST"): CAMPAIGNER,
    ("/exports/<id:export_id>/cancel", "POST"): CAMPAIGNER,
    ("/exports/file/<link>", "GET"): CAMPAIGNER,
    ("/moves/", "GET"): CAMPAIGNER,
    ("/find", "GET"): VIEWER,
    ("/forget", "GET"): ORG_ADMIN,
    ("/forget", "POST"): ORG_ADMIN,
    ("/opt-outs/", "GET"): CAMPAIGNER,
    ("/opt-outs/new", "GET"): CAMPAIGNER,
    ("/opt-outs/new", "POST"): CAMPAIGNER,
    ("/opt-outs/<id:opt_out_id>/remove", "GET"): ADMIN,
    ("/opt-outs/<id:opt_out_id>/remove", "POST"): ADMIN,
    ("/people/", "GET"): ADMIN,
    ("/people/new", "GET"): ADMIN,
    ("/people/new", "POST"): ADMIN,
    ("/people/<id:person_id>", "GET"): ADMIN,
    ("/people/<id:person_id>/role", "POST"): ADMIN,
    ("/people/<id:person_id>/slack", "POST"): ADMIN,
    ("/people/<id:person_id>/link", "POST"): ORG_ADMIN,
    ("/people/<id:person_id>/remove", "GET"): ADMIN,
    ("/people/<id:person_id>/remove", "POST"): ADMIN,
    ("/audit/", "GET"): ADMIN,
    ("/settings", "GET"): ORG_ADMIN,
    ("/settings/<name>", "POST"): ORG_ADMIN,
    ("/settings/test", "POST"): ORG_ADMIN,
    ("/health", "GET"): ADMIN,
    ("/health/prove", "POST"): ADMIN,
    ("/account", "GET"): VIEWER,
    ("/account", "POST"): VIEWER,
    ("/account/password", "POST"): VIEWER,
}


# Probes, files, parts of a page, and what only leads elsewhere.
NO_PAGES = access.PROBES | {
    "home.index",
    "campaign.progress",
    "campaign.flow",
    "campaign.preview",  # an email in its sandbox
    "contacts.report",
    "contacts.refused_rows",
    "export.progress",
    "export.download",
}


@pytest.fixture
def staff(app: Flask, cast: Callable[[str, Role], Actor]) -> list[Visitor]:
    """Somebody of each role, weakest first."""
    return [Visitor(app).sign_in(cast(f"Somebody {number}".replace(" ", ""), role)) for number, role in enumerate(Role)]


def address(rule: str) -> str:
    """An address under a rule, about things that aren't there."""
    for part, value in (
        ("<id:campaign_id>", "999"),
        ("<id:message_id>", "999"),
        ("<id:plan_id>", "999"),
        ("<id:export_id>", "999"),
        ("<id:opt_out_id>", "999"),
        ("<id:person_id>", "999"),
        ("<name>", "nothing"),
        ("<id:file_id>", "999"),
        ("<id:test_id>", "999"),
        ("<path:filename>", "panel.css"),
    ):
        rule = rule.replace(part, value)
    return rule.replace("<token>", "no-such-link").replace("<sealed>", "forged").replace("<link>", "forged")


def test_table_has_every_address_and_no_other(app: Flask) -> None:
    served = {
        (rule.rule, method)
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert served == DOORS.keys()


def test_every_page_is_among_those_that_are_looked_at(app: Flask) -> None:
    addresses = app.url_map.bind("localhost")
    looked_at = set()
    for path in chain(PAGES.values(), BY_VERA.values(), BY_NOBODY.values()):
        address = urlsplit(path.replace("{columns}", "/campaigns/1/contacts/columns/sealed")).path
        looked_at.add(addresses.match(re.sub(r"{\w+}", "1", address))[0])
    served = {rule.endpoint for rule in app.url_map.iter_rules() if "GET" in (rule.methods or ())}
    assert served - NO_PAGES == looked_at


def test_each_door_opens_from_its_role_upwards(app: Flask, staff: list[Visitor]) -> None:
    wrong = []
    for (rule, method), weakest in DOORS.items():
        path = address(rule)
        if rule == "/logout":
            continue  # would end the sessions that the others need
        for role, visitor in enumerate(staff):
            answer = visitor.get(path) if method == "GET" else visitor.post(path)
            refused = answer.status_code == 403 and "your role must be" in answer.text
            if refused is not (role < weakest):
                wrong.append((method, path, role, answer.status_code))
            assert answer.status_code != 500
    assert wrong == []


def test_nobody_gets_past_any_door_but_the_open_ones(app: Flask) -> None:
    stranger, wrong = Visitor(app), []
    for (rule, method), weakest in DOORS.items():
        if weakest == EVERYBODY:
            continue
        answer = stranger.get(address(rule)) if method == "GET" else stranger.post(address(rule))
        sent_away = answer.status_code == 302 and answer.headers["Location"].startswith("/login")
        if not sent_away and answer.status_code != 401:
            wrong.append((method, rule, answer.status_code))
    assert wrong == []


def test_unnamed_address_refuses_to_be_served(app: Flask) -> None:
    app.add_url_rule("/forgotten", "forgotten", lambda: "")
    with pytest.raises(access.UnnamedRouteError, match="forgotten"):
        access.refuse_unnamed(app)


@pytest.mark.parametrize(
    "path", ["new/", "edit/", "delete/", "details/", "action/", "ajax/update/", "ajax/lookup/", "export/csv/"]
)
def test_stock_addresses_of_flask_admin_are_not_there(app: Flask, alice: Actor, path: str) -> None:
    visitor = Visitor(app).sign_in(alice)
    campaign_id = make_campaign()
    for base in ("/campaigns/", f"/campaigns/{campaign_id}/", "/exports/"):
        assert visitor.get(base + path).status_code == 404
        assert visitor.post(base + path).status_code == 404
    assert visitor.get("/static/admin/admin/js/form.js").status_code == 404


def test_drafts_of_others_are_seen_by_admins_only(
    app: Flask, ben: Actor, alice: Actor, cast: Callable[[str, Role], Actor]
) -> None:
    draft = make_draft(name="Bens draft", actor=ben)
    carol = Visitor(app).sign_in(cast("Carol", Role.CAMPAIGNER))
    for path in ("", "basics", "template", "contacts", "review", "test", "delete", "summary"):
        assert carol.get(f"/campaigns/{draft}/{path}").status_code == 404
    assert "Bens draft" not in carol.get("/campaigns/").text
    assert "Bens draft" in Visitor(app).sign_in(alice).get("/campaigns/").text


def test_message_of_another_campaign_is_not_retried(app: Flask, ben: Actor) -> None:
    mine, other = make_ended(Channel.SMS), make_campaign(Channel.EMAIL)
    visitor = Visitor(app).sign_in(ben)
    foreign = visitor.get(f"/campaigns/{mine}/messages/{message_ids(other)[0]}/retry")
    assert foreign.status_code == 404


def test_form_without_the_sessions_token_changes_nothing(app: Flask, ben: Actor) -> None:
    visitor = Visitor(app).sign_in(ben)
    answer = visitor.client.post("/campaigns/new", data={"name": "Forged", "channel": "sms"})
    assert answer.status_code == 400
    assert "Nothing was changed" in answer.text
    assert "Forged" not in visitor.get("/campaigns/").text
