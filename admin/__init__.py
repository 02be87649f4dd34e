"""The web surface and the command line: requests in, pages and answers out. Holds no rules."""
