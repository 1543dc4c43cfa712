"""One crawl of one store: its job, the snapshot of earlier crawls, its verdict, and the rows it writes."""
