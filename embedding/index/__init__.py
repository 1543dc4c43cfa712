"""Projection, filters, search and building of index generations."""
