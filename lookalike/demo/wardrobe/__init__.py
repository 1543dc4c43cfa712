"""The demo garments: their outlines, cloth and light, and the words they are sold with."""
