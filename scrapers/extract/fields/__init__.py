"""What a product's fields are, one field a module, decided from all candidates."""
