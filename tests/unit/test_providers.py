"""What is told of each provider in `models.providers` is what its class in `jobs.providers` can do."""

from pathlib import Path

import pytest

from jobs.providers.base import Asked, Provider
from jobs.providers.registry import PARSERS, REAL, WEBHOOKS, provider_for, provider_to_ask
from jobs.providers.simulated import Simulation
from models.config import PROVIDER_VARIABLES, Config
from models.errors import NotConfiguredError
from models.providers import PROVIDERS, SIMULATED, provider_name
from models.rules.in_doubt import why_not_asked
from models.words import Channel

VARIABLES = {
    "PUBLIC_URL": "https://signals.example.org",
    "SMTP_URL": "smtp://mail.example.org:587",
    **{name: "x" for traits in PROVIDERS.values() for name in traits.credentials if not name.endswith("_URL")},
}
EACH = [(name, channel) for name, traits in PROVIDERS.items() for channel in traits.channels]


def config_of(name: str, channel: Channel, var: Path) -> Config:
    return Config.from_env({**VARIABLES, PROVIDER_VARIABLES[channel]: name, "SIGNALBOX_VAR": str(var)})


def made(name: str, channel: Channel, var: Path) -> Provider:
    return provider_for(channel, config_of(name, channel, var), Simulation())


def test_each_has_a_class_and_no_class_is_unknown() -> None:
    assert {SIMULATED, *REAL} == set(PROVIDERS)


@pytest.mark.parametrize(("name", "channel"), EACH)
def test_each_is_made_for_its_channel(name: str, channel: Channel, tmp_path: Path) -> None:
    provider = made(name, channel, tmp_path)
    assert (provider.name, provider.channel) == (name, channel)


@pytest.mark.parametrize(("name", "channel"), EACH)
def test_who_can_look_up_is_asked_and_the_others_say_why_not(name: str, channel: Channel, tmp_path: Path) -> None:
    can = isinstance(made(name, channel, tmp_path), Asked)
    assert can is not bool(why_not_asked(name, name))
    if can:
        assert provider_to_ask(channel, config_of(name, channel, tmp_path), Simulation()).name == name
        return
    with pytest.raises(NotConfiguredError) as refused:
        provider_to_ask(channel, config_of(name, channel, tmp_path), Simulation())
    assert str(refused.value) == why_not_asked(name, name)


def test_who_looks_up_by_itself_can_be_asked() -> None:
    assert [name for name, traits in PROVIDERS.items() if traits.looks_up and traits.why_not_asked] == []


def test_receipts_come_in_where_a_provider_gives_any() -> None:
    giving = {name for name, traits in PROVIDERS.items() if traits.gives_receipts}
    assert giving == PROVIDERS.keys() & PARSERS.keys()
    posting = {name for name, traits in PROVIDERS.items() if traits.webhook_variables}
    assert posting == PROVIDERS.keys() & {webhook.kept_as for webhook in WEBHOOKS}


def test_provider_is_named_even_if_nobody_knows_it() -> None:
    assert [provider_name(name) for name in ("twilio", "smtp", "pigeon", "")] == [
        "Twilio", "the mail server", "pigeon", "the provider",
    ]  # fmt: skip
