"""The translations of what a visitor reads."""
