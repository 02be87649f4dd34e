"""The local Slack offers what the product calls, and little else."""

from bot.local_slack.methods import METHODS
from tests.slack_calls import called

# Offered though the product need not call it: what for.
EXTRAS = {
    "blocks.validate": "judges in tests what the bot builds",
    "chat.delete": "a test, or an operator by hand, takes a message away",
    "chat.getPermalink": "a link from one message to another",
    "files.info": "whether a file was really shared",
    "users.lookupByEmail": "from the panel's people to Slack's",
}


def test_methods_offered_are_those_called_and_the_named_extras() -> None:
    assert called() | EXTRAS.keys() == set(METHODS)
    assert called() & EXTRAS.keys() == set()


def test_calls_are_found_in_every_form() -> None:
    found = called()
    for name in ("chat.update", "views.open", "files.completeUploadExternal", "users.info", "conversations.open"):
        assert name in found
