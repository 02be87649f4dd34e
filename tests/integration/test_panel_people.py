"""People's pages and one's own account: letting in and go, roles, links that are shown once."""

import re

import pytest
from flask import Flask

from models.actors import Actor
from models.operations import people
from models.queries.people import person_by_slack_id
from models.tables import Person
from models.words import Role
from tests.factories import make_draft, rows_of
from tests.integration.house import NAUGHTY, Cast, link_in, rows_in
from tests.integration.panel import Visitor

PASSWORD, BETTER = "correct horse battery", "an even longer staple"


@pytest.fixture
def admin(app: Flask, cast: Cast) -> Visitor:
    """The panel as an Admin has it."""
    return Visitor(app).sign_in(cast("Carol", Role.ADMIN))


class TestPeople:
    def test_added_person_signs_in_by_a_link_that_is_shown_once(self, app: Flask, panel: Visitor) -> None:
        answer = panel.post("/people/new", email="Dora@Example.com", name="Dora", role="campaigner")
        assert answer.status_code == 303
        page = answer.headers["Location"]
        shown = panel.post(f"{page}/link").text
        token = re.search(r"/login/([\w-]+)</code>", shown)
        assert token
        assert "/login/" not in panel.get(page).text
        newcomer = Visitor(app)
        assert "Dora" in newcomer.get(f"/login/{token[1]}").text
        assert newcomer.post(f"/login/{token[1]}").status_code == 303
        assert newcomer.get("/campaigns/").status_code == 200
        assert Visitor(app).post(f"/login/{token[1]}").status_code == 403

    @pytest.mark.parametrize(
        ("email", "role", "sentence"),
        [
            ("nonsense", "viewer", "is not an email address"),
            ("alice@example.com", "viewer", "is already a person here"),
            ("dora@example.com", "", "Choose a role"),
            ("dora@example.com", "emperor", "Choose a role"),
            (NAUGHTY, "viewer", "is not an email address"),
        ],
    )
    def test_what_is_wrong_is_said_and_nothing_typed_is_lost(
        self, panel: Visitor, email: str, role: str, sentence: str
    ) -> None:
        answer = panel.post("/people/new", part=True, email=email, name="Dora & Co", role=role)
        assert answer.status_code == 422
        assert sentence in answer.text
        assert "<script>alert" not in answer.text
        assert 'value="Dora &amp; Co"' in answer.text

    def test_role_and_slack_user_are_changed_and_the_change_told(self, panel: Visitor, ben: Actor) -> None:
        panel.post(f"/people/{ben.person_id}/role", role="viewer")
        assert "Now Viewer." in panel.get(f"/people/{ben.person_id}").text
        assert Person.get_by_id(ben.person_id).role == "viewer"
        panel.post(f"/people/{ben.person_id}/slack", slack_id="u0ben")
        assert person_by_slack_id("U0BEN") is not None
        wrong = panel.post(f"/people/{ben.person_id}/slack", slack_id="nonsense")
        assert wrong.status_code == 422
        assert "Copy member ID" in wrong.text

    def test_last_org_admin_stays(self, panel: Visitor, alice: Actor) -> None:
        for path, form in (
            (f"/people/{alice.person_id}/role", {"role": "viewer"}),
            (f"/people/{alice.person_id}/remove", {}),
        ):
            answer = panel.post(path, **form)
            assert answer.status_code == 409
            assert "the last Org Admin" in answer.text
        assert Person.get_by_id(alice.person_id).role == "org_admin"

    def test_removed_person_is_out_at_once(self, app: Flask, panel: Visitor, ben: Actor) -> None:
        make_draft(actor=ben)
        his = Visitor(app).sign_in(ben)
        assert "1 campaign of theirs" in panel.get(f"/people/{ben.person_id}/remove").text
        panel.post(f"/people/{ben.person_id}/remove")
        assert "Ben was removed. Campaigns handed to the first Org Admin: 1." in panel.get("/people/").text
        assert his.get("/campaigns/").status_code == 302
        assert panel.get(f"/people/{ben.person_id}").status_code == 404

    def test_admin_sees_all_and_manages_campaigners_and_viewers(self, admin: Visitor, alice: Actor, ben: Actor) -> None:
        page = admin.get("/people/").text
        assert len(rows_in(page)) == 3
        assert link_in(page, "Ben") == f"/people/{ben.person_id}"
        with pytest.raises(AssertionError):
            link_in(page, "Alice")
        his = admin.get(f"/people/{ben.person_id}").text
        assert "one-time link</button>" not in his
        assert 'value="admin"' not in his
        assert admin.post(f"/people/{ben.person_id}/role", role="admin").status_code == 403
        assert admin.post("/people/new", email="x@example.com", role="org_admin").status_code == 403

    @pytest.mark.parametrize("act", ["", "/role", "/slack", "/remove"])
    def test_admin_can_do_nothing_about_an_org_admin(self, admin: Visitor, alice: Actor, act: str) -> None:
        path, before = f"/people/{alice.person_id}{act}", rows_of("people")
        answers = [admin.post(path, role="viewer", slack_id="U0X")] if act else [admin.get(path)]
        assert [answer.status_code for answer in answers] == [403]
        assert sorted(map(str, rows_of("people"))) == sorted(map(str, before))

    def test_names_from_outside_show_as_themselves(self, panel: Visitor) -> None:
        panel.post("/people/new", email="x@example.com", name=NAUGHTY, role="viewer")
        person = Person.get(Person.email == "x@example.com")
        for path in ("/people/", f"/people/{person.id}", f"/people/{person.id}/remove"):
            page = panel.get(path).text
            assert "<script>alert" not in page
            assert "&lt;script&gt;alert" in page


