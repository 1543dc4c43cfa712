"""Draws the demo's garments, writes their texts, and stores both in the demo's catalogue file."""
