"""The night: crawl, embed, build, publish; plain functions and the Prefect flows over them."""
