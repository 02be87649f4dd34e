"""Triggers, response URLs, views and payloads: the rules that are easy to get wrong, one by one."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from flask import Response, request
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.signature import SignatureVerifier
from slack_sdk.webhook import WebhookClient

from bot.local_slack import AppProfile, LocalSlack, Shortcut
from tests.bolt_hosts import answering, served
from tests.slack_person import Person, eventually

Document = dict[str, Any]
CHANNEL = "C0CAMPAIGNS"
PROFILE = AppProfile(shortcuts=(Shortcut("Retry", "retry"),))


class Listener:
    """An app that keeps what it was sent and answers what it was told to."""

    def __init__(self, slack: LocalSlack) -> None:
        self.slack = slack
        self.got: list[Document] = []
        self.headers: list[dict[str, str]] = []
        self.answers: list[Any] = []
        self.before_answer: Callable[[], None] = lambda: None
        self.verifier = SignatureVerifier(slack.signing_secret)

    def answer(self) -> Response:
        """Take a payload, checking its signature."""
        body = request.get_data()
        assert self.verifier.is_valid_request(body, dict(request.headers))
        self.headers.append(dict(request.headers))
        if request.is_json:
            self.got.append(json.loads(body))
        else:
            form = {name: values[0] for name, values in parse_qs(body.decode(), keep_blank_values=True).items()}
            self.got.append(json.loads(form["payload"]) if "payload" in form else form)
        self.before_answer()
        answer = self.answers.pop(0) if self.answers else None
        if isinstance(answer, int):
            return Response(status=answer)
        return Response(json.dumps(answer), content_type="application/json") if answer is not None else Response()


@pytest.fixture
def slack(tmp_path: Path) -> Iterator[LocalSlack]:
    with LocalSlack(tmp_path, profile=PROFILE) as running:
        yield running


@pytest.fixture
def listener(slack: LocalSlack) -> Iterator[Listener]:
    made = Listener(slack)
    with served(slack, answering(made.answer)):
        yield made


@pytest.fixture
def client(slack: LocalSlack) -> WebClient:
    return WebClient(token=slack.bot_token, base_url=slack.api_url)


@pytest.fixture
def ben(slack: LocalSlack) -> Person:
    return Person(slack, "U0BEN")


def refusal(call: Callable[..., Any], **arguments: Any) -> str:
    with pytest.raises(SlackApiError) as caught:
        call(**arguments)
    return str(caught.value.response["error"])


def plain(text: str) -> Document:
    return {"type": "plain_text", "text": text}


def button(action_id: str, **more: Any) -> Document:
    return {"type": "button", "action_id": action_id, "text": plain("Go"), **more}


def actions(*elements: Document) -> Document:
    return {"type": "actions", "block_id": "acts", "elements": list(elements)}


def modal(title: str = "Title", **more: Any) -> Document:
    entry = {"type": "plain_text_input", "action_id": "typed"}
    blocks = [actions(button("inside")), {"type": "input", "block_id": "entry", "label": plain("L"), "element": entry}]
    return {
        "type": "modal",
        "callback_id": "ours",
        "title": plain(title),
        "submit": plain("Go"),
        "blocks": blocks,
        **more,
    }


def trigger(listener: Listener, ben: Person) -> str:
    """A fresh trigger id."""
    ben.types("/campaign list")
    return str(listener.got[-1]["trigger_id"])


def posted(client: WebClient, *elements: Document, **more: Any) -> None:
    client.chat_postMessage(
        channel=CHANNEL, text="card", blocks=[actions(*elements or (button("go", value="7"),))], **more
    )


class TestTriggers:
    def test_trigger_works_once(self, listener: Listener, ben: Person, client: WebClient) -> None:
        fresh = trigger(listener, ben)
        client.views_open(trigger_id=fresh, view=modal())
        assert refusal(lambda: client.views_open(trigger_id=fresh, view=modal())) == "exchanged_trigger_id"

    def test_trigger_works_at_3_seconds_and_not_after(
        self, slack: LocalSlack, listener: Listener, ben: Person, client: WebClient
    ) -> None:
        first, second = trigger(listener, ben), trigger(listener, ben)
        slack.clock.advance(2)
        client.views_open(trigger_id=first, view=modal())
        slack.clock.advance(1)
        assert refusal(lambda: client.views_open(trigger_id=second, view=modal())) == "expired_trigger_id"

    def test_invented_trigger_is_refused(self, client: WebClient) -> None:
        assert refusal(lambda: client.views_open(trigger_id="1.2.3", view=modal())) == "invalid_trigger_id"

    def test_command_s_trigger_pushes_nothing(self, listener: Listener, ben: Person, client: WebClient) -> None:
        fresh = trigger(listener, ben)
        assert refusal(lambda: client.views_push(trigger_id=fresh, view=modal())) == "invalid_trigger_id"

    def test_malformed_view_is_named_and_spends_nothing(
        self, listener: Listener, ben: Person, client: WebClient
    ) -> None:
        fresh = trigger(listener, ben)
        assert refusal(lambda: client.views_open(trigger_id=fresh, view=modal("x" * 25))) == "invalid_arguments"
        client.views_open(trigger_id=fresh, view=modal())

    def test_large_view_is_refused(self, listener: Listener, ben: Person, client: WebClient) -> None:
        large = modal(blocks=[{"type": "section", "text": plain("x" * 3000)}] * 90)
        assert refusal(lambda: client.views_open(trigger_id=trigger(listener, ben), view=large)) == "view_too_large"


class TestViews:
    def inside(self, listener: Listener, ben: Person) -> str:
        """A trigger from within the topmost modal."""
        ben.clicks(ben.modal(), "inside")
        return str(listener.got[-1]["trigger_id"])

    def test_stack_holds_three_views(self, listener: Listener, ben: Person, client: WebClient) -> None:
        root = client.views_open(trigger_id=trigger(listener, ben), view=modal("1"))["view"]
        for title in "23":
            view = client.views_push(trigger_id=self.inside(listener, ben), view=modal(title))["view"]
        assert (view["root_view_id"], len(ben.modals())) == (root["id"], 3)
        full = self.inside(listener, ben)
        assert refusal(lambda: client.views_push(trigger_id=full, view=modal("4"))) == "push_limit_reached"
        ben.closes()
        assert [one["title"]["text"] for one in ben.modals()] == ["1", "2"]

    def test_stale_hash_is_refused(self, listener: Listener, ben: Person, client: WebClient) -> None:
        old = client.views_open(trigger_id=trigger(listener, ben), view=modal())["view"]
        new = client.views_update(view_id=old["id"], hash=old["hash"], view=modal("2"))["view"]
        assert (
            refusal(client.views_update, view_id=old["id"], hash=old["hash"], view=modal("3")),
            new["hash"] != old["hash"],
        ) == ("hash_conflict", True)

    def test_closed_view_is_not_found(self, listener: Listener, ben: Person, client: WebClient) -> None:
        view = client.views_open(trigger_id=trigger(listener, ben), view=modal())["view"]
        ben.closes()
        assert refusal(lambda: client.views_update(view_id=view["id"], view=modal())) == "not_found"

    def test_external_id_names_one_view(self, listener: Listener, ben: Person, client: WebClient) -> None:
        client.views_open(trigger_id=trigger(listener, ben), view=modal(external_id="ours"))
        client.views_update(external_id="ours", view=modal("2", external_id="ours"))
        assert ben.modal()["title"]["text"] == "2"
        again = self.inside(listener, ben)
        assert refusal(client.views_push, trigger_id=again, view=modal(external_id="ours")) == "duplicate_external_id"

    def test_stale_home_is_refused(self, client: WebClient) -> None:
        home = {"type": "home", "blocks": [{"type": "divider"}]}
        old = client.views_publish(user_id="U0BEN", view=home)["view"]["hash"]
        client.views_publish(user_id="U0BEN", view=home, hash=old)
        assert refusal(client.views_publish, user_id="U0BEN", view=home, hash=old) == "hash_conflict"
        assert refusal(lambda: client.views_publish(user_id="U0BEN", view=modal())) == "invalid_arguments"
        assert refusal(client.views_publish, user_id="U0NOBODY", view=home) == "user_not_found"

    def test_typed_text_outlives_an_update(self, listener: Listener, ben: Person, client: WebClient) -> None:
        view = client.views_open(trigger_id=trigger(listener, ben), view=modal())["view"]
        ben.clicks(ben.modal(), "inside", typed="half a word")
        updated = client.views_update(view_id=view["id"], view=modal("2"))["view"]
        assert updated["state"]["values"]["entry"]["typed"]["value"] == "half a word"


class TestSubmissions:
    def opened(self, listener: Listener, ben: Person, client: WebClient, **more: Any) -> None:
        client.views_open(trigger_id=trigger(listener, ben), view=modal(**more))

    def test_payload_carries_the_whole_view(self, listener: Listener, ben: Person, client: WebClient) -> None:
        self.opened(listener, ben, client, private_metadata="kept")
        ben.submits(typed="text")
        got = listener.got[-1]
        assert {"type", "team", "user", "api_app_id", "token", "trigger_id", "view", "response_urls"} < got.keys()
        assert {"id", "team_id", "type", "blocks", "state", "hash", "root_view_id", "previous_view_id", "app_id"} < (
            got["view"].keys()
        )
        assert (got["type"], got["view"]["type"], got["view"]["private_metadata"]) == (
            "view_submission",
            "modal",
            "kept",
        )
        assert got["view"]["state"]["values"] == {"entry": {"typed": {"type": "plain_text_input", "value": "text"}}}

    @pytest.mark.parametrize(
        ("answer", "titles"),
        [
            (None, []),
            ({"response_action": "clear"}, []),
            ({"response_action": "update", "view": modal("new")}, ["new"]),
            ({"response_action": "push", "view": modal("new")}, ["Title", "new"]),
        ],
    )
    def test_response_action_is_done(
        self, listener: Listener, ben: Person, client: WebClient, answer: Any, titles: list[str]
    ) -> None:
        self.opened(listener, ben, client)
        listener.answers.append(answer)
        assert ben.submits(typed="a").error is None
        assert [view["title"]["text"] for view in ben.modals()] == titles

    @pytest.mark.parametrize(
        "answer",
        [
            {"response_action": "errors", "errors": {"acts": "not an input"}},
            {"response_action": "update", "view": modal("x" * 25)},
            {"response_action": "dance"},
            500,
        ],
    )
    def test_bad_answer_is_trouble_and_leaves_the_modal(
        self, listener: Listener, ben: Person, client: WebClient, answer: Any
    ) -> None:
        self.opened(listener, ben, client)
        listener.answers.append(answer)
        assert str(ben.submits(typed="a").error).startswith("We had some trouble connecting. Try again?")
        assert len(ben.modals()) == 1

    def test_closing_all_says_so(self, listener: Listener, ben: Person, client: WebClient) -> None:
        self.opened(listener, ben, client, notify_on_close=True)
        ben.closes(everything=True)
        assert (listener.got[-1]["type"], listener.got[-1]["is_cleared"]) == ("view_closed", True)


class TestPayloads:
    def test_command_has_all_its_fields(self, slack: LocalSlack, listener: Listener, ben: Person) -> None:
        ben.types("/campaign run “Spring”")
        got = listener.got[0]
        assert (got["command"], got["text"], got["channel_name"]) == ("/campaign", "run “Spring”", "campaigns")
        assert got["response_url"].startswith(f"{slack.url}/commands/")
        assert {"team_id", "team_domain", "user_id", "user_name", "api_app_id", "trigger_id", "token"} < got.keys()

    def test_click_on_a_message_carries_it(self, listener: Listener, ben: Person, client: WebClient) -> None:
        posted(client)
        ben.clicks(ben.latest("card"), "go")
        got = listener.got[0]
        assert got["container"] == {
            "type": "message", "message_ts": got["message"]["ts"], "channel_id": CHANNEL, "is_ephemeral": False,
        }  # fmt: skip
        action = got["actions"][0]
        assert (action["action_id"], action["block_id"], action["value"], action["type"]) == (
            "go",
            "acts",
            "7",
            "button",
        )
        assert {"response_url", "trigger_id", "state", "channel", "enterprise", "is_enterprise_install"} < got.keys()

    def test_click_on_an_ephemeral_lacks_the_message(self, listener: Listener, ben: Person, client: WebClient) -> None:
        client.chat_postEphemeral(channel=CHANNEL, user="U0BEN", text="card", blocks=[actions(button("go"))])
        ben.clicks(ben.latest("card"), "go")
        assert (listener.got[0]["container"]["is_ephemeral"], "message" in listener.got[0]) == (True, False)

    def test_click_in_a_modal_carries_the_view(self, listener: Listener, ben: Person, client: WebClient) -> None:
        client.views_open(trigger_id=trigger(listener, ben), view=modal())
        ben.clicks(ben.modal(), "inside")
        got = listener.got[-1]
        assert got["container"] == {"type": "view", "view_id": got["view"]["id"]}
        assert not {"message", "channel", "response_url"} & got.keys()

    def test_click_in_a_thread_names_the_thread(self, listener: Listener, ben: Person, client: WebClient) -> None:
        ben.types("root")
        root = ben.latest("root")["ts"]
        posted(client, thread_ts=root)
        ben.clicks(ben.latest("card"), "go")
        assert listener.got[0]["container"]["thread_ts"] == root

    def test_message_shortcut_carries_the_message(self, listener: Listener, ben: Person) -> None:
        ben.types("about this")
        ben.chooses_shortcut("retry", ben.latest("about this"))
        got = listener.got[0]
        assert (got["type"], got["callback_id"], got["message"]["text"]) == ("message_action", "retry", "about this")
        assert {"trigger_id", "response_url", "channel", "message_ts", "action_ts"} < got.keys()

    def test_suggestion_carries_what_was_typed(self, listener: Listener, ben: Person, client: WebClient) -> None:
        posted(client, {"type": "external_select", "action_id": "find"})
        listener.answers.append({"options": [{"text": plain("Spring"), "value": "1"}]})
        assert ben.searches(ben.latest("card"), "find", "spr").options["options"][0]["value"] == "1"
        got = listener.got[0]
        assert (got["type"], got["action_id"], got["block_id"], got["value"]) == (
            "block_suggestion",
            "find",
            "acts",
            "spr",
        )

    @pytest.mark.parametrize("answer", [None, {"options": [{"text": plain("a")}]}, 500])
    def test_bad_suggestions_are_an_error(
        self, listener: Listener, ben: Person, client: WebClient, answer: Any
    ) -> None:
        posted(client, {"type": "external_select", "action_id": "find"})
        listener.answers.append(answer)
        assert ben.searches(ben.latest("card"), "find", "spr").error

    def test_more_than_100_suggestions_are_an_error(self, listener: Listener, ben: Person, client: WebClient) -> None:
        posted(client, {"type": "external_select", "action_id": "find"})
        listener.answers.append({"options": [{"text": plain("a"), "value": str(one)} for one in range(101)]})
        assert "no more than 100 items" in str(ben.searches(ben.latest("card"), "find", "spr").error)

    def test_home_opened_event_is_whole(self, listener: Listener, ben: Person) -> None:
        ben.opens_home()
        got = eventually(lambda: listener.got)[0]
        assert (got["type"], got["event"]["type"], got["event"]["tab"]) == ("event_callback", "app_home_opened", "home")
        assert {"event_id", "event_time", "team_id", "api_app_id", "authorizations"} < got.keys()


class TestResponseUrls:
    def url(self, listener: Listener, ben: Person) -> WebhookClient:
        ben.types("/campaign list")
        return WebhookClient(listener.got[-1]["response_url"])

    def clicked(self, listener: Listener, ben: Person, client: WebClient) -> WebhookClient:
        posted(client)
        ben.clicks(ben.latest("card"), "go")
        return WebhookClient(listener.got[-1]["response_url"])

    def test_answer_is_ephemeral_by_default(self, slack: LocalSlack, listener: Listener, ben: Person) -> None:
        assert self.url(listener, ben).send(text="only you").body == "ok"
        assert ben.latest("only you")["ephemeral_to"] == "U0BEN"
        assert Person(slack, "U0VERA").messages() == []

    def test_answer_may_be_for_the_channel(self, slack: LocalSlack, listener: Listener, ben: Person) -> None:
        self.url(listener, ben).send(text="all", response_type="in_channel")
        assert Person(slack, "U0VERA").latest("all")

    def test_fifth_use_works_and_the_sixth_not(self, listener: Listener, ben: Person) -> None:
        url = self.url(listener, ben)
        assert [url.send(text="a").status_code for _ in range(5)] == [200] * 5
        sixth = url.send(text="a")
        assert (sixth.status_code, json.loads(sixth.body)["error"]) == (404, "used_url")

    def test_url_lives_30_minutes(self, slack: LocalSlack, listener: Listener, ben: Person) -> None:
        url = self.url(listener, ben)
        slack.clock.advance(30 * 60 - 1)
        assert url.send(text="a").status_code == 200
        slack.clock.advance(2)
        assert json.loads(url.send(text="a").body)["error"] == "expired_url"

    def test_invented_url_is_refused(self, slack: LocalSlack) -> None:
        assert WebhookClient(f"{slack.url}/actions/T0LOCAL/nonsense").send(text="a").status_code == 404

    def test_original_is_replaced_if_asked_for(self, listener: Listener, ben: Person, client: WebClient) -> None:
        url = self.clicked(listener, ben, client)
        url.send(text="new", replace_original=True)
        assert [message["text"] for message in ben.messages()] == ["new"]

    def test_original_stays_by_default(self, listener: Listener, ben: Person, client: WebClient) -> None:
        self.clicked(listener, ben, client).send(text="new")
        assert [message["text"] for message in ben.messages()] == ["card", "new"]

    def test_ephemeral_is_replaced_where_update_can_not(
        self, listener: Listener, ben: Person, client: WebClient
    ) -> None:
        client.chat_postEphemeral(channel=CHANNEL, user="U0BEN", text="card", blocks=[actions(button("go"))])
        ben.clicks(ben.latest("card"), "go")
        WebhookClient(listener.got[-1]["response_url"]).send(text="new", replace_original=True)
        (message,) = ben.messages()
        assert (message["text"], message["ephemeral_to"]) == ("new", "U0BEN")

    def test_command_has_no_original_to_replace(self, listener: Listener, ben: Person) -> None:
        url = self.url(listener, ben)
        for text in "ab":
            url.send(text=text, replace_original=True)
        assert [message["text"] for message in ben.messages()] == ["a", "b"]

    @pytest.mark.parametrize(
        ("wrong", "error"),
        [
            ({"response_type": "in_channel"}, "no_text"),
            ({"text": "a", "blocks": [{"type": "chart"}]}, "invalid_blocks"),
        ],
    )
    def test_malformed_answer_is_refused(self, listener: Listener, ben: Person, wrong: Document, error: str) -> None:
        answer = self.url(listener, ben).send_dict(wrong)
        assert (answer.status_code, json.loads(answer.body)["error"]) == (400, error)

    def test_url_works_where_the_app_is_no_member(self, slack: LocalSlack, listener: Listener, ben: Person) -> None:
        slack.do(lambda: slack.core.workspace.remove(CHANNEL, "U0BOT"))
        assert self.url(listener, ben).send(text="Invite me").status_code == 200


class TestAcknowledgements:
    def test_acknowledgement_may_be_the_answer(self, listener: Listener, ben: Person) -> None:
        listener.answers.append({"text": "at once"})
        assert ben.types("/campaign help").error is None
        assert ben.latest("at once")["ephemeral_to"] == "U0BEN"

    def test_answer_after_3_seconds_is_late(self, slack: LocalSlack, listener: Listener, ben: Person) -> None:
        posted(WebClient(token=slack.bot_token, base_url=slack.api_url))
        listener.before_answer = lambda: slack.clock.advance(3.1)
        began = time.monotonic()
        assert ben.clicks(ben.latest("card"), "go").error == "operation_timeout"
        assert time.monotonic() - began < 1

    def test_late_suggestions_are_an_error(self, slack: LocalSlack, listener: Listener, ben: Person) -> None:
        posted(
            WebClient(token=slack.bot_token, base_url=slack.api_url), {"type": "external_select", "action_id": "find"}
        )
        listener.answers.append({"options": []})
        listener.before_answer = lambda: slack.clock.advance(3.1)
        assert ben.searches(ben.latest("card"), "find", "spr").error == "operation_timeout"

    def test_late_submission_is_trouble_and_leaves_the_modal(
        self, slack: LocalSlack, listener: Listener, ben: Person
    ) -> None:
        client = WebClient(token=slack.bot_token, base_url=slack.api_url)
        client.views_open(trigger_id=trigger(listener, ben), view=modal())
        listener.before_answer = lambda: slack.clock.advance(3.1)
        assert "operation_timeout" in str(ben.submits(typed="a").error)
        assert len(ben.modals()) == 1

    def test_answer_within_3_seconds_is_in_time(self, slack: LocalSlack, listener: Listener, ben: Person) -> None:
        listener.before_answer = lambda: slack.clock.advance(2.5)
        assert ben.types("/campaign help").error is None

    def test_failing_app_is_told(self, listener: Listener, ben: Person) -> None:
        listener.answers.append(500)
        assert ben.types("/campaign help").error == "dispatch_failed"

    def test_absent_app_is_told(self, slack: LocalSlack, ben: Person) -> None:
        slack.deliver_to("http://127.0.0.1:9/slack/events")
        assert ben.types("/campaign help").error == "dispatch_failed"
        slack.deliver_to(None)
        assert ben.types("/campaign help").error == "dispatch_failed"
