"""The Run dialog counts who is on the opt-out list at that moment; pages, which show what counters know, do not ask."""

import pytest
from flask import Flask

from models.actors import COMMAND_LINE, Actor
from models.clock import now_ms
from models.operations.forgetting import forget_person
from models.operations.optouts import opt_out
from models.operations.settings import change_setting
from models.words import Channel, Phase
from tests.factories import make_campaign, make_ended, move_all, phase_of, run, stop
from tests.integration.panel import Visitor
from tests.integration.plans import noted_statements
from tests.integration.test_panel_acts import CONFIRMED, read


@pytest.fixture
def panel(app: Flask, ben: Actor) -> Visitor:
    """The panel as Ben has it."""
    return Visitor(app).sign_in(ben)


def test_who_opted_out_since_the_import_is_in_no_number_of_the_dialog(panel: Visitor) -> None:
    change_setting("price.sms", 0.04, actor=COMMAND_LINE, now=now_ms())
    change_setting("rate.sms", 1, actor=COMMAND_LINE, now=now_ms())
    campaign_id = make_campaign(messages=3)
    opt_out(Channel.SMS, "+14155550001", actor=COMMAND_LINE, now=now_ms())
    told = read(panel.get(f"/campaigns/{campaign_id}/run").text)
    assert "2 of 3 contacts. 1 opted out and is left out." in told
    assert all(figure in told for figure in ("2 segments", "about USD 0.08", "about 2 s at 1 messages/s"))
    done = panel.post(f"/campaigns/{campaign_id}/run", part=True, confirm=CONFIRMED)
    assert "is In Progress: 2 messages to send." in done.headers["HX-Trigger"]


def test_pages_do_not_ask_the_opt_out_list(panel: Visitor) -> None:
    campaign_id = make_campaign(messages=3)
    with noted_statements() as noted:
        assert panel.get(f"/campaigns/{campaign_id}/").status_code == 200
        assert panel.get("/campaigns/").status_code == 200
    assert not any("opt_outs" in statement for statement, _ in noted)


def test_leaving_out_everybody_left_is_refused_in_the_dialog(panel: Visitor) -> None:
    make_ended(messages=3, now=now_ms())
    campaign_id = make_campaign(messages=3)
    refused = panel.post(f"/campaigns/{campaign_id}/run", part=True, confirm=CONFIRMED, leave_out="1")
    assert refused.status_code == 422
    assert "nobody to send to without those reached in the last 24 hours" in read(refused.text)
    assert phase_of(campaign_id) == Phase.READY


def test_resume_counts_nobody_who_was_forgotten(panel: Visitor, alice: Actor) -> None:
    campaign_id = make_campaign(messages=3)
    run(campaign_id)
    stop(campaign_id)
    move_all(campaign_id)
    forget_person("+14155550000", typed_again="+14155550000", actor=alice, now=now_ms())
    told = read(panel.get(f"/campaigns/{campaign_id}/resume").text)
    assert "2 Cancelled messages go back into the queue." in told
    assert "Resume 2 messages" in told
    done = panel.post(f"/campaigns/{campaign_id}/resume", part=True)
    assert "Resumed: 2 messages will be sent." in done.headers["HX-Trigger"]
