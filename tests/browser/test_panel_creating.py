"""Making a campaign as a person does it, on a desktop and on a phone, and what is never lost on the way."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from models.words import Channel
from tests.browser.conftest import DESKTOP, PHONE, Panel
from tests.browser.test_panel_looks import violations
from tests.crash.product import Product

NUMBERS = "mobile;given name;town\n" + "".join(
    f"{number};{name};Northbank\n"
    for number, name in (("+61491570156", "Zoë"), ("0491 570 157", "Łukasz"), ("(0491) 570-158", ""), ("12", "Bob"))
)
ADDRESSES = "email,first name\nada@example.com,Ada <3\nbob@example.com,\n"


def begin(panel: Panel, name: str, channel: str) -> Page:
    """The first step, filled twice: what was typed comes back after a reload."""
    page = panel.page
    panel.open("/campaigns/new")
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label(channel, exact=True).check()
    page.reload()
    expect(page.get_by_label("Name", exact=True)).to_have_value(name)
    expect(page.get_by_label(channel, exact=True)).to_be_checked()
    expect(page.locator("#kept")).to_contain_text("What you had typed here is back")
    page.get_by_label("Slack channel").fill("#general")
    page.get_by_role("button", name="Continue to contacts").click()
    expect(page.get_by_role("alert")).to_contain_text("no Slack channel id")
    expect(page.get_by_label("Name", exact=True)).to_have_value(name)
    look(page)
    page.get_by_label("Slack channel").fill("C0CAMPAIGNS")
    page.get_by_role("button", name="Continue to contacts").click()
    return page


def upload(page: Page, folder: Path, content: str) -> None:
    """The file, after one by another name."""
    wrong, right = folder / "contacts.xlsx.csv", folder / "contacts.csv"
    wrong.write_bytes(b"PK\x03\x04 a workbook")
    right.write_text(content, encoding="utf-8")
    page.get_by_label("These contacts agreed").check()
    page.get_by_label("Contacts", exact=True).set_input_files(wrong)
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_role("alert")).to_contain_text("by another name")
    expect(page.get_by_label("These contacts agreed")).to_be_checked()
    look(page)
    page.get_by_label("Contacts", exact=True).set_input_files(right)
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_role("heading", name="Columns")).to_be_visible()


def look(page: Page) -> None:
    """The page fits, and can be used by everybody."""
    size = page.viewport_size
    assert size
    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"], page.url
    assert violations(page) == []


def send_test(page: Page, recipient: str) -> None:
    """From the template to the result."""
    page.get_by_role("button", name="Save and send a test…").click()
    expect(page.get_by_role("heading", name="Send a test")).to_be_visible()
    page.get_by_label("To", exact=True).fill("nobody")
    page.get_by_role("button", name="Send the test").click()
    expect(page.get_by_role("alert")).to_contain_text("“nobody”")
    page.get_by_label("To", exact=True).fill(recipient)
    look(page)
    page.get_by_role("button", name="Send the test").click()
    expect(page.locator("#sent .badge")).to_have_text("Sent")
    look(page)


@pytest.mark.parametrize(("width", "scheme"), [(DESKTOP, "light"), (PHONE, "dark")])
def test_sms_campaign_is_made(
    product: Product, panel_of: Callable[..., Panel], tmp_path: Path, width: int, scheme: str
) -> None:
    panel = panel_of("ben", width=width, scheme=scheme)
    page = begin(panel, f"Storm season {width}", "SMS")
    upload(page, tmp_path, NUMBERS)

    page.get_by_label("Field name for given name").fill("first_name")
    page.get_by_label("town is searchable").check()
    page.get_by_label("Offer to read them as numbers of").select_option("AU")
    expect(page.locator("#offer")).to_contain_text("2 can be read as numbers of Australia.")
    offer = page.get_by_label("Read them as numbers of Australia")
    expect(offer).not_to_be_checked()
    page.get_by_text("before and after").click()
    expect(page.get_by_role("table", name="Examples")).to_contain_text("+61491570157")
    look(page)
    offer.check()
    page.get_by_role("button", name="Import 4 rows").click()
    expect(page.get_by_role("link", name="Continue with 3")).to_be_visible()
    expect(page.get_by_text("2 numbers read as numbers of Australia")).to_be_visible()
    expect(page.get_by_role("link", name="1 refused row")).to_be_visible()
    look(page)
    page.get_by_role("link", name="Continue with 3").click()

    body = page.get_by_label("Message", exact=True)
    body.fill("Hi , is this still your number?")
    body.evaluate("field => field.setSelectionRange(3, 3)")
    page.get_by_role("button", name="{{first_name}}").click()
    expect(page.locator("#bubble")).to_have_text("Hi Zoë, is this still your number?")
    sizes = page.get_by_role("table", name="Segments over all contacts")
    expect(sizes).to_contain_text("UCS-2, 1 segment")
    expect(page.locator("#sizes")).to_contain_text("1 contact has no first_name.")
    page.get_by_role("button", name="Next contact").click()
    expect(page.locator("#bubble")).to_have_text("Hi Łukasz, is this still your number?")
    page.reload()
    expect(body).to_have_value("Hi {{first_name}}, is this still your number?")
    expect(page.locator("#bubble")).to_have_text("Hi Zoë, is this still your number?")
    look(page)
    send_test(page, "+12025559000")
    page.get_by_role("link", name="Close", exact=True).last.click()

    expect(page.get_by_text("The text doesn't say how to opt out.")).to_be_visible()
    expect(page.get_by_text("3 to send to")).to_be_visible()
    look(page)
    page.get_by_role("button", name="Create campaign").click()
    expect(page.locator(".toast")).to_have_text(f"Storm season {width} is Ready.")


@pytest.mark.parametrize(("width", "scheme"), [(DESKTOP, "dark"), (PHONE, "light")])
def test_email_campaign_is_made(
    product: Product, panel_of: Callable[..., Panel], tmp_path: Path, width: int, scheme: str
) -> None:
    panel = panel_of("ben", width=width, scheme=scheme)
    page = begin(panel, f"Newsletter {width}", "Email")
    upload(page, tmp_path, ADDRESSES)
    page.get_by_role("button", name="Import 2 rows").click()
    page.get_by_role("link", name="Continue with 2").click()

    page.get_by_label("From", exact=True).fill("news@example.com")
    page.get_by_label("Subject", exact=True).fill("For ")
    page.get_by_label("Subject", exact=True).press("End")
    page.get_by_role("button", name="{{first name}}").click()
    expect(page.locator("#subject-look")).to_have_text("For Ada <3")
    page.get_by_label("HTML", exact=True).fill(
        "<h1>Hi {{first name}}</h1>\n<script>document.title = 'broken'</script>\n"
    )
    page.get_by_label("HTML", exact=True).press("Control+End")
    page.get_by_role("button", name="Unsubscribe link").click()
    preview = page.frame_locator("iframe[name=preview]")
    expect(preview.get_by_role("heading")).to_have_text("Hi Ada <3")
    expect(preview.get_by_role("link", name="Unsubscribe")).to_be_visible()
    page.get_by_role("button", name="Next contact").click()
    expect(preview.get_by_role("heading")).to_have_text("Hi {{first name}}")
    page.get_by_text("Plain-text part", exact=True).click()
    expect(page.locator("#plain")).to_contain_text("Unsubscribe")

    attach(page, tmp_path)
    expect(page.get_by_label("HTML", exact=True)).to_have_value(re.compile("Unsubscribe</a>$"))
    look(page)
    send_test(page, "sim.delivered@example.com")
    page.get_by_role("link", name="Close", exact=True).last.click()
    expect(page.get_by_text("1 contact has no first name")).to_be_visible()
    expect(page.get_by_text("flyer.pdf")).to_be_visible()
    look(page)
    page.get_by_role("button", name="Create campaign").click()
    expect(page.locator(".toast")).to_have_text(f"Newsletter {width} is Ready.")
    expect(page).not_to_have_title(re.compile("broken"))
    assert [fault for fault in panel.faults if "frame is sandboxed" not in fault] == []
    panel.faults.clear()  # Chromium names each script that the preview did not run


def attach(page: Page, folder: Path) -> None:
    """A flyer, a program that calls itself one, and a note that is taken away again."""
    for name, content in (("flyer.pdf", b"%PDF-1.7"), ("note.txt", b"text")):
        (folder / name).write_bytes(content)
        page.get_by_label("Attachments").set_input_files(folder / name)
        expect(page.locator("#attachments")).to_contain_text(name)
    program = folder / "other.pdf"
    program.write_bytes(b"MZ\x90")
    page.get_by_label("Attachments").set_input_files(program)
    expect(page.locator("#attachments").get_by_role("alert")).to_contain_text("can be run")
    page.get_by_role("button", name="Remove note.txt").click()
    expect(page.locator("#attachments")).not_to_contain_text("note.txt")
    expect(page.locator("#attachments")).to_contain_text("flyer.pdf")


def test_session_that_ends_in_mid_form_costs_nothing(product: Product, panel_of: Callable[..., Panel]) -> None:
    panel = panel_of("ben")
    page = panel.page
    panel.open("/campaigns/new")
    page.get_by_label("Name", exact=True).fill("Ends in the middle")
    page.get_by_role("button", name="Continue to contacts").click()
    draft = page.url.split("/")[4]
    panel.open(f"/campaigns/{draft}/template")
    page.get_by_label("Message", exact=True).fill("Typed for an hour")
    cookies = page.context.cookies()
    page.context.clear_cookies()
    page.get_by_role("button", name="Continue to review").click()
    expect(page.get_by_role("link", name="Sign in")).to_be_visible()
    page.context.add_cookies([{**cookie} for cookie in cookies])  # type: ignore[typeddict-item]  # as they were given
    panel.open(f"/campaigns/{draft}/template")
    expect(page.get_by_label("Message", exact=True)).to_have_value("Typed for an hour")
    page.get_by_role("button", name="Continue to review").click()
    expect(page.get_by_text("It has no contacts yet.")).to_be_visible()
    panel.open(f"/campaigns/{draft}/template")
    expect(page.locator("#kept")).to_be_hidden()
    panel.faults.clear()  # Chromium names the answer to the form of the ended session


def test_typing_that_is_brought_back_does_not_replace_what_others_wrote_meanwhile(
    product: Product, panel_of: Callable[..., Panel]
) -> None:
    campaign_id, _ = product.create(Channel.SMS, 3, name="Written twice")
    ben, alice = panel_of("ben"), panel_of("alice")
    address = f"/campaigns/{campaign_id}/template"
    ben.open(address)
    ben.page.get_by_label("Message", exact=True).fill("What Ben typed. Reply STOP to opt out.")
    ben.open("/campaigns/")
    alice.open(address)
    alice.page.get_by_label("Message", exact=True).fill("What Alice saved. Reply STOP to opt out.")
    alice.page.get_by_role("button", name="Save", exact=True).click()
    expect(alice.page.locator(".toast")).to_have_text("The template is saved.")
    ben.open(address)
    expect(ben.page.get_by_label("Message", exact=True)).to_have_value("What Ben typed. Reply STOP to opt out.")
    ben.page.get_by_role("button", name="Save", exact=True).click()
    expect(ben.page.get_by_text("was changed meanwhile")).to_be_visible()
    assert product.rows("SELECT body FROM campaigns WHERE id = ?", campaign_id) == [
        ("What Alice saved. Reply STOP to opt out.",)
    ]
    ben.faults.clear()  # Chromium names the answer that refuses


def test_file_that_is_too_large_is_not_even_sent(
    product: Product, panel_of: Callable[..., Panel], tmp_path: Path
) -> None:
    panel = panel_of("ben")
    page = panel.page
    panel.open("/campaigns/new")
    page.get_by_label("Name", exact=True).fill("Too large")
    page.get_by_role("button", name="Continue to contacts").click()
    large = tmp_path / "large.csv"
    with large.open("wb") as file:
        file.truncate(51 * 1024 * 1024)
    posted: list[str] = []
    page.on("request", lambda request: posted.append(request.method))
    page.get_by_label("These contacts agreed").check()
    page.get_by_label("Contacts", exact=True).set_input_files(large)
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_text("large.csv has 51.0 MB; 50 MB can be sent here.")).to_be_visible()
    assert "POST" not in posted


def test_what_was_begun_before_the_scripts_came_goes_on_where_it_was(
    product: Product, panel_of: Callable[..., Panel]
) -> None:
    panel = panel_of("ben")
    page = panel.page
    campaign_id, _ = product.create(Channel.EMAIL, 2, name="Slow to load")
    subject = page.get_by_label("Subject", exact=True)

    def after_a_while(route: Route) -> None:
        subject.fill("For ")
        route.continue_()

    page.route("**/js/compose.js", after_a_while)
    panel.open(f"/campaigns/{campaign_id}/template")
    page.get_by_role("button", name="{{city}}").click()
    expect(subject).to_have_value("For {{city}}")


def test_draft_is_discarded_by_its_owner(product: Product, panel_of: Callable[..., Panel]) -> None:
    panel = panel_of("ben")
    page = panel.page
    panel.open("/campaigns/new")
    page.get_by_label("Name", exact=True).fill("Not after all")
    page.get_by_role("button", name="Continue to contacts").click()
    panel.open("/campaigns/?status=draft")
    expect(page.get_by_role("row").filter(has_text="Not after all")).to_contain_text("next: contacts")
    page.get_by_role("link", name="Not after all").click()
    page.get_by_role("link", name="Discard draft…").click()
    page.get_by_label("Type Not after all").fill("not after all")
    page.get_by_role("dialog").get_by_role("button", name=re.compile("^Delete")).click()
    expect(page.locator(".toast")).to_have_text("Not after all is being deleted.")
