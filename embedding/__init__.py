"""From photos to vectors, from vectors to a searchable index."""
