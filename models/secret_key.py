"""The installation's secret: signs links and sessions, and hashes opt-out keys.

Without SECRET_KEY it is made once and kept in `$SIGNALBOX_VAR/secret_key`. Either may hold several with commas between,
the newest first: that one makes, all of them read. Old ones stay for good, as links in emails that were sent do.
"""

import contextlib
import hmac
import os
import secrets

from models.config import Config
from models.errors import NotConfiguredError
from models.words import Channel

_secrets: tuple[bytes, ...] = ()


def load_secret(config: Config) -> None:
    """Take SECRET_KEY from the environment, or the kept one, or make it (safe when several processes start at once).

    Raises NotConfiguredError when there is no secret in it.
    """
    global _secrets  # noqa: PLW0603  # one installation per process
    given = config.variables.get("SECRET_KEY")
    held = given.encode() if given else _kept(config)
    found = tuple(secret for part in held.split(b",") if (secret := part.strip()))
    if not found:
        place = "SECRET_KEY" if given else str(config.var / "secret_key")
        raise NotConfiguredError(f"{place} holds no secret: give SECRET_KEY a long random text.")
    _secrets = found


def derived(purpose: str) -> bytes:
    """A key for one purpose, so that what is signed for one is worth nothing for another."""
    return all_derived(purpose)[0]


def all_derived(purpose: str) -> list[bytes]:
    """The same of every secret, for reading what an older one made; the newest first."""
    assert _secrets, "load_secret comes first"
    return [hmac.digest(secret, purpose.encode(), "sha256") for secret in _secrets]


def opt_out_hashes(channel: Channel | str, recipient_key: str) -> list[str]:
    """The keyed hashes by which the opt-out list knows somebody without keeping the address, one by each secret.

    Who was listed before the newest secret is still known.
    """
    return [derived.hex()[:40] for derived in all_derived(f"opt-out:{channel}:{recipient_key}")]


def _kept(config: Config) -> bytes:
    path = config.var / "secret_key"
    config.var.mkdir(parents=True, exist_ok=True, mode=0o700)
    with contextlib.suppress(FileExistsError):
        draft = path.with_name(f"secret_key.{os.getpid()}")
        draft.touch(mode=0o600)
        draft.write_text(secrets.token_urlsafe(48))
        try:
            os.link(draft, path)  # atomic, and refuses if another process was first
        finally:
            draft.unlink()
    return path.read_bytes()
