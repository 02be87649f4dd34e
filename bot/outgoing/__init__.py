"""What is said in Slack by itself: cards, threads, direct messages, exports. One process of all does it."""
