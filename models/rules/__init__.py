"""Rules are pure: they read no clock and no database, change nothing, and say yes, or why not."""
