"""The local Slack's Web API through slack_sdk's own client: what works, and what Slack would refuse and how."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from bot.local_slack import AppProfile, LocalSlack
from bot.local_slack.profile import SCOPES
from tests.slack_person import Person

GENERAL, CAMPAIGNS = "C0GENERAL", "C0CAMPAIGNS"


@pytest.fixture
def slack(tmp_path: Path) -> Iterator[LocalSlack]:
    with LocalSlack(tmp_path) as running:
        yield running


@pytest.fixture
def client(slack: LocalSlack) -> WebClient:
    return WebClient(token=slack.bot_token, base_url=slack.api_url)


def refusal(call: Callable[..., Any], *words: str, **arguments: Any) -> str:
    """Slack's word for why the call was refused."""
    with pytest.raises(SlackApiError) as caught:
        call(*words, **arguments)
    return str(caught.value.response["error"])


def without(slack: LocalSlack, scope: str) -> WebClient:
    """A client whose token lacks a scope."""
    slack.core.profile = AppProfile(scopes=tuple(one for one in SCOPES if one != scope))
    return WebClient(token=slack.bot_token, base_url=slack.api_url)


class TestTokens:
    def test_auth_test_names_the_app_and_its_scopes(self, client: WebClient) -> None:
        answer = client.auth_test()
        assert (answer["user_id"], answer["team_id"]) == ("U0BOT", "T0LOCAL")
        assert answer.headers["x-oauth-scopes"] == ",".join(SCOPES)

    def test_unknown_token_is_refused(self, slack: LocalSlack) -> None:
        stranger = WebClient(token="xoxb-nobody", base_url=slack.api_url)
        assert refusal(stranger.auth_test) == "invalid_auth"

    def test_call_without_token_is_refused(self, slack: LocalSlack) -> None:
        assert refusal(WebClient(base_url=slack.api_url).auth_test) == "not_authed"

    def test_revoked_token_is_refused(self, slack: LocalSlack, client: WebClient) -> None:
        slack.core.revoked = True
        assert refusal(client.auth_test) == "token_revoked"

    def test_app_token_calls_no_bot_method(self, slack: LocalSlack) -> None:
        by_app = WebClient(token=slack.app_token, base_url=slack.api_url)
        assert refusal(lambda: by_app.chat_postMessage(channel=GENERAL, text="hi")) == "not_allowed_token_type"

    def test_bot_token_opens_no_connection(self, slack: LocalSlack, client: WebClient) -> None:
        assert refusal(client.apps_connections_open, app_token=slack.bot_token) == "not_allowed_token_type"

    @pytest.mark.parametrize(
        ("scope", "call"),
        [
            ("chat:write", lambda client: client.chat_postMessage(channel=GENERAL, text="hi")),
            ("files:write", lambda client: client.files_getUploadURLExternal(filename="a.csv", length=1)),
            ("im:write", lambda client: client.conversations_open(users="U0BEN")),
            ("users:read", lambda client: client.users_info(user="U0BEN")),
            ("users:read.email", lambda client: client.users_lookupByEmail(email="ben@example.com")),
            ("channels:read", lambda client: client.conversations_info(channel=GENERAL)),
            ("channels:history", lambda client: client.conversations_history(channel=GENERAL)),
        ],
    )
    def test_missing_scope_is_named(self, slack: LocalSlack, scope: str, call: Callable[[WebClient], Any]) -> None:
        with pytest.raises(SlackApiError) as caught:
            call(without(slack, scope))
        answer = caught.value.response
        assert (answer["error"], answer["needed"]) == ("missing_scope", scope)
        assert scope not in answer["provided"].split(",")

    def test_address_is_hidden_without_its_scope(self, slack: LocalSlack) -> None:
        person = without(slack, "users:read.email").users_info(user="U0BEN")["user"]
        assert "email" not in person["profile"]


