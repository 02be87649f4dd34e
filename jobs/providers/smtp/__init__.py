"""SMTP: email through a mail server of one's own."""
