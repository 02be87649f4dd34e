"""Things that happen later: sending, receipts, sweeps, bulk moves, imports and exports."""
