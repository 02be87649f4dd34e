"""What does not belong to somebody: every address that names a thing, every method, every role (SPEC 9).

Who may open an address at all is the other table, in `test_panel_access`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto

import pytest
from flask import Flask
from itsdangerous import URLSafeTimedSerializer

from admin.views.exports import LINKS
from models import secret_key
from models.actors import Actor
from models.tables import Export
from models.words import Channel, Role
from tests.factories import NOW, dump, make_campaign, make_draft, make_ended, message_ids
from tests.integration.panel import Visitor
from tests.integration.test_panel_access import ADMIN, CAMPAIGNER, DOORS, EVERYBODY, ORG_ADMIN, VIEWER


class Thing(Enum):
    """What an address names, and what makes it foreign."""

    DRAFT = auto()  # another's draft: there is none for who is no Admin
    MESSAGE = auto()  # a message of another campaign than the address says: there is none for anybody
    EXPORT = auto()  # another's export: there is none for who is no Admin
    PERSON = auto()  # an Org Admin: only an Org Admin may do anything about one
    NOBODYS = auto()  # belongs to the house: whoever gets past the door may


DRAFT, MESSAGE, EXPORT, PERSON, NOBODYS = Thing
NAMED = {
    ("/campaigns/<id:campaign_id>/", "GET"): DRAFT,
    ("/campaigns/<id:campaign_id>/progress", "GET"): DRAFT,
    ("/campaigns/<id:campaign_id>/summary", "GET"): DRAFT,
    ("/campaigns/<id:campaign_id>/preview", "GET"): DRAFT,
    ("/campaigns/<id:campaign_id>/run", "GET"): DRAFT,
    ("/campaigns/<id:campaign_id>/run", "POST"): DRAFT,
    ("/campaigns/<id:campaign_id>/stop", "GET"): DRAFT,
    ("/campaigns/<id:campaign_id>/stop", "POST"): DRAFT,
    ("/campaigns/<id:campaign_id>/resume", "GET"): DRAFT,
    ("/campaigns/<id:campaign_id>/resume", "POST"): DRAFT,
    ("/campaigns/<id:campaign_id>/look-up", "GET"): DRAFT,
    ("/campaigns/<id:campaign_id>/look-up", "POST"): DRAFT,
    ("/campaigns/<id:campaign_id>/messages/<id:message_id>/look-up", "GET"): MESSAGE,
    ("/campaigns/<id:campaign_id>/messages/<id:message_id>/look-up", "POST"): MESSAGE,
    ("/campaigns/<id:campaign_id>/retry", "GET"): DRAFT,
    ("/campaigns/<id:campaign_id>/retry/selected", "POST"): DRAFT,
    ("/campaigns/<id:campaign_id>/retry/<id:plan_id>", "POST"): DRAFT,
    ("/campaigns/<id:campaign_id>/messages/<id:message_id>", "GET"): MESSAGE,
    ("/campaigns/<id:campaign_id>/messages/<id:message_id>/retry", "GET"): MESSAGE,
    ("/campaigns/<id:campaign_id>/delete", "GET"): DRAFT,
    ("/campaigns/<id:campaign_id>/delete", "POST"): DRAFT,
    ("/campaigns/<id:campaign_id>/export", "POST"): DRAFT,
    ("/campaigns/<id:campaign_id>/flow", "GET"): DRAFT,
    ("/campaigns/<id:campaign_id>/duplicate", "GET"): DRAFT,
    ("/campaigns/<id:campaign_id>/duplicate", "POST"): DRAFT,
    ("/campaigns/<id:campaign_id>/hand-on", "GET"): DRAFT,
    ("/campaigns/<id:campaign_id>/hand-on", "POST"): DRAFT,
    ("/campaigns/<id:campaign_id>/sender", "GET"): DRAFT,
    ("/campaigns/<id:campaign_id>/sender", "POST"): DRAFT,
    ("/campaigns/<id:campaign_id>/start/cancel", "POST"): DRAFT,
    ("/campaigns/<id:campaign_id>/contacts", "GET"): DRAFT,
    ("/campaigns/<id:campaign_id>/contacts", "POST"): DRAFT,
    ("/campaigns/<id:campaign_id>/contacts/columns/<sealed>", "GET"): DRAFT,
    ("/campaigns/<id:campaign_id>/contacts/columns/<sealed>", "POST"): DRAFT,
    ("/campaigns/<id:campaign_id>/contacts/report", "GET"): DRAFT,
    ("/campaigns/<id:campaign_id>/contacts/refused.csv", "GET"): DRAFT,
    ("/campaigns/<id:campaign_id>/template", "GET"): DRAFT,
    ("/campaigns/<id:campaign_id>/template", "POST"): DRAFT,
    ("/campaigns/<id:campaign_id>/template/measure", "POST"): DRAFT,
    ("/campaigns/<id:campaign_id>/template/try", "POST"): DRAFT,
    ("/campaigns/<id:campaign_id>/review", "GET"): DRAFT,
    ("/campaigns/<id:campaign_id>/review", "POST"): DRAFT,
    ("/campaigns/<id:campaign_id>/attachments", "POST"): DRAFT,
    ("/campaigns/<id:campaign_id>/attachments/<id:file_id>/remove", "POST"): DRAFT,
    ("/campaigns/<id:campaign_id>/basics", "GET"): DRAFT,
    ("/campaigns/<id:campaign_id>/basics", "POST"): DRAFT,
    ("/campaigns/<id:campaign_id>/contacts/columns/<sealed>/offer", "POST"): DRAFT,
    ("/campaigns/<id:campaign_id>/template/sizes", "POST"): DRAFT,
    ("/campaigns/<id:campaign_id>/test", "GET"): DRAFT,
    ("/campaigns/<id:campaign_id>/test", "POST"): DRAFT,
    ("/campaigns/<id:campaign_id>/tests/<id:test_id>", "GET"): DRAFT,
    ("/exports/<id:export_id>/again", "POST"): EXPORT,
    ("/exports/<id:export_id>/cancel", "POST"): EXPORT,
    ("/exports/file/<link>", "GET"): EXPORT,
    ("/opt-outs/<id:opt_out_id>/remove", "GET"): NOBODYS,
    ("/opt-outs/<id:opt_out_id>/remove", "POST"): NOBODYS,
    ("/people/<id:person_id>", "GET"): PERSON,
    ("/people/<id:person_id>/role", "POST"): PERSON,
    ("/people/<id:person_id>/slack", "POST"): PERSON,
    ("/people/<id:person_id>/link", "POST"): PERSON,
    ("/people/<id:person_id>/remove", "GET"): PERSON,
    ("/people/<id:person_id>/remove", "POST"): PERSON,
    ("/settings/<name>", "POST"): NOBODYS,
}
# The weakest role for which the thing is there at all; None: for nobody.
REACHES = {DRAFT: ADMIN, MESSAGE: None, EXPORT: ADMIN, PERSON: ORG_ADMIN}
REFUSED = {DRAFT: 404, MESSAGE: 404, EXPORT: 404, PERSON: 403}


@dataclass(frozen=True)
class Foreign:
    """Things that belong to Olga, an Org Admin."""

    draft: int
    campaign: int
    message: int
    export: int
    person: int

    def address(self, rule: str) -> str:
        """The address under a rule that names one of them."""
        campaign = self.campaign if "<id:message_id>" in rule else self.draft
        for part, value in (
            ("<id:campaign_id>", campaign),
            ("<id:message_id>", self.message),
            ("<id:export_id>", self.export),
            ("<id:person_id>", self.person),
            ("<id:file_id>", 999),
            ("<id:test_id>", 999),
            ("<id:plan_id>", 1),
            ("<link>", URLSafeTimedSerializer(secret_key.derived(LINKS), salt=LINKS).dumps(self.export)),
            ("<sealed>", "forged"),
        ):
            rule = rule.replace(part, str(value))
        return rule


@pytest.fixture
def foreign(cast: Callable[[str, Role], Actor]) -> Foreign:
    olga = cast("Olga", Role.ORG_ADMIN)
    campaign_id = make_ended()
    export = {"campaign_id": campaign_id, "campaign_name": "x", "state": "queued", "created_at": NOW}
    export_id = Export.insert(**export, **olga.as_columns()).execute()
    return Foreign(
        draft=make_draft(actor=olga),
        campaign=make_campaign(Channel.EMAIL),
        message=message_ids(campaign_id)[0],
        export=export_id,
        person=olga.person_id or 0,
    )


@pytest.fixture
def staff(app: Flask, cast: Callable[[str, Role], Actor]) -> list[Visitor]:
    """Somebody of each role, weakest first."""
    return [Visitor(app).sign_in(cast(f"Somebody{number}", role)) for number, role in enumerate(Role)]


def test_table_has_every_address_that_names_a_thing_and_no_other() -> None:
    assert {door for door, weakest in DOORS.items() if "<" in door[0] and weakest is not EVERYBODY} == NAMED.keys()


@pytest.mark.parametrize("role", [VIEWER, CAMPAIGNER, ADMIN, ORG_ADMIN])
def test_foreign_things_are_refused_and_stay_as_they_are(staff: list[Visitor], foreign: Foreign, role: int) -> None:
    before, wrong = dump(), []
    for (rule, method), thing in NAMED.items():
        reaches = ORG_ADMIN + 1 if thing is NOBODYS else REACHES[thing]
        if role < DOORS[rule, method] or thing is NOBODYS or (reaches is not None and role >= reaches):
            continue
        path = foreign.address(rule)
        answer = staff[role].get(path) if method == "GET" else staff[role].post(path, role="viewer", slack_id="U0X")
        gone = answer.status_code == 286  # the poll of an open page is told that it is gone, and to ask no more
        if answer.status_code != REFUSED[thing] and not gone:
            wrong.append((method, path, answer.status_code))
    assert wrong == []
    assert dump() == before


@pytest.mark.parametrize("role", [CAMPAIGNER, ADMIN, ORG_ADMIN])
def test_whoever_the_thing_is_there_for_gets_past(staff: list[Visitor], foreign: Foreign, role: int) -> None:
    wrong = []
    for (rule, method), thing in NAMED.items():
        reaches = REACHES.get(thing)
        if method != "GET" or reaches is None or role < reaches or "<link>" in rule or "<sealed>" in rule:
            continue
        answer = staff[role].get(foreign.address(rule))
        if answer.status_code in (403, 500) or "There is no campaign" in answer.text:
            wrong.append((method, rule, answer.status_code))
    assert wrong == []
