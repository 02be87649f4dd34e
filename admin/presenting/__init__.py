"""Presenting: pure functions from what is known to what is shown. No requests, no database."""
