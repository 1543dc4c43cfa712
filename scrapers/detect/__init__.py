"""Finds out how a store can be read."""
