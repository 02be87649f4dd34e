"""Tests are sentences; they run on the real parts."""
