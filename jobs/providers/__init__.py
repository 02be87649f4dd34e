"""Companies that carry messages, a folder each behind the Protocol of `base`."""
