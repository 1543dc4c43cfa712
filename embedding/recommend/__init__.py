"""Recommendations: what a customer would like, from purchases."""
