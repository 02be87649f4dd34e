"""The environment of a process: local mode word by word, what is refused, and what a channel lacks."""

from pathlib import Path

import pytest

from models.config import Config
from models.errors import NotConfiguredError
from models.providers import PROVIDERS
from models.words import Channel

TWILIO = {
    "SMS_PROVIDER": "twilio",
    "TWILIO_ACCOUNT_SID": "AC1",
    "TWILIO_AUTH_TOKEN": "secret",
    "TWILIO_MESSAGING_SERVICE_SID": "MG1",
}
SOCKET_MODE = {"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_APP_TOKEN": "xapp-1"}
OVER_HTTP = {"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_SIGNING_SECRET": "s"}
POSTGRESQL = "postgresql://somebody@db.example.com/signalbox"


def config(**variables: str) -> Config:
    """What these variables say, with one that says nothing so that they are never none."""
    return Config.from_env({"LANG": "C", **variables})


def refusal(**variables: str) -> str:
    with pytest.raises(NotConfiguredError) as refused:
        config(**variables)
    return str(refused.value)


LOCAL = [
    ({}, True),
    ({"SLACK_LOCAL": "1"}, True),
    ({"SLACK_LOCAL": "0"}, False),
    ({"SLACK_LOCAL": "yes"}, True),
    ({"SLACK_LOCAL": ""}, True),
    (SOCKET_MODE, False),
    (OVER_HTTP, False),
    ({"PUBLIC_URL": "https://box.example.com"}, False),
    ({"PUBLIC_URL": ""}, True),
    ({"SMS_PROVIDER": "simulated"}, True),
    ({"SMS_PROVIDER": "simulated", "EMAIL_PROVIDER": "simulated"}, True),
    ({"SMS_PROVIDER": "twilio"}, False),
    ({"EMAIL_PROVIDER": "smtp"}, False),
    ({"SMS_PROVIDER": "simulated", "EMAIL_PROVIDER": "sendgrid"}, False),
    ({"SLACK_LOCAL": "1", "SMS_PROVIDER": "twilio"}, True),
    ({"SLACK_LOCAL": "1", "PUBLIC_URL": "https://box.example.com"}, True),
    ({"SLACK_LOCAL": "0", "SMS_PROVIDER": "simulated"}, False),
    # Credentials without their provider are ignored.
    ({"TWILIO_AUTH_TOKEN": "secret", "SENDGRID_API_KEY": "SG", "SMTP_URL": "smtp://host"}, True),
    ({"DATABASE_URL": POSTGRESQL, "SECRET_KEY": "x", "REDIS_URL": "redis://host"}, True),
]


@pytest.mark.parametrize(("variables", "local"), LOCAL)
def test_local_mode_follows_each_word_of_its_definition(variables: dict[str, str], local: bool) -> None:
    assert config(**variables).local_mode == local


@pytest.mark.parametrize(("local", "scale"), [("1", 60), ("0", 1)])
def test_waits_are_short_in_local_mode_only(local: str, scale: float) -> None:
    assert config(SLACK_LOCAL=local).time_scale == scale
    assert config(SLACK_LOCAL=local, TIME_SCALE="2.5").time_scale == 2.5


def test_channels_are_simulated_in_local_mode_only() -> None:
    assert config().providers == {Channel.SMS: "simulated", Channel.EMAIL: "simulated"}
    assert config(SLACK_LOCAL="0").providers == {}
    assert config(SMS_PROVIDER="twilio").providers == {Channel.SMS: "twilio"}


@pytest.mark.parametrize("slack", [SOCKET_MODE, OVER_HTTP, {**SOCKET_MODE, **OVER_HTTP}])
def test_whole_slack_is_accepted(slack: dict[str, str]) -> None:
    assert not config(**slack).local_mode


HALF_SET = [
    ({"SLACK_BOT_TOKEN": "x"}, "SLACK_SIGNING_SECRET or SLACK_APP_TOKEN"),
    ({"SLACK_SIGNING_SECRET": "x"}, "SLACK_BOT_TOKEN"),
    ({"SLACK_APP_TOKEN": "x"}, "SLACK_BOT_TOKEN"),
    ({"SLACK_APP_TOKEN": "x", "SLACK_SIGNING_SECRET": "x"}, "SLACK_BOT_TOKEN"),
]


@pytest.mark.parametrize("local", [{}, {"SLACK_LOCAL": "0"}])
@pytest.mark.parametrize(("slack", "missing"), HALF_SET)
def test_half_set_slack_names_what_is_missing(slack: dict[str, str], missing: str, local: dict[str, str]) -> None:
    assert refusal(**slack, **local).endswith(f"{missing} is missing.")


