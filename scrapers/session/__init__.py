"""One crawl of one store: its job, what earlier crawls stored, and the rows it writes."""
