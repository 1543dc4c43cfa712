"""Drawn garments, storefronts that sell them over real HTTP, and the demo that crawls them."""
