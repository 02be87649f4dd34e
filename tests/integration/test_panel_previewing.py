"""Previews for who may not see contacts' own values: with values that they type themselves (SPEC 9)."""

from html import unescape

import pytest
from flask import Flask

from models.actors import Actor
from models.words import Channel
from tests.factories import dump, make_campaign
from tests.integration.panel import Visitor
from tests.integration.test_panel_acts import read
from tests.integration.test_run_check import make_ready

SMS = "Hi {{first name}}, come to {{CITY}}."
MAIL = "<p>Hi {{first name}}</p>{{unsubscribe_url}}"


@pytest.fixture
def viewer(app: Flask, vera: Actor) -> Visitor:
    """The panel as Vera has it."""
    return Visitor(app).sign_in(vera)


def test_viewer_sees_the_message_with_values_of_her_own(viewer: Visitor) -> None:
    campaign_id = make_ready(Channel.SMS, SMS, ["+14155550100,Ann,Rome", "+14155550101,Bob,Oslo"])
    page = viewer.get(f"/campaigns/{campaign_id}/summary").text
    assert "Hi ••• , come to •••" in read(page)
    assert 'name="value-0"' in page
    before = dump()
    typed = viewer.get(f"/campaigns/{campaign_id}/summary?contact=2&value-0=Zo%C3%AB&value-1=+")
    assert "Hi Zoë , come to •••" in read(typed.text)
    assert "+1415***0101" in typed.text
    assert not any(own in page + typed.text for own in ("Ann", "Rome", "Bob", "Oslo"))
    assert dump() == before
    assert "contact=1&value-0=Zo%C3%AB&value-1=+" in unescape(typed.text)  # to the contact before with them


def test_viewer_sees_an_email_with_them_and_as_text_only(viewer: Visitor) -> None:
    campaign_id = make_ready(Channel.EMAIL, MAIL, ["ann@example.com,Ann,Rome"])
    page = viewer.get(f"/campaigns/{campaign_id}/summary?value-0=%3Cb%3EZ").text
    assert f"/campaigns/{campaign_id}/preview?contact=1&value-0=%3Cb%3EZ" in unescape(page)
    frame = viewer.get(f"/campaigns/{campaign_id}/preview?contact=1&value-0=%3Cb%3EZ").text
    assert "Hi &lt;b&gt;Z" in frame
    assert "Ann" not in page + frame


def test_who_sees_contacts_own_values_has_no_such_form(app: Flask, ben: Actor) -> None:
    campaign_id = make_ready(Channel.SMS, SMS, ["+14155550100,Ann,Rome"])
    page = Visitor(app).sign_in(ben).get(f"/campaigns/{campaign_id}/summary?value-0=Zo").text
    assert "Hi Ann , come to Rome" in read(page)
    assert 'name="value-0"' not in page


def test_template_without_fields_asks_for_none(viewer: Visitor) -> None:
    assert 'id="typing"' not in viewer.get(f"/campaigns/{make_campaign()}/summary").text
