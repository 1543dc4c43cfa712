"""Draws the demo's garments, words what they are sold with, and writes both to the demo's catalogue file."""
