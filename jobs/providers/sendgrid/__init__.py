"""SendGrid: email with receipts."""
