"""Unsubscribe links: a token stands for a channel and an opt-out key, and for nothing that can be deleted.

The same person gets the same token in every campaign. It is encrypted, so an address in it is not read from a
log of requests, and authenticated, so none can be made up.
"""

import base64
import binascii
from contextlib import suppress
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from models.errors import NotFoundError
from models.secret_key import all_derived
from models.words import Channel

PATH = "/u/"


class Refuser(NamedTuple):
    """Whom a token stands for."""

    channel: Channel
    recipient_key: str


def link(public_url: str, channel: Channel, recipient_key: str) -> str:
    """The address under which somebody opts out of a channel."""
    return f"{public_url}{PATH}{token_of(channel, recipient_key)}"


def token_of(channel: Channel, recipient_key: str) -> str:
    """The token, in letters that an address may have."""
    sealed = _ciphers()[0].encrypt(f"{channel} {recipient_key}".encode(), None)
    return base64.urlsafe_b64encode(sealed).decode().rstrip("=")


def refuser_of(token: str) -> Refuser:
    """Whom `token` stands for. Raises NotFoundError for one that is not ours."""
    try:
        sealed = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        channel, _, key = _opened(sealed).decode().partition(" ")
        return Refuser(Channel(channel), key)
    except (InvalidTag, binascii.Error, ValueError) as foreign:
        raise NotFoundError("This link is not complete. Copy the whole of it from the email.") from foreign


def _opened(sealed: bytes) -> bytes:
    """What is in a token, whichever secret made it; raises InvalidTag if none did."""
    for cipher in _ciphers():
        with suppress(InvalidTag):
            return cipher.decrypt(sealed, None)
    raise InvalidTag


def _ciphers() -> list[AESSIV]:
    """Deterministic (RFC 5297): one link for one person, with no nonce to repeat by accident. The newest first."""
    return [AESSIV(key) for key in all_derived("unsubscribe links")]
