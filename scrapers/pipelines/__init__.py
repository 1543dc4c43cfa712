"""What happens to an item, one step a module; the order stands in settings.py."""
