"""The Slack surface: text and clicks in, Block Kit out. Holds no rules."""
