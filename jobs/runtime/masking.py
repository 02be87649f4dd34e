"""The edge of logs and reports: what leaves through them shows no address, no number and no secret."""

import re
from collections.abc import Mapping
from contextlib import suppress
from urllib.parse import unquote, urlsplit

from structlog.typing import EventDict, WrappedLogger

from models.addresses import mask
from models.config import SLACK_SECRETS, Config
from models.providers import PROVIDERS

HIDDEN = "[hidden]"
SHORTEST_SECRET = 6  # letters; a shorter one would hide half of every line
_URLS = ("DATABASE_URL", "REDIS_URL", "SMTP_URL", "SENTRY_DSN")
_OF_PROVIDERS = tuple(
    name for traits in PROVIDERS.values() for name in (*traits.credentials, *traits.webhook_variables)
)
_OPEN = ("_SID", "PUBLIC_URL")  # how names end of what everybody may see
_NAMED = ("SECRET_KEY", *SLACK_SECRETS, *(name for name in _OF_PROVIDERS if not name.endswith(_OPEN)))
ADDRESS = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]+(?:@|%40)[\w-]+(?:\.[\w-]+)+")
# As E.164, in a form's encoding, with separators between, or ten digits and more that are part of no word.
NUMBER = re.compile(r"(?:\+|%2B)\d(?:[ .()-]{0,2}\d){6,14}|(?<![\w.:/-])\d{10,15}(?![\w.:-])", re.IGNORECASE)


class Masking:
    """A structlog processor; also masks any text or structure that is given to `value`."""

    def __init__(self, config: Config) -> None:
        self._secrets = sorted(_secrets_of(config.variables), key=len, reverse=True)

    def __call__(self, _logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        return {name: value if name == "timestamp" else self.value(value) for name, value in event.items()}

    def value(self, value: object) -> object:
        """The same without what must not be seen; what is no text, number or structure becomes text."""
        if isinstance(value, str):
            return self.text(value)
        if value is None or isinstance(value, bool | int | float):
            return value
        if isinstance(value, Mapping):
            return {name: self.value(inner) for name, inner in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self.value(inner) for inner in value]
        return self.text(str(value))

    def text(self, text: str) -> str:
        """The text with addresses and numbers masked as Viewers see them, and secrets hidden."""
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
        return NUMBER.sub(lambda found: mask(found[0]), ADDRESS.sub(_masked_address, text))


def _masked_address(found: re.Match[str]) -> str:
    return mask(found[0].replace("%40", "@"))


def _secrets_of(variables: Mapping[str, str]) -> set[str]:
    found = {variables[name] for name in _NAMED if name in variables}
    for name in _URLS:
        with suppress(ValueError):  # what is no URL is refused where it is used
            parts = urlsplit(variables.get(name, ""))
            secrets = (parts.password, parts.username if name == "SENTRY_DSN" else None)
            found |= {form for part in secrets if part for form in (part, unquote(part))}
    return {part for secret in found for part in secret.split(",") if len(part) >= SHORTEST_SECRET}
