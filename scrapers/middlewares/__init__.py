"""Scrapy middlewares for every request and response of a crawl, one concern a module."""
