"""Stand-ins for the providers, on 127.0.0.1: stateful, faulty on request, with a ledger that survives a kill."""
