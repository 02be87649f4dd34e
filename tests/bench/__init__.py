"""Figures against the raw limit, side by side in one run (DESIGN 6). Never part of a test run."""
