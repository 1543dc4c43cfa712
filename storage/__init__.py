"""Tables, photos, encoders and index generations on disk."""
