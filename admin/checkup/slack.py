"""Doctor's look at Slack: token, scopes, and the way by which Slack's requests come."""

import json
import time
from collections.abc import Callable, Iterator
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.signature import SignatureVerifier
from slack_sdk.web import SlackResponse

from admin.checkup.findings import Finding, fault, ok, warning
from jobs import slack_app
from models.config import Config

SUBJECT = "Slack"
ANSWER_SECONDS = 5
CHALLENGE = "doctor"
APP = "api.slack.com/apps → your app →"
COPY_TOKEN = f"Copy the Bot User OAuth Token from {APP} OAuth & Permissions into SLACK_BOT_TOKEN, restart web and bot."
COPY_APP_TOKEN = (
    f"Make an app-level token with connections:write under {APP} Basic Information → App-Level Tokens, set "
    f"SLACK_APP_TOKEN to it, and switch Socket Mode on under {APP} Socket Mode."
)
ADD_SCOPES = f"Paste `python -m admin slack-manifest` under {APP} App Manifest, then reinstall the app (Install App)."
COPY_SECRET = f"Copy the Signing Secret from {APP} Basic Information into SLACK_SIGNING_SECRET, restart web and bot."
REACH_SLACK = "Let this machine reach https://slack.com, then ask again."
REACH_WEB = "See that web runs, and that proxy and firewall let PUBLIC_URL through to it."


def slack_findings(config: Config) -> Iterator[Finding]:
    """How Slack stands; nothing when it is off or the project's own."""
    if config.local_mode or not config.slack_is_on:
        return
    yield from _token(config)
    if "SLACK_APP_TOKEN" in config.variables:
        yield _socket(config)
    else:
        yield _requests(config)


def _token(config: Config) -> Iterator[Finding]:
    answer = _asked(lambda: _client(config, "SLACK_BOT_TOKEN").auth_test(), "SLACK_BOT_TOKEN", COPY_TOKEN)
    if isinstance(answer, Finding):
        yield answer
    elif not answer.get("bot_id"):
        yield fault(SUBJECT, "SLACK_BOT_TOKEN is a person's, not a bot's", COPY_TOKEN)
    elif lacking := slack_app.scopes() - _scopes(answer):
        yield fault(SUBJECT, f"the bot token lacks {', '.join(sorted(lacking))}", ADD_SCOPES)
    else:
        yield ok(SUBJECT, f"{answer['user']} in {answer['team']}, with all scopes")


def _scopes(answer: SlackResponse) -> set[str]:
    """What the token may do; slack_sdk keeps the headers as the server spelt them."""
    headers = {str(name).lower(): str(value) for name, value in answer.headers.items()}
    return {scope.strip() for scope in headers.get("x-oauth-scopes", "").split(",")}


def _socket(config: Config) -> Finding:
    client = _client(config, "SLACK_APP_TOKEN")
    token = config.variables["SLACK_APP_TOKEN"]
    answer = _asked(lambda: client.apps_connections_open(app_token=token), "SLACK_APP_TOKEN", COPY_APP_TOKEN)
    return answer if isinstance(answer, Finding) else ok(SUBJECT, "requests come over Socket Mode")


def _requests(config: Config) -> Finding:
    """Whether a signed request to our own address is answered, as one of Slack's would be.

    That the secret is the app's own can't be asked from here: with a wrong one, web answers Slack with 401.
    """
    if config.public_url is None:
        step = "Set PUBLIC_URL to the https address at which web is reached, or use Socket Mode (SLACK_APP_TOKEN)."
        return fault(SUBJECT, "its requests have no address to come to", step)
    url = f"{config.public_url.rstrip('/')}/slack/events"
    try:
        with urlopen(_verification(url, config), timeout=ANSWER_SECONDS) as response:  # noqa: S310  # our own address
            answered = response.read(100).decode(errors="replace")
    except HTTPError as refused:
        refused.close()
        return _refused(url, refused.code)
    except (OSError, HTTPException, ValueError) as trouble:
        return fault(SUBJECT, f"{url} can't be reached from here: {trouble}", REACH_WEB)
    if CHALLENGE not in answered:
        return fault(SUBJECT, f"{url} is answered by something else", REACH_WEB)
    return ok(SUBJECT, f"requests come to {url}; should they get 401 there, SLACK_SIGNING_SECRET is another app's")


def _refused(url: str, status: int) -> Finding:
    if status == 401:
        return fault(SUBJECT, f"web has another signing secret than this environment, {url} answers 401", COPY_SECRET)
    if status == 404:
        step = f"Start web with the same variables as here. {REACH_WEB}"
        return fault(SUBJECT, f"{url} answers 404: Slack is off there, or in Socket Mode", step)
    return fault(SUBJECT, f"{url} answers {status}", REACH_WEB)


def _verification(url: str, config: Config) -> Request:
    """The request by which Slack asks whether an address is ours."""
    body, at = json.dumps({"type": "url_verification", "challenge": CHALLENGE}), str(int(time.time()))
    signature = SignatureVerifier(config.variables["SLACK_SIGNING_SECRET"]).generate_signature(timestamp=at, body=body)
    headers = {"X-Slack-Request-Timestamp": at, "X-Slack-Signature": str(signature)}
    return Request(url, body.encode(), {"Content-Type": "application/json", **headers})  # noqa: S310  # as above


def _client(config: Config, variable: str) -> WebClient:
    return WebClient(
        config.variables[variable], base_url=config.slack_api_url, timeout=ANSWER_SECONDS, retry_handlers=[]
    )


def _asked(call: Callable[[], Any], variable: str, step: str) -> SlackResponse | Finding:
    """Slack's answer, or why there is none."""
    try:
        answer: SlackResponse = call()
    except SlackApiError as refused:
        if refused.response.status_code == 200:
            return fault(SUBJECT, f"{variable} is refused: {refused.response.get('error')}", step)
        return warning(SUBJECT, f"could not be asked, it answers {refused.response.status_code}", "Ask again later.")
    except (SlackClientError, OSError, HTTPException) as trouble:
        return warning(SUBJECT, f"could not be asked: {trouble}", REACH_SLACK)
    return answer
