"""A Scrapy project: store pages in, products and photos in the tables out."""
