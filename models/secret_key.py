"""The installation's secret: signs links and sessions, and hashes opt-out keys.

Without SECRET_KEY it is made once and kept in `$SIGNALBOX_VAR/secret_key`.
"""

import contextlib
import hashlib
import hmac
import os
import secrets

from models.config import Config
from models.words import Channel

_secret = b""


def load_secret(config: Config) -> None:
    """Take SECRET_KEY from the environment, or the kept one, or make it (safe when several processes start at once)."""
    global _secret  # noqa: PLW0603  # one installation per process
    given = config.variables.get("SECRET_KEY")
    _secret = given.encode() if given else _kept(config)


def derived(purpose: str) -> bytes:
    """A key for one purpose, so that what is signed for one is worth nothing for another."""
    assert _secret, "load_secret comes first"
    return hmac.digest(_secret, purpose.encode(), "sha256")


def opt_out_hash(channel: Channel | str, recipient_key: str) -> str:
    """The keyed hash by which the opt-out list knows somebody without keeping the address."""
    assert _secret, "load_secret comes first"
    return hmac.digest(_secret, f"opt-out:{channel}:{recipient_key}".encode(), hashlib.sha256).hex()[:40]


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
