"""What goes along with a crawl from its start to its end, one concern a module."""
