"""Where the other processes are: what the environment says, else what they published in `run.json`."""

from jobs.runtime import run_file
from models.config import Config


def redis_url(config: Config) -> str | None:
    """REDIS_URL, or where the embedded server answers; None while that one isn't up.

    Ask again after a lost connection: it is back on the same port, unless somebody took that meanwhile.
    """
    if config.redis_url:
        return config.redis_url
    section = run_file.living(config.var, "redis")
    return str(section["url"]) if section else None


def public_url(config: Config) -> str:
    """PUBLIC_URL, or where web listens on this machine; without a slash at the end."""
    if config.public_url:
        return config.public_url.rstrip("/")
    section = run_file.read(config.var).get("web")
    return str(section["url"]) if section else f"http://127.0.0.1:{config.port}"
