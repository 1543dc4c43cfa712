"""Scrapy pipelines between spider and tables, one step a module; `settings` gives their order."""
