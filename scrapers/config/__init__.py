"""A store's entry in `lookalike.toml`."""
