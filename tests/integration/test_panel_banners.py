"""What stands above a campaign that is Held or Failed: why, who can mend it, and what to press then."""

import re
from collections import Counter

import pytest
from flask import Flask

from models.actors import Actor
from models.clock import now_ms
from models.database import execute, transaction
from models.operations.watching import refuse_configuration
from models.rules.verdicts import Word
from models.words import Channel, FailureReason, Phase
from tests.factories import (
    answer,
    claim,
    make_campaign,
    make_ended,
    move_all,
    phase_of,
    put_into_phase,
    receive,
    resume,
    rows_of,
    run,
    stop,
)
from tests.integration.panel import Visitor, read


@pytest.fixture
def panel(app: Flask, ben: Actor) -> Visitor:
    """The panel as Ben has it."""
    return Visitor(app).sign_in(ben)


def banner_of(panel: Visitor, campaign_id: int) -> str:
    """The banner as HTML."""
    page = panel.get(f"/campaigns/{campaign_id}/").text
    return page[page.index('id="banner"') : page.index('id="progress"')]


def test_held_says_why_and_what_to_do(panel: Visitor) -> None:
    campaign_id = make_campaign(messages=60)
    run(campaign_id)
    claimed = claim(campaign_id, limit=50)
    answer(claimed)
    receive(claimed, Word.FAILED, reason=FailureReason.BLOCKED)
    banner = banner_of(panel, campaign_id)
    assert "Held: 50 of the last 50 first attempts failed" in banner
    assert "Blocked 50" in banner
    assert "10 stay Queued, and SMS stays taken" in banner
    assert f'href="/campaigns/{campaign_id}/resume" data-dialog' in banner
    assert f'href="/campaigns/{campaign_id}/stop" data-dialog' in banner


def test_held_says_of_which_verdicts_it_was_held_whatever_comes_in_later(panel: Visitor) -> None:
    campaign_id = make_campaign(messages=90)
    run(campaign_id)
    claimed = claim(campaign_id, limit=80)
    answer(claimed)
    receive(claimed[:55], Word.FAILED, reason=FailureReason.BLOCKED)
    receive(claimed[55:70], Word.FAILED, reason=FailureReason.BLOCKED)
    receive(claimed[70:], Word.DELIVERED)
    (held,) = [row["numbers"] for row in rows_of("audit") if row["act"] == "hold"]
    assert '"failed":55,"first_attempts":55' in held
    banner = read(banner_of(panel, campaign_id))
    assert "Held: 55 of the last 55 first attempts failed" in banner
    assert "Failed by now: Blocked 70" in banner
    resume(campaign_id, now=now_ms())
    receive(claim(campaign_id, limit=1), Word.FAILED, reason=FailureReason.BLOCKED)
    assert phase_of(campaign_id) == Phase.RUNNING


def test_failed_says_who_can_mend_it(panel: Visitor) -> None:
    campaign_id = make_campaign(Channel.EMAIL)
    run(campaign_id)
    with transaction():
        execute("UPDATE campaigns SET phase = 'failed', failed_code = '403' WHERE id = ?", campaign_id)
    banner = read(banner_of(panel, campaign_id))
    assert "Who can mend it: whoever looks after the account at the simulated provider" in banner
    assert "Then press Resume; the account is checked first." in banner
    assert "Resume… Edit sender…" in banner


def test_failed_of_which_nothing_is_cancelled_goes_on_by_a_retry(panel: Visitor) -> None:
    campaign_id = make_ended(messages=3, word=Word.FAILED)
    put_into_phase(campaign_id, Phase.FAILED)
    banner = read(banner_of(panel, campaign_id))
    assert "Then press Retry." in banner
    assert "SMS is free. Retry…" in banner
    assert "Cancelled" not in banner


def test_channel_that_is_no_longer_configured_is_for_who_runs_the_installation(panel: Visitor) -> None:
    campaign_id = make_campaign()
    run(campaign_id)
    for _ in range(5):
        refuse_configuration(campaign_id, "SMS_PROVIDER is not set.", now=now_ms())
    banner = read(banner_of(panel, campaign_id))
    assert "Who can mend it: whoever runs this installation" in banner
    assert "SMS_PROVIDER is not set." in banner


@pytest.mark.parametrize(
    ("phase", "acts"),
    [
        (Phase.READY, {"run", "edit", "delete"}),
        (Phase.RUNNING, {"stop"}),
        (Phase.HELD, {"resume", "stop"}),
        (Phase.STOPPING, {"resume"}),
        (Phase.FAILED, {"resume", "edit", "delete"}),
        (Phase.ENDED, {"resume", "delete"}),
    ],
)
def test_each_act_has_one_button_in_head_and_banner_together(panel: Visitor, phase: Phase, acts: set[str]) -> None:
    campaign_id = make_campaign(Channel.EMAIL)
    if phase is not Phase.READY:
        run(campaign_id)
        stop(campaign_id)
        move_all(campaign_id)
    put_into_phase(campaign_id, phase)
    page = panel.get(f"/campaigns/{campaign_id}/").text
    above = page[page.index('id="head"') : page.index('id="progress"')]
    # What a wide screen shows as a button, a narrow one has in its menu.
    shown = re.sub(r'<a class="[^"]* narrow".*?</a>', "", above)
    offered = Counter(re.findall(r'href="/campaigns/\d+/(?!\?)([a-z-]+)"', shown))
    assert {act for act, times in offered.items() if times > 1} == set()
    assert acts <= {"edit" if act in ("sender", "template") else act for act in offered}
    assert above.count("btn-primary") <= 1


def test_viewer_sees_banners_without_buttons(app: Flask, vera: Actor) -> None:
    campaign_id = make_campaign()
    put_into_phase(campaign_id, Phase.HELD)
    banner = banner_of(Visitor(app).sign_in(vera), campaign_id)
    assert "Held:" in banner
    assert 'class="btn ' not in banner
