"""What `lookalike.toml` says of one store."""
