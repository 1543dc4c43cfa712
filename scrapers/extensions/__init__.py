"""Scrapy extensions that accompany a crawl from start to end, one concern a module."""
