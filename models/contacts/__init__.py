"""Contacts from a CSV file: reading it, mapping its columns, checking its rows. No database."""
