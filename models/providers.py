"""The companies that carry messages, as rules, settings and sentences know them; `jobs.providers` knows their ways."""

from collections.abc import Mapping
from dataclasses import dataclass

from models.words import Channel

SIMULATED = "simulated"


@dataclass(frozen=True)
class Traits:
    """What one provider is called in the middle of a sentence, what it carries, and what it can do.

    The `_variables` are of the environment: without `credentials` nothing is sent, without `webhook_variables` no
    receipt reaches us, and `url_variable` leads somewhere else than to the provider itself. `why_not_asked` is a
    sentence for one that nobody can ask what became of a message; one that `looks_up` is asked by itself where the
    answer to a hand-over was lost.
    """

    name: str
    channels: tuple[Channel, ...]
    credentials: tuple[str, ...] = ()
    webhook_variables: tuple[str, ...] = ()
    url_variable: str = ""
    gives_receipts: bool = True
    looks_up: bool = False
    why_not_asked: str = ""

    @property
    def variables(self) -> tuple[str, ...]:
        """All that it reads from the environment."""
        return (*self.credentials, *self.webhook_variables, *filter(None, [self.url_variable]))


PROVIDERS: Mapping[str, Traits] = {
    "twilio": Traits(
        "Twilio",
        (Channel.SMS,),
        credentials=("TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "TWILIO_MESSAGING_SERVICE_SID"),
        webhook_variables=("PUBLIC_URL",),
        url_variable="TWILIO_API_URL",
        looks_up=True,
    ),
    "sendgrid": Traits(
        "SendGrid",
        (Channel.EMAIL,),
        credentials=("SENDGRID_API_KEY",),
        webhook_variables=("PUBLIC_URL", "SENDGRID_WEBHOOK_PUBLIC_KEY"),
        url_variable="SENDGRID_API_URL",
        why_not_asked="SendGrid keeps no list of what became of each mail, so it can't be asked. "
        "Its events still count.",
    ),
    "smtp": Traits(
        "the mail server",
        (Channel.EMAIL,),
        credentials=("SMTP_URL",),
        gives_receipts=False,
        why_not_asked="A mail server keeps no list of what it took, so it can't be asked.",
    ),
    SIMULATED: Traits("the simulated provider", (Channel.SMS, Channel.EMAIL)),
}
LOOKS_UP = frozenset(name for name, traits in PROVIDERS.items() if traits.looks_up)
GIVES_NO_RECEIPTS = frozenset(name for name, traits in PROVIDERS.items() if not traits.gives_receipts)


def providers_of(channel: Channel) -> tuple[str, ...]:
    """Those that carry a channel's messages, as they are offered."""
    return tuple(name for name, traits in PROVIDERS.items() if channel in traits.channels)


def provider_name(provider: str) -> str:
    """In the middle of a sentence; '' is a provider that nobody has named."""
    return PROVIDERS[provider].name if provider in PROVIDERS else provider or "the provider"
