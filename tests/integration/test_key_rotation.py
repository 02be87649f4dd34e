"""A new SECRET_KEY before the old one: what the old one made is still read, and nobody's opt-out is forgotten."""

from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from itsdangerous import URLSafeTimedSerializer

from admin.views.exports import LINKS
from admin.wsgi import create_app
from models import secret_key, unsubscribe
from models.actors import COMMAND_LINE, Actor
from models.config import Config
from models.database import select
from models.errors import NotConfiguredError, NotFoundError
from models.operations import optouts
from models.operations.forgetting import forget_person
from models.queries import ledgers
from models.queries.ledgers import OptOutFilter
from models.queries.refusing import opted_out
from models.words import Channel, MessageStatus, OptOutSource
from tests import engines
from tests.factories import NOW, claim, make_campaign, run, statuses
from tests.integration.panel import Visitor

both_engines = pytest.mark.both_engines
ADA, BO = "+14155550000", "+14155550001"
NEW = "the newest secret of all and long enough to be one"
OLD = "the oldest secret of all and long enough to be one"

Rotate = Callable[[str], None]


@pytest.fixture
def environment() -> dict[str, str]:
    return {"SECRET_KEY": OLD}


@pytest.fixture
def rotate(installation: Config) -> Rotate:
    """Start anew with this SECRET_KEY."""

    def start(secret: str) -> None:
        secret_key.load_secret(Config.from_env({**installation.variables, "SECRET_KEY": secret}))

    start(OLD)
    return start


def listed() -> int:
    return int(select("SELECT COUNT(*) FROM opt_outs WHERE removed_at IS NULL")[0][0])


@both_engines
class TestOptOuts:
    def test_who_opted_out_before_gets_nothing_afterwards(self, rotate: Rotate) -> None:
        optouts.opt_out(Channel.SMS, ADA, actor=COMMAND_LINE, now=NOW)
        rotate(f"{NEW},{OLD}")
        campaign_id = make_campaign(messages=[ADA, BO])
        run(campaign_id)
        assert [one.recipient for one in claim(campaign_id)] == [BO]
        assert statuses(campaign_id)[MessageStatus.OPTED_OUT] == 1

    def test_forgotten_person_stays_opted_out(self, rotate: Rotate, alice: Actor) -> None:
        forget_person(ADA, typed_again=ADA, actor=alice, now=NOW)
        rotate(f"{NEW}, {OLD}")
        assert opted_out(Channel.SMS, [ADA, BO]) == {ADA}

    def test_nobody_is_listed_twice_and_start_takes_back_what_the_old_key_listed(self, rotate: Rotate) -> None:
        optouts.opt_out(Channel.SMS, ADA, actor=COMMAND_LINE, now=NOW)
        rotate(f"{NEW},{OLD}")
        assert not optouts.opt_out(Channel.SMS, ADA, actor=COMMAND_LINE, now=NOW)
        assert optouts.opt_out(Channel.SMS, BO, actor=COMMAND_LINE, now=NOW)
        assert listed() == 2
        optouts.opt_in(Channel.SMS, ADA, actor=COMMAND_LINE, now=NOW)
        optouts.opt_in(Channel.SMS, BO, actor=COMMAND_LINE, now=NOW)
        assert listed() == 0

    def test_forgetting_erases_the_address_that_the_old_key_listed(self, rotate: Rotate, alice: Actor) -> None:
        optouts.opt_out(Channel.SMS, ADA, actor=alice, now=NOW)
        rotate(f"{NEW},{OLD}")
        forget_person(ADA, typed_again=ADA, actor=alice, now=NOW)
        assert select("SELECT recipient_key, source FROM opt_outs") == [(None, OptOutSource.HAND.value)]


class TestLinks:
    def test_link_in_an_email_that_was_sent_still_opts_out(self, rotate: Rotate) -> None:
        sent = unsubscribe.token_of(Channel.EMAIL, "ada@example.com")
        rotate(f"{NEW},{OLD}")
        assert unsubscribe.refuser_of(sent).recipient_key == "ada@example.com"
        new = unsubscribe.token_of(Channel.EMAIL, "ada@example.com")
        assert new != sent
        assert unsubscribe.refuser_of(new).recipient_key == "ada@example.com"
        rotate(NEW)
        with pytest.raises(NotFoundError):
            unsubscribe.refuser_of(sent)

    def test_link_to_an_export_is_read_and_new_ones_are_made_by_the_new_key(self, rotate: Rotate) -> None:
        def links() -> URLSafeTimedSerializer:
            return URLSafeTimedSerializer(secret_key.all_derived(LINKS)[::-1], salt=LINKS)

        old = links().dumps(7)
        rotate(f"{NEW},{OLD}")
        assert links().loads(old) == 7
        new = links().dumps(7)
        rotate(NEW)
        assert links().loads(new) == 7

    def test_who_is_signed_in_stays_so(self, rotate: Rotate, app: Flask, alice: Actor, installation: Config) -> None:
        visitor = Visitor(app).sign_in(alice)
        rotate(f"{NEW},{OLD}")
        engines.let_go()
        again = create_app(installation)
        for name in ("SECRET_KEY", "SECRET_KEY_FALLBACKS"):
            app.config[name] = again.config[name]
        assert visitor.get("/account").status_code == 200


def test_kept_key_may_hold_several_too(tmp_path: Path) -> None:
    variables = {"SIGNALBOX_VAR": str(tmp_path)}
    secret_key.load_secret(Config.from_env(variables))
    kept = tmp_path / "secret_key"
    old = secret_key.derived("links")
    kept.write_text(f"{NEW},{kept.read_text()}\n")
    secret_key.load_secret(Config.from_env(variables))
    assert secret_key.all_derived("links")[1] == old
    assert secret_key.derived("links") != old


@both_engines
def test_search_of_the_list_finds_who_the_old_key_listed(rotate: Rotate, alice: Actor) -> None:
    optouts.opt_out(Channel.SMS, ADA, actor=alice, now=NOW)
    rotate(f"{NEW},{OLD}")
    assert ledgers.count_opt_outs(OptOutFilter(recipient=(Channel.SMS, ADA))) == 1


@pytest.mark.parametrize("given", [",", " , ", " "])
def test_a_secret_key_with_no_secret_in_it_is_refused_at_the_start(tmp_path: Path, given: str) -> None:
    with pytest.raises(NotConfiguredError, match="SECRET_KEY holds no secret"):
        secret_key.load_secret(Config.from_env({"SIGNALBOX_VAR": str(tmp_path), "SECRET_KEY": given}))
