"""Whole-product tests: everything under honcho, killed, stopped and wiped while it sends."""
