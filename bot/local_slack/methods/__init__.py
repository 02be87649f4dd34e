"""The Web API methods that the bot calls, each with its scope, rate and accepted body."""

from bot.local_slack.methods import chat, conversations, files, people, views
from bot.local_slack.methods.kinds import Method

METHODS: dict[str, Method] = {
    name: method for part in (chat, conversations, files, people, views) for name, method in part.METHODS.items()
}
