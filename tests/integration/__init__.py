"""Tests with real parts: processes, databases, servers."""
