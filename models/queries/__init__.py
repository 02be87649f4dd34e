"""Queries: the reads. They cost what they show, never the size of the table."""
