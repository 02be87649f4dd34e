"""The bolt app: which listener answers what. One factory for HTTP and Socket Mode."""

import re
from collections.abc import Callable
from typing import Any

import structlog
from slack_bolt import App
from slack_sdk.errors import SlackApiError

from bot import cards, clicks, commands, dialogs
from bot.connection import Connection
from bot.people import actor_of
from bot.replies import Reply, refusal
from models import database
from models.actors import Actor
from models.errors import CampaignError

log = structlog.stdlib.get_logger("signalbox.bot")

Listener = Callable[[Actor, dict[str, Any], Reply], None]
FAULT = "That went wrong on our side and was written down. Nothing was changed by halves; try again."


def create_bolt_app(connection: Connection) -> App:
    """The app with every listener; opens no connection and calls nothing yet."""
    app = App(
        client=connection.client(),
        signing_secret=connection.signing_secret or None,
        token_verification_enabled=False,
        request_verification_enabled=not connection.by_socket,
        raise_error_for_unhandled_request=False,
    )
    app.command(re.compile(r"^/campaign"))(ack=_acknowledge, lazy=[_listen(commands.answer)])
    app.action(re.compile(r".*"))(ack=_acknowledge, lazy=[_listen(clicks.answer)])
    app.view(re.compile(r".*"))(_submission)
    app.event("app_home_opened")(_home)
    return app


def _acknowledge(ack: Callable[..., object]) -> None:
    """Answer Slack at once; the work goes on in a thread of its own."""
    ack()


def _listen(listener: Listener) -> Callable[..., None]:
    """The listener as bolt calls it: with the person behind the request, and no fault without an answer."""

    def listen(body: dict[str, Any], client: Any) -> None:
        reply = Reply(client, body)
        try:
            listener(actor_of(reply.user_id, client), body, reply)
        except CampaignError as refused:
            reply.whisper(refusal(refused))
        except SlackApiError as trouble:
            log.warning("Slack refused", error=trouble.response.get("error"), method=trouble.response.api_url)
            reply.whisper_if_possible(FAULT)
        except Exception:  # the entry of a request: bolt would only log, and the person would see nothing
            log.exception("a listener failed")
            reply.whisper_if_possible(FAULT)
        finally:
            database.release()  # bolt's threads live on, and an idle one must not hold a connection

    return listen


def _home(event: dict[str, Any], client: Any) -> None:
    """Somebody opened the App Home; who is nobody here is told whom to ask."""
    try:
        actor = actor_of(event["user"], client)
    except CampaignError as refused:
        shown = [cards.sentence(refusal(refused))]
    else:
        shown = cards.home_blocks(actor)
    finally:
        database.release()
    client.views_publish(user_id=event["user"], view=cards.home(shown))


def _submission(ack: Callable[..., object], body: dict[str, Any], client: Any) -> None:
    """A dialog was submitted: an error at its input keeps it open, anything else closes it and is told."""
    reply = Reply(client, body)
    try:
        actor = actor_of(reply.user_id, client)
        said = dialogs.submit(actor, body)
    except dialogs.InputError as fault:
        ack(response_action="errors", errors=fault.errors)
        return
    except CampaignError as refused:
        ack(response_action="update", view=dialogs.refused_view(refused))
        return
    except Exception:  # the entry of a request, as above
        log.exception("a submission failed")
        ack(response_action="update", view=dialogs.fault_view(FAULT))
        return
    finally:
        database.release()
    ack()
    reply.tell(said)
