"""The local Slack offers what the product calls, and little else."""

from bot.local_slack.methods import METHODS
from tests.slack_calls import called

# Offered though the product need not call it: what for.
EXTRAS = {
    "auth.test": "bolt and doctor ask who the token is",
    "blocks.validate": "judges in tests what the bot builds",
    "chat.delete": "a test, or an operator by hand, takes a message away",
    "chat.getPermalink": "a link from one message to another",
    "conversations.history": "whether a post whose answer was lost is there",
    "conversations.info": "whether the bot is in a channel",
    "files.delete": "an export's file leaves Slack after its days",
    "files.info": "whether a file was really shared",
    "users.lookupByEmail": "from the panel's people to Slack's",
    "views.push": "a dialog above a dialog",
}


def test_methods_offered_are_those_called_and_the_named_extras() -> None:
    assert set(METHODS) == called() | EXTRAS.keys()


def test_calls_are_found_in_every_form() -> None:
    found = called()
    for name in ("chat.update", "views.open", "files.completeUploadExternal", "users.info", "conversations.open"):
        assert name in found
