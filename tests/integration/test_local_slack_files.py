"""Files by the external upload flow, as slack_sdk's files_upload_v2 and as its parts."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from bot.local_slack import LocalSlack
from tests.slack_person import Person


@pytest.fixture
def slack(tmp_path: Path) -> Iterator[LocalSlack]:
    with LocalSlack(tmp_path) as running:
        yield running


@pytest.fixture
def client(slack: LocalSlack) -> WebClient:
    return WebClient(token=slack.bot_token, base_url=slack.api_url)


@pytest.fixture
def direct(client: WebClient) -> str:
    """The direct message with Ben."""
    return str(client.conversations_open(users="U0BEN")["channel"]["id"])


def refusal(call: Callable[..., Any], **arguments: Any) -> str:
    with pytest.raises(SlackApiError) as caught:
        call(**arguments)
    return str(caught.value.response["error"])


def upload(client: WebClient, content: bytes, length: int | None = None) -> str:
    """Announce and send a file; its id."""
    announced = client.files_getUploadURLExternal(filename="a.csv", length=length or len(content))
    urlopen(Request(announced["upload_url"], content, {"Content-Type": "application/octet-stream"})).close()
    return str(announced["file_id"])


def status(url: str, **headers: str) -> int:
    try:
        with urlopen(Request(url, headers=headers)) as answer:
            return int(answer.status)
    except HTTPError as error:
        error.close()
        return error.code


def test_uploaded_file_reaches_the_person(slack: LocalSlack, client: WebClient, direct: str) -> None:
    shared = client.files_upload_v2(
        content="a,b\n1,2\n", filename="a.csv", title="Export", channel=direct, initial_comment="Here"
    )
    (message,) = Person(slack, "U0BEN").direct_messages()
    (file,) = message["files"]
    assert (message["text"], file["title"], file["name"], file["size"]) == ("Here", "Export", "a.csv", 8)
    info = client.files_info(file=shared["file"]["id"])["file"]
    assert info["shares"]["private"][direct][0]["ts"] == message["ts"]


def test_content_needs_the_token(slack: LocalSlack, client: WebClient, direct: str) -> None:
    file_id = client.files_upload_v2(content="a", filename="a.csv", channel=direct)["file"]["id"]
    url = client.files_info(file=file_id)["file"]["url_private"]
    assert status(url) == 403
    assert status(url, Authorization=f"Bearer {slack.bot_token}") == 200


def test_page_gives_the_file_to_members_only(slack: LocalSlack, client: WebClient, direct: str) -> None:
    file_id = client.files_upload_v2(content="a", filename="a.csv", channel=direct)["file"]["id"]
    assert [status(f"{slack.url}/ui/files/{file_id}?as={user}") for user in ("U0BEN", "U0VERA")] == [200, 404]


def test_deleted_file_is_gone_everywhere(slack: LocalSlack, client: WebClient, direct: str) -> None:
    file_id = client.files_upload_v2(content="a", filename="a.csv", channel=direct)["file"]["id"]
    client.files_delete(file=file_id)
    assert refusal(client.files_info, file=file_id) == "file_deleted"
    assert refusal(client.files_delete, file=file_id) == "file_deleted"
    assert Person(slack, "U0BEN").direct_messages()[0]["files"] == [{"id": file_id, "mode": "tombstone"}]
    assert status(f"{slack.url}/ui/files/{file_id}?as=U0BEN") == 404


def test_person_is_no_channel_for_files(client: WebClient) -> None:
    file_id = upload(client, b"a")
    assert (
        refusal(client.files_completeUploadExternal, files=[{"id": file_id}], channel_id="U0BEN") == "channel_not_found"
    )


def test_file_needs_the_app_in_the_channel(slack: LocalSlack, client: WebClient) -> None:
    slack.do(lambda: slack.core.workspace.remove("C0GENERAL", "U0BOT"))
    assert refusal(client.files_upload_v2, content="a", filename="a.csv", channel="C0GENERAL") == "not_in_channel"


def test_file_that_was_not_sent_is_not_shared(client: WebClient, direct: str) -> None:
    file_id = client.files_getUploadURLExternal(filename="a.csv", length=1)["file_id"]
    assert refusal(client.files_completeUploadExternal, files=[{"id": file_id}], channel_id=direct) == "file_not_found"


def test_other_length_than_announced_is_refused(client: WebClient) -> None:
    with pytest.raises(HTTPError) as caught:
        upload(client, b"abc", length=2)
    caught.value.close()
    assert caught.value.code == 400


def test_blocks_go_unless_there_is_a_comment(slack: LocalSlack, client: WebClient, direct: str) -> None:
    blocks = json.dumps([{"type": "divider"}])
    for comment in (None, "Comment"):
        file: Any = {"id": upload(client, b"a")}
        client.files_completeUploadExternal(
            files=[file], channel_id=direct, initial_comment=comment, blocks=blocks if comment is None else None
        )
    first, second = Person(slack, "U0BEN").direct_messages()
    assert ("blocks" in first, "blocks" in second) == (True, False)


def test_markdown_block_is_an_internal_error(client: WebClient, direct: str) -> None:
    file: Any = {"id": upload(client, b"a")}
    blocks = json.dumps([{"type": "markdown", "text": "a"}])
    assert (
        refusal(client.files_completeUploadExternal, files=[file], channel_id=direct, blocks=blocks) == "internal_error"
    )


@pytest.mark.parametrize("length", [0, "many"])
def test_impossible_length_is_refused(client: WebClient, length: Any) -> None:
    assert refusal(client.files_getUploadURLExternal, filename="a.csv", length=length) == "invalid_arguments"
