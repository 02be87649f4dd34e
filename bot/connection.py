"""How Slack is reached: the environment's workspace, or the local Slack that `run.json` tells of."""

from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import urlsplit

from slack_sdk import WebClient
from slack_sdk.http_retry import HttpRequest, HttpResponse, RetryHandler

from jobs.runtime import run_file
from models.config import Config
from models.operations import tallying
from models.words import Tally

TOO_MANY = HTTPStatus.TOO_MANY_REQUESTS


class _CountsTooMany(RetryHandler):
    """Counts Slack's 429s for `/metrics`, and never lets a call be made again."""

    def _can_retry(self, *, request: HttpRequest, response: HttpResponse | None = None, **_rest: object) -> bool:
        if response is not None and response.status_code == TOO_MANY:
            method = urlsplit(request.url).path.rpartition("/")[2]
            tallying.count({(Tally.SLACK_429, method): 1})
        return False


@dataclass(frozen=True)
class Connection:
    """A bot token, what requests are signed with (HTTP), or an app token (Socket Mode)."""

    token: str
    signing_secret: str
    app_token: str
    api_url: str

    @property
    def by_socket(self) -> bool:
        """Whether requests come over Socket Mode, so that HTTP ones are refused."""
        return bool(self.app_token)

    def client(self) -> WebClient:
        """A Web API client without retries: by itself it would post again when only the answer was lost."""
        return self._client_with(self.token)

    def app_client(self) -> WebClient:
        """The same with the app token, which opens Socket Mode connections and nothing else."""
        return self._client_with(self.app_token)

    def _client_with(self, token: str) -> WebClient:
        return WebClient(token=token, base_url=self.api_url, timeout=10, retry_handlers=[_CountsTooMany()])


def connection(config: Config) -> Connection | None:
    """The connection, or None when Slack is off or the local one isn't up yet."""
    given = config.variables
    if "SLACK_BOT_TOKEN" in given:
        return Connection(
            token=given["SLACK_BOT_TOKEN"],
            signing_secret=given.get("SLACK_SIGNING_SECRET", ""),
            app_token=given.get("SLACK_APP_TOKEN", ""),
            api_url=config.slack_api_url,
        )
    section = run_file.living(config.var, "slack_local") if config.local_mode else None
    if section is None:
        return None
    return Connection(
        token=str(section["token"]),
        signing_secret=str(section["signing_secret"]),
        app_token="",
        api_url=f"{section['url']}/api/",
    )
