"""Figures in, Block Kit out. Nothing here asks the database or Slack; what is configured is known."""
