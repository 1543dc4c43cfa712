"""Training and evaluation of encoders."""