class TestAccount:
    def test_name_zone_and_muting_are_saved(self, panel: Visitor, alice: Actor) -> None:
        panel.post("/account", name="Alice B.", time_zone="Europe/Berlin", muted="on")
        person = Person.get_by_id(alice.person_id)
        assert (person.name, person.time_zone, person.finished_muted_at is not None) == (
            "Alice B.",
            "Europe/Berlin",
            True,
        )
        panel.post("/account", name="Alice", time_zone="")
        assert Person.get_by_id(alice.person_id).finished_muted_at is None

    def test_unknown_zone_is_refused_and_what_was_typed_stays(self, panel: Visitor) -> None:
        answer = panel.post("/account", name="Alicia", time_zone="Mars/Olympus", muted="on")
        assert answer.status_code == 422
        assert 'value="Alicia"' in answer.text
        assert 'value="Mars/Olympus"' in answer.text
        assert 'name="muted" checked' in answer.text

    def test_password_change_keeps_this_session_and_ends_the_others(self, app: Flask, vera: Actor) -> None:
        here, there = Visitor(app).sign_in(vera), Visitor(app).sign_in(vera)
        assert here.post("/account/password", new=PASSWORD, again=PASSWORD).status_code == 303
        assert here.get("/account").status_code == 200
        assert there.get("/account").status_code == 302
        here = Visitor(app)
        assert here.post("/login", email="vera@example.com", password=PASSWORD).status_code == 303

    def test_wrong_old_password_differing_new_ones_and_a_short_one_are_refused(
        self, panel: Visitor, alice: Actor
    ) -> None:
        Person.update(password_hash=people.hash_password(PASSWORD)).where(Person.id == alice.person_id).execute()
        for form, sentence in (
            ({"old": "wrong", "new": BETTER, "again": BETTER}, "not your present password"),
            ({"old": PASSWORD, "new": BETTER, "again": PASSWORD}, "two new passwords differ"),
            ({"old": PASSWORD, "new": "short", "again": "short"}, "at least 12 characters"),
        ):
            answer = panel.post("/account/password", **form)
            assert answer.status_code == 422
            assert sentence in answer.text
            assert BETTER not in answer.text
