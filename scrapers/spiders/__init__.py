"""One spider a way of reading a store."""
