"""Where a page states its product, one source a module; each gives candidates."""
