"""Sample people and campaigns for trying out: numbers and domains reserved for fiction and documentation."""

import random

from models.actors import SYSTEM
from models.clock import now_ms
from models.config import current
from models.contacts.mapping import map_columns
from models.operations import campaigns, importing, people
from models.operations.files import store_file
from models.queries.campaigns import name_is_taken
from models.queries.people import first_org_admin, is_known
from models.words import Channel, Role

PEOPLE = (
    ("Alice", Role.ORG_ADMIN, "U0ALICE"),
    ("Ben", Role.CAMPAIGNER, "U0BEN"),
    ("Vera", Role.VIEWER, "U0VERA"),
)
CONTACTS = 2000
SLACK_CHANNEL = "C0CAMPAIGNS"  # #campaigns of the local Slack
FIRST_NAMES = (
    "Ada",
    "Bo",
    "Chidi",
    "Dana",
    "Farid",
    "Grace",
    "Hiro",
    "Ines",
    "Kofi",
    "Lena",
    "Mei",
    "Noor",
    "Priya",
    "Tove",
)
CITIES = ("Sydney", "Leeds", "Austin", "Lagos", "Oslo", "Porto", "Pune", "Quito", "Riga", "Turin")
# Area codes of real cities; 555-0100 to 555-0199 are reserved for fiction in each (NANPA).
AREA_CODES = (202, 206, 212, 213, 303, 305, 312, 313, 404, 415, 503, 512, 602, 615, 617, 702, 713, 714, 808, 917)
DOMAINS = ("example.com", "example.org", "example.net")  # RFC 2606
SMS_TEXT = "Hi {{first name}}, our spring sale starts in {{city}} on Friday. Reply STOP to opt out."
EMAIL_SUBJECT = "{{first name}}, what is new in {{city}}"
EMAIL_HTML = """<h1>Hello {{first name}}</h1>
<p>Here is what happens in <b>{{city}}</b> this month.</p>
<p><a href="{{unsubscribe_url}}">Unsubscribe</a></p>
"""


def make_samples(*, now: int) -> list[int]:
    """Alice, Ben and Vera, and an SMS and an email campaign that are Ready; returns the campaigns' ids.

    Who is there already stays; campaigns get a number if their names are taken.
    """
    for name, role, slack_id in PEOPLE:
        email = f"{name.lower()}@example.com"
        if not is_known(email):
            people.create_person(email=email, name=name, role=role, slack_id=slack_id, actor=SYSTEM, now=now)
    sms = campaigns.CampaignTemplate(SMS_TEXT)
    letter = campaigns.CampaignTemplate(EMAIL_HTML, EMAIL_SUBJECT, "news@example.com")
    return [
        _make(Channel.SMS, "Spring SMS", sms, _phones()),
        _make(Channel.EMAIL, "June newsletter", letter, _addresses()),
    ]


def _make(channel: Channel, name: str, template: campaigns.CampaignTemplate, recipients: list[str]) -> int:
    dice = random.Random(name)  # noqa: S311  # sample data
    rows = [f"{recipient},{dice.choice(FIRST_NAMES)},{dice.choice(CITIES)}" for recipient in recipients]
    contacts = "\n".join(["recipient,first name,city", *rows, ""]).encode()
    owner = first_org_admin()
    campaign_id = campaigns.create_draft(
        name=_free(name),
        channel=channel,
        owner_id=owner.id if owner else None,
        actor=SYSTEM,
        now=now_ms(),
        slack_channel_id=SLACK_CHANNEL if current().local_mode else None,
    )
    file_id = store_file("sample.csv", "text/csv", [contacts], now=now_ms())
    mapping = map_columns(
        ["recipient", "first name", "city"], destination="recipient", fields=None, searchable=("first name", "city")
    )
    import_id = importing.start_import(
        campaign_id,
        importing.ContactsFile(file_id, mapping, header=True),
        consent=True,
        actor=SYSTEM,
        now=now_ms(),
        by_job=False,
    )
    importing.do_import(import_id, clock=now_ms)
    campaigns.set_template(campaign_id, template, actor=SYSTEM, now=now_ms())
    campaigns.finish_draft(campaign_id, actor=SYSTEM, now=now_ms())
    return campaign_id


def _free(name: str) -> str:
    number, free = 1, name
    while name_is_taken(free):
        number += 1
        free = f"{name} {number}"
    return free


def _phones() -> list[str]:
    numbers = [f"+1{area}55501{line:02}" for area in AREA_CODES for line in range(100)]
    return numbers[:CONTACTS]


def _addresses() -> list[str]:
    return [f"person{number}@{DOMAINS[number % 3]}" for number in range(1, CONTACTS + 1)]
