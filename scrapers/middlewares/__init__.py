"""What happens to every request and answer of a crawl, one concern a module."""
