"""What happens to a product between spider and tables, one step a module; `settings` gives their order."""
