"""Rules are pure: they read no clock and no database, and say yes, or why not."""
