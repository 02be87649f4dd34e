"""Days of people who work from Slack: a campaign from nothing to its end, and what goes wrong on the way."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from models.words import Channel
from tests.browser.conftest import PHONE
from tests.browser.desk import CAMPAIGNS, Desk, counts_shown
from tests.crash.product import TEXT, Product
from tests.processes import until

# Last two digits of a number whose owner's fate they choose (SPEC 10, simulated recipients).
INVALID, UNREACHABLE, LOST, REFUSED_ACCOUNT = 1, 3, 51, 60
ENDED = 40.0  # seconds
SLOWLY = 5.0  # messages per second: time enough to press a button
USUAL = 40.0
EXCEL = b"PK\x03\x04\x14\x00\x06\x00\x08\x00"  # how each .xlsx begins

Slack = Callable[..., Desk]


def contacts(area: int, good: int, **numbered: int) -> bytes:
    """A contacts file with numbers of an area: first those with a fate (name=how many), then who gets the message."""
    fates = {"invalid": INVALID, "unreachable": UNREACHABLE, "lost": LOST, "account": REFUSED_ACCOUNT}
    numbers = [f"{200 + at}90{fates[fate]:02}" for fate, n in numbered.items() for at in range(n)]
    numbers += [f"{200 + at}1000" for at in range(good)]
    rows = [f"+1{area}{number},Name {at},Leeds" for at, number in enumerate(numbers)]
    return "\n".join(["phone,name,city", *rows, ""]).encode()


def made(product: Product, name: str, file: bytes) -> int:
    """A Ready campaign of Ben's, at home in #campaigns; returns its id."""
    options = ("--owner", "ben@example.com", "--slack-channel", CAMPAIGNS)
    campaign_id, imported = product.create(Channel.SMS, file.count(b"\n") - 1, *options, name=name, contacts=file)
    assert imported == file.count(b"\n") - 1
    return campaign_id


@contextmanager
def slowly(product: Product) -> Iterator[None]:
    """Meanwhile the provider takes few messages a second."""
    product.change(simulated__speed=SLOWLY)
    try:
        yield
    finally:
        product.change(simulated__speed=USUAL)


def until_all_is_said(product: Product) -> None:
    """Wait until nothing more is to be said in Slack."""
    waiting = "SELECT 1 FROM slack_outbox WHERE state = 'queued'"
    until(lambda: not product.rows(waiting), what="an empty outbox")


def form_from_slack(ben: Desk) -> Page:
    """The panel's form, by the sign-in link that the command brings; a window of its own."""
    ben.types("/campaign create")
    expect(ben.last).to_contain_text("A sign-in link waits in your direct messages.")
    ben.opens_directs()
    with ben.page.context.expect_page() as opened:
        ben.last.get_by_role("link", name="Sign in to the panel").click()
    form = opened.value
    form.get_by_role("button", name="Sign in as Ben").click()
    expect(form.get_by_role("heading", name="New campaign")).to_be_visible()
    return form


def fill_basics(form: Page, name: str) -> None:
    form.get_by_label("Name", exact=True).fill(name)
    form.get_by_label("SMS").check()
    form.get_by_role("button", name="Continue to contacts").click()


def upload(form: Page, file: Path) -> None:
    form.get_by_label("These contacts agreed").check()
    form.get_by_label("Contacts", exact=True).set_input_files(file)
    form.get_by_role("button", name="Upload").click()


def create_in_panel(form: Page, name: str, file: Path) -> None:
    fill_basics(form, name)
    upload(form, file)
    form.get_by_role("button", name=re.compile(r"^Import \d+ rows$")).click()
    form.get_by_role("link", name=re.compile(r"^Continue with ")).click()
    form.get_by_label("Message", exact=True).fill(TEXT)
    form.get_by_role("button", name="Continue to review").click()
    form.get_by_role("button", name="Create campaign").click()
    expect(form.locator(".toast")).to_have_text(f"{name} is Ready.")
    form.close()


def delete(ben: Desk, name: str, messages: int) -> None:
    """By its name, not quite typed at first."""
    ben.types(f"/campaign delete {name}")
    ben.modal.get_by_role("textbox").fill(name[:-1])
    ben.submits(f"Delete {messages} messages")
    expect(ben.modal).to_contain_text(f"To delete it, type its name: {name}")
    ben.modal.get_by_role("textbox").fill(name.upper())
    ben.submits(f"Delete {messages} messages")
    expect(ben.modal).to_contain_text("Deleted.")
    ben.closes()
    expect(ben.told(f"{name} was deleted.")).to_be_visible()


