"""Reads clothing stores: a Scrapy project, the extraction of products, and the guard around every request."""
