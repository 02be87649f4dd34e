"""Doctor asks Slack itself, here the local one, and names the step for whatever is wrong."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from admin.checkup.findings import Finding, Level
from admin.checkup.slack import slack_findings
from admin.wsgi import create_app
from bot.local_slack import AppProfile, Fault, LocalSlack
from jobs import slack_app
from models.config import Config
from models.installation import open_installation
from tests.bolt_hosts import served
from tests.processes import free_port


class Asked:
    """An installation that is connected to a workspace, as its variables say."""

    def __init__(self, slack: LocalSlack, variables: dict[str, str]) -> None:
        self.slack = slack
        self.variables = {**variables, "SLACK_BOT_TOKEN": slack.bot_token, "SLACK_API_URL": slack.api_url}

    def by_http(self, **changed: str) -> list[Finding]:
        """What doctor finds where requests come over HTTP."""
        address = str(self.slack.delivery.request_url).removesuffix("/slack/events")
        mine = {"SLACK_SIGNING_SECRET": self.slack.signing_secret, "PUBLIC_URL": address}
        return self._found({**mine, **changed})

    def by_socket(self, **changed: str) -> list[Finding]:
        """The same over Socket Mode."""
        return self._found({"SLACK_APP_TOKEN": self.slack.app_token, **changed})

    def _found(self, mine: dict[str, str]) -> list[Finding]:
        found = list(slack_findings(Config.from_env({**self.variables, **mine})))
        assert all(finding.step for finding in found if finding.level is not Level.OK)
        return found


@pytest.fixture
def asked(installation: Config, tmp_path: Path) -> Iterator[Asked]:
    """All is well: the token has its scopes, and web answers."""
    profile = AppProfile.from_manifest(slack_app.manifest(by_socket=False))
    with LocalSlack(tmp_path / "slack", profile=profile) as slack:
        made = Asked(slack, dict(installation.variables))
        config = Config.from_env({**made.variables, "SLACK_SIGNING_SECRET": slack.signing_secret})
        open_installation(config)
        with served(slack, create_app(config)):
            yield made


def ill(found: list[Finding]) -> str:
    """The one thing that is not well, as level, sentence and step."""
    (finding,) = [one for one in found if one.level is not Level.OK]
    return f"{finding.level} {finding.sentence}"


def test_a_connected_workspace_is_well_either_way(asked: Asked) -> None:
    for found in (asked.by_http(), asked.by_socket()):
        assert [finding.level for finding in found] == [Level.OK, Level.OK]
    assert "signalbox in Local Slack, with all scopes" in asked.by_http()[0].says


def test_local_mode_and_no_slack_are_not_asked_about(installation: Config) -> None:
    assert list(slack_findings(installation)) == []
    assert list(slack_findings(Config.from_env({**installation.variables, "SLACK_LOCAL": "0"}))) == []


class TestToken:
    def test_refused_one_is_named_with_where_to_copy_it(self, asked: Asked) -> None:
        told = ill(asked.by_socket(SLACK_BOT_TOKEN="xoxb-wrong"))
        assert told.startswith("FAULT Slack: SLACK_BOT_TOKEN is refused: invalid_auth.")
        assert "OAuth & Permissions" in told

    def test_app_token_in_its_place_is_refused_too(self, asked: Asked) -> None:
        assert "not_allowed_token_type" in ill(asked.by_socket(SLACK_BOT_TOKEN=asked.slack.app_token))

    def test_missing_scopes_are_listed(self, asked: Asked) -> None:
        asked.slack.core.profile = AppProfile(scopes=tuple(slack_app.scopes() - {"files:write", "im:write"}))
        told = ill(asked.by_http())
        assert "lacks files:write, im:write." in told
        assert "slack-manifest" in told

    def test_slack_that_is_away_is_a_warning(self, asked: Asked) -> None:
        asked.slack.core.faults.order(Fault("auth.test", status=503))
        assert ill(asked.by_http()).startswith("warning Slack: could not be asked, it answers 503")
        (told,) = {ill([one]) for one in asked.by_socket(SLACK_API_URL=f"http://127.0.0.1:{free_port()}/api/")}
        assert told.startswith("warning Slack: could not be asked")


class TestSocketMode:
    def test_refused_app_token_is_named_with_how_to_make_one(self, asked: Asked) -> None:
        told = ill(asked.by_socket(SLACK_APP_TOKEN="xapp-wrong"))
        assert told.startswith("FAULT Slack: SLACK_APP_TOKEN is refused: invalid_auth.")
        assert "connections:write" in told


class TestRequests:
    def test_no_address_is_a_fault(self, asked: Asked) -> None:
        assert "Set PUBLIC_URL" in ill(asked.by_http(PUBLIC_URL=""))

    def test_address_where_nothing_listens_is_named(self, asked: Asked) -> None:
        told = ill(asked.by_http(PUBLIC_URL=f"http://127.0.0.1:{free_port()}"))
        assert "can't be reached from here" in told

    def test_another_secret_than_webs_is_told(self, asked: Asked) -> None:
        assert "another signing secret" in ill(asked.by_http(SLACK_SIGNING_SECRET="of another app"))

    def test_address_of_something_else_is_told(self, asked: Asked) -> None:
        assert "answers 404" in ill(asked.by_http(PUBLIC_URL=f"{asked.slack.url}/nowhere"))
