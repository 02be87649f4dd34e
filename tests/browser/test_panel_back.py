"""Back in the browser, after a form was refused and shown anew by the answer to it."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Panel


@dataclass(frozen=True)
class Form:
    """A page with a form: where it is, a field, what is refused there, and the button that sends it."""

    path: str
    field: str
    wrong: str
    button: str
    refusal: str


FORMS = {
    "creating": Form("/campaigns/new", "Slack channel", "#general", "Continue to contacts", "no Slack channel id"),
    "person": Form("/people/3", "Slack member ID", "nobody", "Save Slack user", "Slack"),
    "account": Form("/account", "Time zone", "Mars/Olympus", "Save", "time zone"),
}


@pytest.mark.parametrize("name", FORMS)
def test_it_leads_to_the_form_again_and_nothing_typed_is_lost(panel_of: Callable[..., Panel], name: str) -> None:
    form, panel = FORMS[name], panel_of("alice")
    page = panel.page
    panel.open(form.path)
    field = page.get_by_label(form.field)
    if name == "creating":
        page.get_by_label("Name", exact=True).fill("Refused at first")
    field.fill(form.wrong)
    page.get_by_role("button", name=form.button, exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text(form.refusal)
    panel.open("/campaigns/")
    for back in (page.go_back, page.reload, page.go_back):
        back()
        expect(field).to_have_value(form.wrong)
        assert page.url == panel.url + form.path
    page.get_by_role("button", name="Use what is saved").click()
    expect(field).not_to_have_value(form.wrong)


def test_what_was_taken_after_a_refusal_is_what_is_saved(panel_of: Callable[..., Panel]) -> None:
    panel = panel_of("alice")
    page = panel.page
    panel.open("/account")
    zone, save = page.get_by_label("Time zone"), page.get_by_role("button", name="Save", exact=True)
    for wanted in ("Mars/Olympus", "Europe/Berlin"):
        zone.fill(wanted)
        save.click()
    expect(page.locator("body > .toast")).to_have_text("Saved.")
    page.go_back()
    expect(zone).to_have_value("Europe/Berlin")
    expect(page.locator("#kept")).to_be_hidden()
    zone.fill("")
    save.click()
    expect(page.locator("body > .toast")).to_have_text("Saved.")
