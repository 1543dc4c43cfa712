"""Detection: finds out how a store can be read."""
