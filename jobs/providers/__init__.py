"""Companies that carry messages, one file each behind the Protocol of `base`."""
