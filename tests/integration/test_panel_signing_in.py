"""Signing in to the panel by password and by link, and how long that lasts."""

from urllib.parse import parse_qs, urlsplit

import pytest
from argon2 import PasswordHasher
from flask import Flask

from admin import sessions
from models.actors import COMMAND_LINE, Actor
from models.clock import now_ms
from models.config import Config
from models.database import execute
from models.errors import NotAllowedError
from models.operations import people, signing_in
from models.words import Role
from tests.factories import MINUTE, NOW, SECOND, rows_of
from tests.integration.house import link_in
from tests.integration.panel import Visitor

PASSWORD = "correct horse battery"
EMAIL = "dora@example.com"
HOME = "198.51.100.7"


@pytest.fixture
def dora(installation: Config) -> int:
    """Dora, Campaigner, who has a password; its hash is a cheap one, so that tries cost little."""
    person_id = people.create_person(email=EMAIL, role=Role.CAMPAIGNER, actor=COMMAND_LINE, now=NOW)
    cheap = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1).hash(PASSWORD)
    execute("UPDATE people SET password_hash = ? WHERE id = ?", cheap, person_id)
    return person_id


def wrong(times: int, *, email: str = EMAIL, address: str = HOME, now: int = NOW) -> None:
    for _ in range(times):
        with pytest.raises(NotAllowedError):
            signing_in.check_password(email, "wrong", address=address, now=now)


class TestPassword:
    def test_right_one_signs_in_to_where_one_wanted(self, app: Flask, dora: int) -> None:
        answer = Visitor(app).post("/login?next=/exports/", email=" Dora@example.com ", password=PASSWORD)
        assert (answer.status_code, answer.headers["Location"]) == (303, "/exports/")
        assert rows_of("audit", "WHERE act = 'sign_in'")[0]["actor_id"] == dora

    def test_all_failures_are_told_in_the_same_words(self, app: Flask, dora: int, alice: Actor) -> None:
        visitor = Visitor(app)
        told = {
            visitor.post("/login", email=email, password="nonsense").text.split('role="alert">')[1].split("</p>")[0]
            for email in (EMAIL, "nobody@example.com", "alice@example.com")
        }
        assert len(told) == 1

    def test_sixth_failure_is_followed_by_a_delay(self, installation: Config, dora: int) -> None:
        wrong(6)
        with pytest.raises(NotAllowedError):
            signing_in.check_password(EMAIL, PASSWORD, address="203.0.113.9", now=NOW + SECOND - 1)
        assert signing_in.check_password(EMAIL, PASSWORD, address="203.0.113.9", now=NOW + SECOND + 1).id == dora

    def test_failures_of_many_accounts_slow_their_address_down(self, installation: Config, dora: int) -> None:
        for number in range(6):
            wrong(1, email=f"guess{number}@example.com")
        with pytest.raises(NotAllowedError):
            signing_in.check_password(EMAIL, PASSWORD, address=HOME, now=NOW)

    @pytest.mark.parametrize(
        ("peer", "forwarded", "address"),
        [
            ("10.0.0.1", {"X-Forwarded-For": f"192.0.2.1, {HOME}"}, HOME),
            ("8.8.8.8", {"X-Forwarded-For": HOME}, "8.8.8.8"),
            ("127.0.0.1", {}, "127.0.0.1"),
        ],
    )
    def test_tries_count_for_who_stands_before_our_proxy(
        self, app: Flask, peer: str, forwarded: dict[str, str], address: str
    ) -> None:
        with app.test_request_context("/login", headers=forwarded, environ_base={"REMOTE_ADDR": peer}):
            assert sessions.network_address() == address

    def test_delay_doubles_up_to_a_quarter_of_an_hour(self) -> None:
        assert [signing_in.delay_after(failures) for failures in (5, 6, 7, 8)] == [0, 1000, 2000, 4000]
        assert signing_in.delay_after(1000) == 15 * MINUTE

    def test_success_forgets_the_accounts_failures(self, installation: Config, dora: int) -> None:
        wrong(5)
        signing_in.check_password(EMAIL, PASSWORD, address="203.0.113.9", now=NOW)
        wrong(5, address="203.0.113.10")
        assert signing_in.check_password(EMAIL, PASSWORD, address="203.0.113.11", now=NOW).id == dora

    def test_neither_address_nor_email_is_kept(self, installation: Config, dora: int) -> None:
        wrong(1)
        kept = str(rows_of("leases"))
        assert EMAIL not in kept
        assert HOME not in kept

    def test_removed_person_is_refused(self, installation: Config, dora: int) -> None:
        execute("UPDATE people SET removed_at = ? WHERE id = ?", NOW, dora)
        with pytest.raises(NotAllowedError):
            signing_in.check_password(EMAIL, PASSWORD, address=HOME, now=NOW)


