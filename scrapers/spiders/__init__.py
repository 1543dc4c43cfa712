"""One spider a strategy; the store and its limits are arguments."""
