"""Pure: figures in, Block Kit out. Nothing here asks the database or Slack."""
