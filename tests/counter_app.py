"""A small bolt app that isn't ours: a counter with a button, a modal and selects, for testing the local Slack."""

import re
from typing import Any

from slack_bolt import App
from slack_sdk import WebClient

from bot.local_slack import AppProfile, Command, LocalSlack, Shortcut

Document = dict[str, Any]

PROFILE = AppProfile(
    name="Counter",
    commands=(Command("/count", "Counts clicks", "[from]"), Command("/late", "Never answers")),
    shortcuts=(Shortcut("Count this", "count_this"), Shortcut("New counter", "new_counter", "global")),
)


def plain(text: str) -> Document:
    """A plain text object."""
    return {"type": "plain_text", "text": text}


def option(text: str) -> Document:
    """An option whose value is its text in lower case."""
    return {"text": plain(text), "value": text.lower()}


def card(count: int) -> list[Document]:
    """The counter's message."""
    danger = {
        "title": plain("Reset?"),
        "text": plain("The count is lost."),
        "confirm": plain("Reset"),
        "deny": plain("Keep"),
    }
    return [
        {"type": "header", "text": plain("Counter")},
        {"type": "section", "text": {"type": "mrkdwn", "text": f"Clicked *{count}* times"}},
        {
            "type": "actions",
            "elements": [
                {
                    "type": "button",
                    "action_id": "add",
                    "text": plain("Add one"),
                    "value": str(count),
                    "style": "primary",
                },
                {"type": "button", "action_id": "reset", "text": plain("Reset"), "style": "danger", "confirm": danger},
                {
                    "type": "static_select",
                    "action_id": "step",
                    "placeholder": plain("Add many"),
                    "options": [option("5"), option("10")],
                },
                {"type": "overflow", "action_id": "more", "options": [option("Open"), option("Remove")]},
            ],
        },
    ]


def form(view_fields: Document | None = None) -> Document:
    """The modal that makes a counter."""
    inputs: list[tuple[str, str, Document]] = [
        ("name", "Name", {"type": "plain_text_input"}),
        ("from", "From", {"type": "number_input", "is_decimal_allowed": False, "initial_value": "0"}),
        ("colour", "Colour", {"type": "external_select", "min_query_length": 1, "placeholder": plain("Type a colour")}),
    ]
    return {
        "type": "modal",
        "callback_id": "new",
        "title": plain("New counter"),
        "submit": plain("Create"),
        "notify_on_close": True,
        "blocks": [
            {
                "type": "input",
                "block_id": name,
                "label": plain(label),
                "optional": name == "colour",
                "element": {"action_id": name, **element},
            }
            for name, label, element in inputs
        ],
        **(view_fields or {}),
    }


def home(tab: str) -> Document:
    """App Home."""
    return {
        "type": "home",
        "blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": f"Opened at {tab}"}}],
    }


def make_counter(slack: LocalSlack) -> App:
    """The app, connected to the local Slack's Web API."""
    app = App(client=WebClient(token=slack.bot_token, base_url=slack.api_url), signing_secret=slack.signing_secret)
    app.command("/count")(count)
    app.command("/late")(lambda: None)
    app.action(re.compile("add|reset|step"))(change)
    app.action("more")(choose)
    app.shortcut(re.compile("new_counter|count_this"))(ask)
    app.options("colour")(colours)
    app.view("new")(create)
    app.view_closed("new")(closed)
    app.event("app_home_opened")(show_home)
    return app


def count(ack: Any, command: Document, client: WebClient) -> None:
    """Post a counter."""
    ack()
    client.chat_postMessage(channel=command["channel_id"], text="Counter", blocks=card(int(command["text"] or 0)))


def change(ack: Any, body: Document, action: Document, client: WebClient) -> None:
    """Count on, or begin anew."""
    ack()
    present = int(body["message"]["blocks"][2]["elements"][0]["value"])
    chosen = (action.get("selected_option") or {}).get("value", 1)
    after = 0 if action["action_id"] == "reset" else present + int(chosen)
    place = body["container"]
    client.chat_update(channel=place["channel_id"], ts=place["message_ts"], text=f"Counter {after}", blocks=card(after))


def choose(ack: Any, body: Document, action: Document, client: WebClient, respond: Any) -> None:
    """Open the form, or take the counter away."""
    ack()
    if action["selected_option"]["value"] == "open":
        client.views_open(trigger_id=body["trigger_id"], view=form())
    else:
        respond(delete_original=True)


def ask(ack: Any, shortcut: Document, client: WebClient) -> None:
    """Open the form, which remembers what it is about."""
    ack()
    about = shortcut.get("message", {}).get("text", "")
    client.views_open(trigger_id=shortcut["trigger_id"], view=form({"private_metadata": about}))


def colours(ack: Any, payload: Document) -> None:
    """Offer the colours with these letters."""
    ack(options=[option(name) for name in ("Red", "Green", "Grey") if payload["value"].lower() in name.lower()])


def create(ack: Any, view: Document, client: WebClient) -> None:
    """Make the counter of the form."""
    values = view["state"]["values"]
    name = values["name"]["name"]["value"]
    if name == "taken":
        ack(response_action="errors", errors={"name": "That name is taken"})
        return
    ack()
    colour = values["colour"]["colour"]["selected_option"]
    text = f"{name}, {colour['text']['text'] if colour else 'no colour'}"
    client.chat_postMessage(channel="C0CAMPAIGNS", text=text, blocks=card(int(values["from"]["from"]["value"])))


def closed(ack: Any, body: Document, client: WebClient) -> None:
    """Say that nothing was made."""
    ack()
    client.chat_postEphemeral(channel="C0CAMPAIGNS", user=body["user"]["id"], text="Nothing was made")


def show_home(event: Document, client: WebClient) -> None:
    """Publish App Home."""
    client.views_publish(user_id=event["user"], view=home(event["tab"]))
