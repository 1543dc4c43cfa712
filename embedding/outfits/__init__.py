"""What goes with what: from the looks of garments, and from outfits where there are some to learn from."""
