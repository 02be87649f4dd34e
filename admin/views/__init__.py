"""Views: a request in, operations and queries asked, a page out. Hold no rules."""
