"""Which installation this is, so that nobody takes a trial for the real thing or the other way round."""

from collections.abc import Mapping
from dataclasses import dataclass

from models.providers import PROVIDERS, SIMULATED
from models.words import CHANNEL_LABELS, Channel

_NOUNS = {Channel.SMS: "SMS", Channel.EMAIL: "email"}


@dataclass(frozen=True)
class Environment:
    """A mark for every page: a word, what it means, and whether messages reach people."""

    word: str
    meaning: str
    real: bool = False


def environment_of(providers: Mapping[Channel, str], variables: Mapping[str, str]) -> Environment | None:
    """None where nothing is configured, so nothing can be sent at all."""
    simulated = [channel for channel in Channel if providers.get(channel) == SIMULATED]
    if simulated and len(simulated) == len(providers):
        return Environment("Simulated", "no message leaves Signalbox")
    if simulated:
        return Environment(f"{CHANNEL_LABELS[simulated[0]]} simulated", f"no {_NOUNS[simulated[0]]} leaves Signalbox")
    if any(traits.url_variable in variables for traits in PROVIDERS.values()):
        return Environment("Test", "messages go to another address than the provider's")
    return Environment("Production", "messages reach people", real=True) if providers else None
