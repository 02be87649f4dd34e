"""Why can't I? On the panel and at the command line each refusal says who or what is in the way and offers a way on."""

import re
from html import unescape

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from models.actors import Actor
from models.operations.running import DISCLAIMER
from models.words import Action
from tests.factories import make_campaign, make_draft
from tests.integration.panel import Visitor
from tests.integration.refusals import OTHER, REFUSALS, Refusal
from tests.terminal import Terminal

every_refusal = pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: refusal.name)
# A draft has its steps instead.
WITH_BUTTONS = [refusal for refusal in REFUSALS if refusal.make is not make_draft and refusal.on_button]
STEP = re.compile(r'<a class="btn[^"]*" href="([^"]+)"[^>]*>([^<]+)</a>')
WORDS = {
    Action.RUN: "Run…",
    Action.STOP: "Stop…",
    Action.RESUME: "Resume…",
    Action.RETRY: "Retry…",
    Action.EDIT: "Edit",
    Action.DUPLICATE: "Duplicate",
    Action.START_LATER: "Start when SMS is free…",
}
COMMANDS = {
    Action.RUN: "run {id} --accept-disclaimer",
    Action.STOP: "stop {id}",
    Action.RESUME: "resume {id}",
    Action.RETRY: "retry {id}",
}


@pytest.fixture
def admin(app: Flask, alice: Actor) -> Visitor:
    """The panel as Alice has it, who sees every draft."""
    return Visitor(app).sign_in(alice)


def asked(panel: Visitor, refusal: Refusal, campaign_id: int) -> TestResponse:
    """The act, confirmed as its dialog would; a retry is refused before there is a plan to confirm."""
    path = f"/campaigns/{campaign_id}/{refusal.action}"
    if refusal.action is Action.RETRY:
        return panel.get(path, **{"HX-Request": "true"})
    return panel.post(path, part=True, confirm=[str(number) for number in range(len(DISCLAIMER))], typed_name="x")


class TestPanel:
    @pytest.mark.parametrize("refusal", WITH_BUTTONS, ids=lambda refusal: refusal.name)
    def test_disabled_button_says_why(self, admin: Visitor, refusal: Refusal) -> None:
        campaign_id = refusal.make()
        page = unescape(admin.get(f"/campaigns/{campaign_id}/", **{"HX-Request": "true"}).text)
        reasons = re.findall(r'(?:role="tooltip" id="why-\w+"|class="why-not")>([^<]+)<', page)
        assert any(all(part in reason for part in refusal.told) for reason in reasons), reasons

    @every_refusal
    def test_refusal_after_a_click_offers_the_next_step_and_it_opens(self, admin: Visitor, refusal: Refusal) -> None:
        campaign_id = refusal.make()
        refused = asked(admin, refusal, campaign_id)
        assert refused.status_code == 409
        assert all(part in unescape(refused.text) for part in refusal.told), refused.text
        steps = {word: url for url, word in STEP.findall(unescape(refused.text))}
        offered = ([WORDS[refusal.step]] if refusal.step else []) + ([f"Open {OTHER}"] if refusal.is_taken else [])
        assert set(steps) == set(offered)
        for url in steps.values():
            assert admin.client.get(url, follow_redirects=True).status_code == 200

    def test_role_is_told_whom_to_ask(self, app: Flask, vera: Actor) -> None:
        campaign_id = make_campaign()
        viewer = Visitor(app).sign_in(vera)
        for act in ("run", "stop", "resume", "delete", "duplicate", "hand-on"):
            refused = viewer.post(f"/campaigns/{campaign_id}/{act}", part=True)
            assert refused.status_code == 403
            assert "Ask an Org Admin." in refused.text

    def test_who_does_not_own_it_is_told_whom_to_ask(self, app: Flask, ben: Actor) -> None:
        refused = Visitor(app).sign_in(ben).get(f"/campaigns/{make_campaign()}/hand-on", **{"HX-Request": "true"})
        assert "Ask one of them." in refused.text


class TestCommandLine:
    @every_refusal
    def test_sentence_ends_with_what_to_type_and_that_is_done(self, terminal: Terminal, refusal: Refusal) -> None:
        campaign_id = refusal.make()
        words = [refusal.action.value, campaign_id]
        sentence = terminal.refused(*words, *(["--accept-disclaimer"] if refusal.action is Action.RUN else []))
        assert all(part in sentence for part in refusal.told), sentence
        typed = re.findall(r"`python -m admin ([^`]+)`", sentence)
        if refusal.step in COMMANDS:
            assert typed == [COMMANDS[refusal.step].format(id=campaign_id)]
        elif refusal.step:
            assert f"/campaigns/{campaign_id}" in sentence
        if refusal.is_taken:
            assert re.fullmatch(r"status \d+", typed[-1])
        assert len(typed) == (refusal.step in COMMANDS) + refusal.is_taken
        for command in typed:
            terminal.result(*command.split())
