"""The product in Chromium, as a person uses it."""