class TestArguments:
    def test_unknown_method_is_refused(self, client: WebClient) -> None:
        assert refusal(client.api_call, "chat.shout") == "unknown_method"

    def test_missing_argument_is_named(self, client: WebClient) -> None:
        with pytest.raises(SlackApiError) as caught:
            client.api_call("chat.postMessage", json={"text": "hi"})
        assert caught.value.response["error"] == "invalid_arguments"
        assert caught.value.response["response_metadata"]["messages"] == ["[ERROR] missing required field: channel"]

    def test_wrong_type_is_refused(self, client: WebClient) -> None:
        call = {"channel": 7, "text": "hi"}
        assert refusal(client.api_call, "chat.postMessage", json=call) == "invalid_arguments"

    @pytest.mark.parametrize(("body", "error"), [(b"{", "invalid_json"), (b"[]", "json_not_object")])
    def test_broken_json_is_refused(self, slack: LocalSlack, body: bytes, error: str) -> None:
        headers = {"Authorization": f"Bearer {slack.bot_token}", "Content-Type": "application/json"}
        with urlopen(Request(f"{slack.api_url}chat.postMessage", body, headers)) as answer:
            assert json.load(answer)["error"] == error

    def test_blocks_may_come_as_json_in_a_form(self, client: WebClient) -> None:
        blocks = json.dumps([{"type": "divider"}])
        form = {"channel": GENERAL, "text": "hi", "blocks": blocks}
        assert client.api_call("chat.postMessage", data=form)["message"]["blocks"][0]["type"] == "divider"

    def test_blocks_that_are_no_json_are_refused(self, client: WebClient) -> None:
        form = {"channel": GENERAL, "text": "hi", "blocks": "[{"}
        assert refusal(client.api_call, "chat.postMessage", data=form) == "invalid_blocks_format"

    def test_read_methods_ignore_json(self, client: WebClient) -> None:
        assert refusal(client.api_call, "users.info", json={"user": "U0BEN"}) == "invalid_arguments"


class TestPosting:
    def test_posted_message_is_seen_by_people(self, slack: LocalSlack, client: WebClient) -> None:
        metadata = {"event_type": "campaign", "event_payload": {"id": 7}}
        posted = client.chat_postMessage(channel=GENERAL, text="hello", metadata=metadata)
        seen = Person(slack, "U0VERA").latest(channel=GENERAL)
        assert (seen["ts"], seen["text"], seen["metadata"]) == (posted["ts"], "hello", metadata)

    def test_message_without_text_and_blocks_is_refused(self, client: WebClient) -> None:
        assert refusal(client.api_call, "chat.postMessage", json={"channel": GENERAL}) == "no_text"

    def test_unknown_channel_is_refused(self, client: WebClient) -> None:
        assert refusal(client.chat_postMessage, channel="C0NOWHERE", text="hi") == "channel_not_found"

    def test_channel_without_the_app_is_refused(self, slack: LocalSlack, client: WebClient) -> None:
        slack.do(lambda: slack.core.workspace.remove(GENERAL, "U0BOT"))
        assert refusal(client.chat_postMessage, channel=GENERAL, text="hi") == "not_in_channel"

    def test_private_channel_without_the_app_is_unknown(self, slack: LocalSlack, client: WebClient) -> None:
        slack.do(lambda: slack.core.workspace.make_channel("C0SECRET", "secret", ["U0BEN"], is_private=True))
        assert refusal(client.chat_postMessage, channel="C0SECRET", text="hi") == "channel_not_found"

    def test_archived_channel_is_refused(self, slack: LocalSlack, client: WebClient) -> None:
        slack.do(lambda: slack.core.workspace.change_channel(GENERAL, is_archived=True))
        assert refusal(client.chat_postMessage, channel=GENERAL, text="hi") == "is_archived"

    def test_long_text_is_cut_at_40000(self, slack: LocalSlack, client: WebClient) -> None:
        client.chat_postMessage(channel=GENERAL, text="x" * 40_001)
        assert len(Person(slack, "U0BEN").latest(channel=GENERAL)["text"]) == 40_000

    def test_reply_joins_its_thread(self, client: WebClient) -> None:
        root = client.chat_postMessage(channel=GENERAL, text="root")["ts"]
        reply = client.chat_postMessage(channel=GENERAL, text="reply", thread_ts=root)
        assert reply["message"]["thread_ts"] == root

    @pytest.mark.parametrize(
        ("thread_ts", "error"), [("yesterday", "invalid_thread_ts"), ("1700000000.000001", "thread_not_found")]
    )
    def test_unknown_thread_is_refused(self, client: WebClient, thread_ts: str, error: str) -> None:
        assert refusal(client.chat_postMessage, channel=GENERAL, text="a", thread_ts=thread_ts) == error

    def test_malformed_metadata_is_refused(self, client: WebClient) -> None:
        malformed: Any = {"event_type": "campaign"}
        assert (
            refusal(client.chat_postMessage, channel=GENERAL, text="a", metadata=malformed) == "invalid_metadata_format"
        )


