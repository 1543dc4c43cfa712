"""Chromium behind a guarded proxy, for pages that only a browser renders."""
