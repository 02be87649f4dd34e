"""Attacks, by threat; `threats` says which test proves which."""