class TestEphemerals:
    def test_ephemeral_is_seen_by_one_person_only(self, slack: LocalSlack, client: WebClient) -> None:
        client.chat_postEphemeral(channel=GENERAL, user="U0BEN", text="psst")
        assert [message["text"] for message in Person(slack, "U0BEN").messages(GENERAL)] == ["psst"]
        assert Person(slack, "U0VERA").messages(GENERAL) == []

    def test_person_outside_the_channel_gets_none(self, slack: LocalSlack, client: WebClient) -> None:
        slack.do(lambda: slack.core.workspace.remove(GENERAL, "U0BEN"))
        assert refusal(client.chat_postEphemeral, channel=GENERAL, user="U0BEN", text="psst") == "user_not_in_channel"

    def test_ephemeral_can_be_neither_updated_nor_deleted(self, client: WebClient) -> None:
        ts = client.chat_postEphemeral(channel=GENERAL, user="U0BEN", text="psst")["message_ts"]
        assert refusal(client.chat_update, channel=GENERAL, ts=ts, text="x") == "message_not_found"
        assert refusal(client.chat_delete, channel=GENERAL, ts=ts) == "message_not_found"


class TestChanging:
    DIVIDER = ({"type": "divider"},)

    def test_text_without_blocks_drops_the_blocks(self, client: WebClient) -> None:
        ts = client.chat_postMessage(channel=GENERAL, text="a", blocks=self.DIVIDER)["ts"]
        changed = client.chat_update(channel=GENERAL, ts=ts, text="b")["message"]
        assert (changed["text"], "blocks" in changed, "edited" in changed) == ("b", False, True)

    def test_blocks_without_text_leave_the_old_text(self, client: WebClient) -> None:
        ts = client.chat_postMessage(channel=GENERAL, text="old")["ts"]
        changed = client.api_call("chat.update", json={"channel": GENERAL, "ts": ts, "blocks": list(self.DIVIDER)})[
            "message"
        ]
        assert (changed["text"], len(changed["blocks"]), "edited" in changed) == ("old", 1, False)

    def test_message_of_somebody_else_is_left_alone(self, slack: LocalSlack, client: WebClient) -> None:
        ben = Person(slack, "U0BEN")
        ben.types("mine", GENERAL)
        ts = ben.latest("mine", GENERAL)["ts"]
        assert refusal(client.chat_update, channel=GENERAL, ts=ts, text="yours") == "cant_update_message"
        assert refusal(client.chat_delete, channel=GENERAL, ts=ts) == "cant_delete_message"

    def test_unknown_message_is_refused(self, client: WebClient) -> None:
        assert refusal(client.chat_update, channel=GENERAL, ts="1700000000.000001", text="b") == "message_not_found"

    def test_update_longer_than_4000_is_refused(self, client: WebClient) -> None:
        ts = client.chat_postMessage(channel=GENERAL, text="a")["ts"]
        assert refusal(client.chat_update, channel=GENERAL, ts=ts, text="x" * 4_001) == "msg_too_long"

    def test_deleted_message_is_gone(self, slack: LocalSlack, client: WebClient) -> None:
        ts = client.chat_postMessage(channel=GENERAL, text="a")["ts"]
        link = client.chat_getPermalink(channel=GENERAL, message_ts=ts)["permalink"]
        assert link == f"{slack.url}/archives/{GENERAL}/p{ts.replace('.', '')}"
        client.chat_delete(channel=GENERAL, ts=ts)
        assert refusal(client.chat_getPermalink, channel=GENERAL, message_ts=ts) == "message_not_found"

    def test_message_in_an_archived_channel_is_frozen(self, slack: LocalSlack, client: WebClient) -> None:
        ts = client.chat_postMessage(channel=GENERAL, text="a")["ts"]
        slack.do(lambda: slack.core.workspace.change_channel(GENERAL, is_archived=True))
        assert refusal(client.chat_update, channel=GENERAL, ts=ts, text="b") == "is_inactive"


class TestConversations:
    def test_direct_message_is_opened_once(self, client: WebClient) -> None:
        first = client.conversations_open(users=["U0BEN"])["channel"]["id"]
        assert first == client.conversations_open(users="U0BEN")["channel"]["id"]
        assert client.conversations_info(channel=first)["channel"]["is_im"]

    @pytest.mark.parametrize(
        ("users", "error"),
        [("", "users_list_not_supplied"), ("U0NOBODY", "user_not_found"), ("U0BEN,U0VERA", "missing_scope")],
    )
    def test_wrong_people_open_nothing(self, client: WebClient, users: str, error: str) -> None:
        assert refusal(client.conversations_open, users=users) == error

    def test_membership_is_told(self, slack: LocalSlack, client: WebClient) -> None:
        slack.do(lambda: slack.core.workspace.remove(GENERAL, "U0BOT"))
        found = [client.conversations_info(channel=channel)["channel"] for channel in (GENERAL, CAMPAIGNS)]
        assert {one["name"]: one["is_member"] for one in found} == {"campaigns": True, "general": False}


