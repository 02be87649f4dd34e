"""What Slack sends, by kind: each listener is a few lines between a question and an operation."""

import re

from slack_bolt import App

from bot.listeners import actions, commands, home, options, shortcuts, submissions
from bot.listeners.wrapper import acknowledge, heard

ANY = re.compile(r".*")


def register(app: App) -> None:
    """Every listener of the app. Slack is answered at once; the work goes on in a thread of its own."""
    app.command(re.compile(r"^/campaign"))(ack=acknowledge, lazy=[heard(commands.answer)])
    app.action(ANY)(ack=acknowledge, lazy=[heard(actions.answer)])
    app.shortcut("act_on_card")(ack=acknowledge, lazy=[heard(shortcuts.answer)])
    app.view(ANY)(submissions.answer)
    app.options(ANY)(options.suggest)
    app.event("app_home_opened")(home.opened)