def test_ben_goes_from_nothing_to_a_sent_campaign_and_back(product: Product, slack_of: Slack, tmp_path: Path) -> None:
    name, unreachable = "Storm season", "+14152009003"
    file = tmp_path / "contacts.csv"
    file.write_bytes(contacts(415, 30, unreachable=6, invalid=3, lost=1))
    ben = slack_of("ben")
    ben.types("/campaign")
    expect(ben.last).to_contain_text("/campaign create")
    create_in_panel(form_from_slack(ben), name, file)
    ben.opens("# campaigns")

    ben.runs(name)
    ben.types(f"/campaign status {name}")
    ben.told(name).get_by_role("button", name="Post here").click()
    card = ben.card(name)
    expect(card).to_contain_text("run by Ben")
    expect(card).to_contain_text("Complete (with errors)", timeout=ENDED * 1000)
    [(campaign_id,)] = product.rows("SELECT id FROM campaigns WHERE name = ?", name)
    counts = product.status(campaign_id)["counts"]
    assert (counts["delivered"], counts["failed"], counts["unconfirmed"]) == (30, 9, 1)
    until(lambda: counts_shown(card) == counts, what="the card's last state")

    ben.types(f"/campaign failures {name}")
    expect(ben.last).to_contain_text("Why 9 failed:\nUnreachable 6\nInvalid recipient 3", use_inner_text=True)
    ben.last.get_by_role("button", name="Show samples").click()
    expect(ben.last).to_contain_text("Samples of the last failures")
    expect(ben.last).to_contain_text("+1415")

    card.get_by_role("button", name="Retry…").click()
    expect(ben.modal).to_contain_text("Unreachable: 6")
    ben.submits("Retry 6 messages")
    expect(ben.modal).to_contain_text("6 messages are queued again.")
    ben.closes()
    product.until_ended(campaign_id, seconds=ENDED)

    ben.types(f"/campaign find {unreachable}")
    expect(ben.last).to_contain_text(f"{unreachable}: 1 message · not opted out")
    expect(ben.last).to_contain_text("Failed: Unreachable")
    expect(ben.last).to_contain_text("2 attempts")

    ben.types(f"/campaign export {name} status:failed")
    expect(ben.last).to_contain_text("The file comes to you as a direct message.")
    ben.opens_directs()
    rows = ben.takes_file(name)
    assert {row["status"] for row in rows} == {"failed"}
    assert len(rows) == product.status(campaign_id)["counts"]["failed"]

    ben.opens("# campaigns")
    delete(ben, name, 40)
    until(lambda: not product.rows("SELECT 1 FROM campaigns WHERE id = ?", campaign_id), what="its end")


def test_excel_file_by_another_name_is_refused_in_one_sentence(
    product: Product, slack_of: Slack, tmp_path: Path
) -> None:
    file = tmp_path / "contacts.csv"
    file.write_bytes(EXCEL + bytes(200))
    ben = slack_of("ben")
    form = form_from_slack(ben)
    fill_basics(form, "Not a CSV")
    upload(form, file)
    expect(form.get_by_role("alert")).to_contain_text("an Excel workbook (.xlsx)")
    [(draft_id,)] = product.rows("SELECT id FROM campaigns WHERE name = 'Not a CSV'")
    assert product.rows("SELECT COUNT(*) FROM messages WHERE campaign_id = ?", draft_id) == [(0,)]
    ben.types("/campaign run Not a CSV")
    expect(ben.modal).to_contain_text("Draft")
    ben.closes()


def test_refused_account_fails_the_campaign_and_says_who_can_mend_it(product: Product, slack_of: Slack) -> None:
    name = "Wrong credentials"
    campaign_id = made(product, name, contacts(416, 0, account=8))
    ben = slack_of("ben")
    ben.runs(name)
    expect(ben.card(name)).to_contain_text("the provider refused the account (sim-account). Who can mend it: whoever")
    expect(ben.told(f"{name} is Failed.")).to_have_count(1)

    ben.opens_directs()
    letter = ben.told(f"{name} is Failed.")
    expect(letter).to_contain_text("Who can mend it: whoever looks after the account at the simulated provider")
    letter.get_by_role("button", name="Resume…").click()
    expect(ben.modal).to_contain_text("8 messages go on.")
    ben.submits("Resume 8 messages")
    expect(ben.modal).to_contain_text("8 messages are queued.")
    ben.closes()
    failures = "SELECT COUNT(*) FROM audit WHERE act = 'fail' AND object_id = ?"
    until(lambda: product.rows(failures, campaign_id) == [(2,)], what="the second failure")
    until_all_is_said(product)
    expect(letter).to_have_count(1)