class TestHistory:
    """conversations.history"""

    def texts(self, client: WebClient, **wanted: Any) -> list[str]:
        return [message["text"] for message in client.conversations_history(channel=GENERAL, **wanted)["messages"]]

    def test_newest_comes_first_and_threads_stay_outside(self, client: WebClient) -> None:
        first = client.chat_postMessage(channel=GENERAL, text="first")["ts"]
        client.chat_postMessage(channel=GENERAL, text="in its thread", thread_ts=first)
        client.chat_postMessage(channel=GENERAL, text="to all", thread_ts=first, reply_broadcast=True)
        client.chat_postMessage(channel=GENERAL, text="last")
        assert self.texts(client) == ["last", "to all", "first"]
        assert self.texts(client, oldest=first) == ["last", "to all"]
        assert client.conversations_history(channel=GENERAL, limit=2)["has_more"]

    def test_ephemeral_messages_never_appear(self, client: WebClient) -> None:
        client.chat_postEphemeral(channel=GENERAL, user="U0BEN", text="psst")
        assert self.texts(client) == []

    def test_metadata_is_kept_and_told_if_asked_for(self, client: WebClient) -> None:
        metadata = {"event_type": "campaign", "event_payload": {"id": 7}}
        client.chat_postMessage(channel=GENERAL, text="card", metadata=metadata)
        (silent,) = client.conversations_history(channel=GENERAL)["messages"]
        (told,) = client.conversations_history(channel=GENERAL, include_all_metadata=True)["messages"]
        assert ("metadata" in silent, told["metadata"]) == (False, metadata)

    def test_channel_without_the_app_tells_nothing(self, slack: LocalSlack, client: WebClient) -> None:
        slack.do(lambda: slack.core.workspace.remove(GENERAL, "U0BOT"))
        assert refusal(client.conversations_history, channel=GENERAL) == "not_in_channel"

    def test_thread_shows_its_root_and_replies(self, client: WebClient) -> None:
        first = client.chat_postMessage(channel=GENERAL, text="first")["ts"]
        reply = client.chat_postMessage(channel=GENERAL, text="reply", thread_ts=first)["ts"]
        client.chat_postMessage(channel=GENERAL, text="elsewhere")
        client.chat_postMessage(channel=GENERAL, text="later", thread_ts=first)
        found = client.conversations_replies(channel=GENERAL, ts=first)["messages"]
        assert [one["text"] for one in found] == ["first", "reply", "later"]
        found = client.conversations_replies(channel=GENERAL, ts=first, oldest=reply)["messages"]
        assert [one["text"] for one in found] == ["first", "later"]
        assert refusal(client.conversations_replies, channel=GENERAL, ts="1.1") == "thread_not_found"

    def test_impossible_limit_is_refused(self, client: WebClient) -> None:
        assert refusal(client.conversations_history, channel=GENERAL, limit=0) == "invalid_limit"


class TestPeople:
    def test_people_are_found_by_id_and_address(self, client: WebClient) -> None:
        found = client.users_lookupByEmail(email="Ben@example.com")["user"]
        assert found == client.users_info(user="U0BEN")["user"]
        assert (found["is_restricted"], found["is_bot"], found["deleted"]) == (False, False, False)

    def test_unknown_people_are_refused(self, client: WebClient) -> None:
        assert refusal(client.users_info, user="U0NOBODY") == "user_not_found"
        assert refusal(client.users_lookupByEmail, email="x@example.com") == "users_not_found"

    def test_guest_is_told_as_one(self, slack: LocalSlack, client: WebClient) -> None:
        slack.do(lambda: slack.core.workspace.put_person("U0BEN", is_restricted=True))
        assert client.users_info(user="U0BEN")["user"]["is_restricted"]


class TestLimits:
    def test_sixth_post_at_once_in_a_channel_is_too_many(self, slack: LocalSlack, client: WebClient) -> None:
        for _ in range(5):
            client.chat_postMessage(channel=GENERAL, text="a")
        with pytest.raises(SlackApiError) as caught:
            client.chat_postMessage(channel=GENERAL, text="a")
        assert (caught.value.response.status_code, caught.value.response["error"]) == (429, "ratelimited")
        assert caught.value.response.headers["Retry-After"] == "1"
        client.chat_postMessage(channel=CAMPAIGNS, text="another channel")
        slack.clock.advance(1)
        client.chat_postMessage(channel=GENERAL, text="a")

    def test_51st_update_in_a_minute_is_too_many(self, slack: LocalSlack, client: WebClient) -> None:
        ts = client.chat_postMessage(channel=GENERAL, text="a")["ts"]
        for _ in range(50):
            client.chat_update(channel=GENERAL, ts=ts, text="b")
        assert refusal(client.chat_update, channel=GENERAL, ts=ts, text="c") == "ratelimited"
        slack.clock.advance(60)
        client.chat_update(channel=GENERAL, ts=ts, text="c")
