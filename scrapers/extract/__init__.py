"""A page in, a product with the source of every field out."""