def test_colleague_who_stops_bens_campaign_is_named_to_him_once(product: Product, slack_of: Slack) -> None:
    name = "Interrupted"
    campaign_id = made(product, name, contacts(417, 60))
    ben, alice = slack_of("ben"), slack_of("alice")
    with slowly(product):
        ben.runs(name)
        alice.stops(alice.card(name).get_by_role("button", name="Stop…"))
        expect(alice.last).to_contain_text(f"{name} is stopped")
        product.until_ended(campaign_id, seconds=ENDED)
    expect(ben.card(name)).to_contain_text("Stopped")
    ben.card(name).get_by_role("button", name=re.compile("replies")).click()
    expect(ben.page.locator("aside")).to_contain_text("@Alice stopped it:")
    until_all_is_said(product)
    alice.opens_directs()
    ben.opens_directs()
    expect(ben.told(name)).to_have_count(1)
    expect(ben.told(f"@Alice stopped {name}.")).to_be_visible()
    expect(alice.told(name)).to_have_count(0)


def test_campaign_that_waits_for_the_channel_starts_by_itself(product: Product, slack_of: Slack) -> None:
    first, second = "First of two", "Second of two"
    first_id, second_id = (made(product, name, contacts(area, 30)) for name, area in ((first, 418), (second, 419)))
    ben = slack_of("ben")
    with slowly(product):
        ben.runs(first)
        ben.types(f"/campaign run {second}")
        expect(ben.modal).to_contain_text(f"Two SMS campaigns never run at once. {first} is In Progress")
        ben.confirms_disclaimer()
        ben.submits("Start when SMS is free")
        expect(ben.modal).to_contain_text("It starts as soon as the channel is free")
        ben.closes()
        ben.types(f"/campaign status {second}")
        expect(ben.last).to_contain_text("Runs later: when the channel is free · asked by Ben")
        assert product.phase(second_id) == "ready"
        ben.types(f"/campaign stop {first}")
        ben.stops(ben.last.get_by_role("button", name="Stop…"))
        product.until_ended(first_id, seconds=ENDED)
    product.until_ended(second_id, seconds=ENDED)
    expect(ben.card(second)).to_contain_text("run by Ben")
    expect(ben.card(second)).to_contain_text("Delivered 30")


@pytest.fixture
def held(product: Product) -> tuple[int, str]:
    """A campaign of which so much fails that the guard holds it."""
    name = "Wrong list"
    return made(product, name, contacts(423, 240, unreachable=60)), name


def test_held_campaign_is_told_in_the_channel_and_shows_samples_to_who_asks(
    product: Product, slack_of: Slack, held: tuple[int, str]
) -> None:
    campaign_id, name = held
    ben, vera = slack_of("ben"), slack_of("vera")
    ben.runs(name)
    post = ben.told(f"{name} is Held.")
    expect(post).to_contain_text("most of them Unreachable", timeout=ENDED * 1000)
    expect(post).to_contain_text("Why: Unreachable")
    assert "+1423" not in post.inner_text()
    post.get_by_role("button", name="Show samples").click()
    expect(ben.last).to_contain_text("+1423")
    vera.told(f"{name} is Held.").get_by_role("button", name="Show samples").click()
    expect(vera.last).to_contain_text("Samples of the last failures")
    assert not re.search(r"\+1423\d{7}", vera.last.inner_text())

    post.get_by_role("button", name="Resume…").click()
    ben.modal.get_by_role("button", name=re.compile(r"^Resume \d+ messages$")).click()
    expect(ben.modal).to_contain_text("messages are queued.")
    ben.closes()
    product.until_ended(campaign_id, seconds=ENDED)
    assert product.status(campaign_id)["counts"]["delivered"] == 240


def test_whole_day_goes_on_a_phone(product: Product, slack_of: Slack) -> None:
    name = "From the road"
    campaign_id = made(product, name, contacts(424, 36, unreachable=4))
    ben = slack_of("ben", width=PHONE, scheme="dark")
    card = ben.card(name)
    with slowly(product):
        ben.runs(name)
        assert ben.width <= PHONE
        ben.stops(card.get_by_role("button", name="Stop…"))
        product.until_ended(campaign_id, seconds=ENDED)
    card.get_by_role("button", name="Resume…").click()
    ben.modal.get_by_role("button", name=re.compile(r"^Resume \d+ messages$")).click()
    expect(ben.modal).to_contain_text("messages are queued.")
    ben.closes()
    product.until_ended(campaign_id, seconds=ENDED)
    expect(card).to_contain_text("Complete (with errors)")
    assert ben.width <= PHONE
    card.get_by_role("button", name="Retry…").click()
    ben.submits("Retry 4 messages")
    expect(ben.modal).to_contain_text("4 messages are queued again.")
    ben.closes()
    product.until_ended(campaign_id, seconds=ENDED)
    card.get_by_role("button", name=re.compile("replies")).click()
    expect(ben.page.locator("aside")).to_contain_text("@Ben retried 4 messages.")
    assert ben.width <= PHONE