@pytest.mark.parametrize("secret", ["SLACK_BOT_TOKEN", "SLACK_SIGNING_SECRET", "SLACK_APP_TOKEN"])
def test_local_slack_beside_a_real_one_is_refused(secret: str) -> None:
    assert secret in refusal(SLACK_LOCAL="1", **{secret: "x"})


@pytest.mark.parametrize("url", [POSTGRESQL, POSTGRESQL.replace("postgresql", "postgres")])
def test_postgresql_needs_a_secret_key(url: str) -> None:
    assert "SECRET_KEY" in refusal(DATABASE_URL=url)
    assert not config(DATABASE_URL=url, SECRET_KEY="x").on_sqlite


def test_database_is_a_file_in_var_by_default(tmp_path: Path) -> None:
    assert config(SIGNALBOX_VAR=str(tmp_path)).database_url == f"sqlite:///{tmp_path}/signalbox.db"
    assert config().on_sqlite


@pytest.mark.parametrize("url", ["mysql://host/name", "signalbox.db"])
def test_unknown_kind_of_database_is_refused(url: str) -> None:
    assert refusal(DATABASE_URL=url).startswith("DATABASE_URL begins with")


@pytest.mark.parametrize("url", ["redis://[::1", "postgresql://ada:secret@[host/name"])
def test_url_that_cannot_be_read_is_named_without_its_password(url: str) -> None:
    name = "REDIS_URL" if url.startswith("redis") else "DATABASE_URL"
    assert refusal(**{name: url}) == f"{name} is not understood: Invalid IPv6 URL."


def test_address_of_a_sqlite_file_has_three_slashes() -> None:
    assert refusal(DATABASE_URL="sqlite://signalbox.db").startswith("DATABASE_URL has three slashes")


@pytest.mark.parametrize("name", ["PORT", "SLACK_LOCAL_PORT"])
@pytest.mark.parametrize("value", ["http", "5000.5", "0x10", "-1", "65536"])
def test_port_must_be_a_whole_number_that_ports_have(name: str, value: str) -> None:
    assert refusal(**{name: value}) == f"{name} is {value!r}; it must be a whole number of 0 to 65535."


@pytest.mark.parametrize("value", ["signalbox.example.org", "//signalbox.example.org", "ftp://example.org"])
def test_public_url_must_be_one_that_browsers_open(value: str) -> None:
    assert refusal(PUBLIC_URL=value).startswith(f"PUBLIC_URL is {value!r}")


@pytest.mark.parametrize("value", ["0", "-1", "fast", "nan", "inf"])
def test_time_scale_must_be_a_number_above_nothing(value: str) -> None:
    assert refusal(TIME_SCALE=value) == f"TIME_SCALE is {value!r}; it must be a number above 0."


@pytest.mark.parametrize("value", ["0", "-1", "fast", "nan", "inf"])
def test_rate_must_be_a_number_above_nothing(value: str) -> None:
    assert refusal(SMS_RATE=value) == (
        f"SMS_RATE is {value!r}. A rate is a number of messages per second, like 40 or 0.5."
    )


def test_slack_channel_must_be_an_id() -> None:
    assert refusal(SLACK_CHANNEL="#campaigns").startswith("SLACK_CHANNEL is '#campaigns'. Give the channel's ID")


def test_settings_have_first_values_only_where_they_are_given() -> None:
    assert config(EMAIL_RATE="12.5").first_settings == {"rate.email": 12.5}


@pytest.mark.parametrize(
    ("name", "value"), [("SMS_PROVIDER", "sendgrid"), ("EMAIL_PROVIDER", "twilio"), ("SMS_PROVIDER", "pigeon")]
)
def test_unknown_provider_is_refused_with_the_known_ones(name: str, value: str) -> None:
    assert refusal(**{name: value}).startswith(f"{name} is {value!r}; it can be ")


def test_channel_without_a_provider_lacks_one() -> None:
    lacks = config(SLACK_LOCAL="0").lacks(Channel.EMAIL)
    assert lacks == "Email is not configured: set EMAIL_PROVIDER to sendgrid or smtp or simulated."


@pytest.mark.parametrize("missing", PROVIDERS["twilio"].credentials)
def test_half_set_provider_lacks_the_variable_by_name(missing: str) -> None:
    variables = {name: value for name, value in TWILIO.items() if name != missing}
    assert config(**variables).lacks(Channel.SMS).endswith(f"SMS_PROVIDER is twilio, but {missing} is not set.")


def test_configured_channel_lacks_nothing() -> None:
    assert config(**TWILIO).lacks(Channel.SMS) == ""
    assert config().lacks(Channel.EMAIL) == ""


def test_given_variables_replace_the_environment_even_if_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PUBLIC_URL", "https://box.example.com")
    assert Config.from_env().public_url == "https://box.example.com"
    assert Config.from_env({}).public_url is None