class TestLink:
    def test_looking_at_it_does_not_use_it_up(self, app: Flask, ben: Actor) -> None:
        token = people.make_sign_in_link("ben@example.com", actor=COMMAND_LINE, now=now_ms())
        visitor = Visitor(app)
        for _ in range(3):
            assert "Sign in as Ben" in visitor.get(f"/login/{token}").text
        assert visitor.post(f"/login/{token}").status_code == 303

    def test_used_expired_and_unknown_ones_get_one_sentence(self, app: Flask, ben: Actor) -> None:
        used, late = (
            people.make_sign_in_link("ben@example.com", actor=COMMAND_LINE, now=now)
            for now in (now_ms(), now_ms() - 16 * MINUTE)
        )
        Visitor(app).post(f"/login/{used}")
        visitor = Visitor(app)
        answers = [visitor.post(f"/login/{token}") for token in (used, late, "unknown")]
        answers += [visitor.get(f"/login/{token}") for token in (used, late, "unknown")]
        assert {answer.status_code for answer in answers} == {403}
        assert all("This link no longer works" in answer.text for answer in answers)


class TestSession:
    def test_cookie_is_for_this_site_and_its_pages_only(self, app: Flask, ben: Actor) -> None:
        visitor = Visitor(app)
        token = people.make_sign_in_link("ben@example.com", actor=COMMAND_LINE, now=now_ms())
        cookie = visitor.post(f"/login/{token}").headers["Set-Cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Lax" in cookie

    @pytest.mark.parametrize(
        ("entry", "age", "good"),
        [
            ("seen_at", sessions.IDLE - SECOND, True),
            ("seen_at", sessions.IDLE + SECOND, False),
            ("begun_at", sessions.LONGEST - SECOND, True),
            ("begun_at", sessions.LONGEST + SECOND, False),
        ],
    )
    def test_it_ends_when_idle_or_old(self, app: Flask, ben: Actor, entry: str, age: int, good: bool) -> None:
        visitor = Visitor(app).sign_in(ben)
        with visitor.client.session_transaction() as kept:
            kept[entry] = now_ms() - age
        assert (visitor.get("/campaigns/").status_code == 200) is good

    def test_what_a_page_asks_by_itself_keeps_nobody_signed_in(self, app: Flask, ben: Actor) -> None:
        visitor = Visitor(app).sign_in(ben)
        with visitor.client.session_transaction() as kept:
            kept["seen_at"] -= 10 * MINUTE
            seen_at = kept["seen_at"]
        visitor.get("/campaigns/", **{"X-Poll": "1"})
        with visitor.client.session_transaction() as kept:
            assert kept["seen_at"] == seen_at

    def test_what_a_page_asks_by_itself_can_bring_no_older_session_back(self, app: Flask, ben: Actor) -> None:
        visitor = Visitor(app).sign_in(ben)
        assert "Set-Cookie" in visitor.get("/campaigns/").headers
        assert "Set-Cookie" not in visitor.get("/campaigns/", **{"X-Poll": "1"}).headers

    def test_form_that_comes_too_late_leads_back_to_its_page(self, app: Flask) -> None:
        form = "/campaigns/5/template?contact=2"
        answer = Visitor(app).client.post("/campaigns/5/template", headers={"Referer": f"http://localhost{form}"})
        assert answer.status_code == 401
        assert parse_qs(urlsplit(link_in(answer.text, "Sign in")).query)["next"] == [form]

    def test_copied_cookie_is_worthless_after_signing_out(self, app: Flask, ben: Actor) -> None:
        visitor = Visitor(app).sign_in(ben)
        cookie = visitor.client.get_cookie("signalbox")
        assert cookie is not None
        assert visitor.post("/logout").status_code == 303
        thief = Visitor(app)
        thief.client.set_cookie("signalbox", cookie.value)
        assert thief.get("/campaigns/").status_code == 302

    def test_demoted_person_has_the_new_role_at_once(self, app: Flask, ben: Actor) -> None:
        visitor = Visitor(app).sign_in(ben)
        assert visitor.get("/campaigns/new").status_code == 200
        execute("UPDATE people SET role = 'viewer' WHERE id = ?", ben.person_id)
        assert visitor.get("/campaigns/new").status_code == 403

    @pytest.mark.parametrize("change", ["removed_at = {}", "sign_ins_before = {}"])
    def test_it_ends_for_who_is_removed_or_signed_out_everywhere(self, app: Flask, ben: Actor, change: str) -> None:
        visitor = Visitor(app).sign_in(ben)
        execute(f"UPDATE people SET {change.format(now_ms() + 1)} WHERE id = ?", ben.person_id)
        assert visitor.get("/campaigns/").status_code == 302

    @pytest.mark.parametrize(
        "wanted", ["//evil.example", "/\\evil.example", "https://evil.example", "/\t/evil.example", "evil", ""]
    )
    def test_signing_in_leads_to_no_other_site(self, app: Flask, dora: int, wanted: str) -> None:
        answer = Visitor(app).post("/login", email=EMAIL, password=PASSWORD, next=wanted)
        assert answer.headers["Location"] == "/"
