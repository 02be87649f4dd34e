"""A local Slack for this machine only: strict Web API, people who act, and a page. Imports nothing of ours."""

from bot.local_slack.clock import Clock
from bot.local_slack.faults import Fault
from bot.local_slack.human import Outcome
from bot.local_slack.profile import AppProfile, Command, Shortcut
from bot.local_slack.server import LocalSlack

__all__ = ["AppProfile", "Clock", "Command", "Fault", "LocalSlack", "Outcome", "Shortcut"]
