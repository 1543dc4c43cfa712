"""Settings of the Scrapy project. What differs from store to store is set by the spider from its limits."""

from __future__ import annotations

from scrapers.http.fetch import USER_AGENT as USER_AGENT

BOT_NAME = "lookalike"
SPIDER_MODULES = ["scrapers.spiders"]
NEWSPIDER_MODULE = "scrapers.spiders"

# Politeness. AutoThrottle starts at one request every half second and goes as fast as the store answers with
# one request on its way at a time; Scrapy's start of five seconds makes a small store take minutes.
ROBOTSTXT_OBEY = True
ROBOTSTXT_PARSER = "scrapers.http.robots.BoundedRobotParser"
AUTOTHROTTLE_ENABLED = True
AUTOTHROTTLE_START_DELAY = 0.5
AUTOTHROTTLE_MAX_DELAY = 60.0
AUTOTHROTTLE_TARGET_CONCURRENCY = 1.0
CRAWL_DELAY_MAX = 300.0
"""Longest time between two requests that robots.txt may ask for, in seconds."""
RETRY_AFTER_MAX = 300.0
"""Longest pause granted to a Retry-After header, in seconds."""
RETRY_AFTER_PATIENCE = 3600.0
"""Longest wait for a host that answers only 429 or 503, in seconds."""

# Safety. A proxy from the environment would bypass the guard; meta refresh and the telnet console are not
# needed; file:, data:, ftp: and s3: addresses must not be crawled.
ALLOW_PRIVATE = False
"""Whether addresses on this machine and in private networks are allowed."""
HTTPPROXY_ENABLED = False
TELNETCONSOLE_ENABLED = False
REMOTE_CONTROL_ENABLED = False
METAREFRESH_ENABLED = False
COOKIES_ENABLED = False
REFERRER_POLICY = "no-referrer"
DOWNLOAD_VERIFY_CERTIFICATES = True
DOWNLOAD_WARNSIZE = 0
REDIRECT_MAX_TIMES = 10
DOWNLOADER = "scrapers.http.downloader.Downloader"
DOWNLOAD_HANDLERS = {"data": None, "file": None, "ftp": None, "s3": None}
# Scrapy's default resolves IPv4 only. The guard goes around whichever is here.
TWISTED_DNS_RESOLVER = "scrapy.resolver.CachingHostnameResolver"

DOWNLOADER_MIDDLEWARES = {
    # First, before anything that could wait.
    "scrapers.middlewares.stopped.StoppedMiddleware": 80,
    # Farther from the network than retries and robots.txt: it sees how each request ended.
    "scrapers.middlewares.outcomes.OutcomesMiddleware": 85,
    # Before robots.txt (100) is fetched: nothing may be requested from a private host.
    "scrapers.middlewares.guard.GuardMiddleware": 90,
    # After the headers that every request has.
    "scrapers.middlewares.own.OwnHeadersMiddleware": 410,
    "scrapers.middlewares.own.OwnProxyMiddleware": 420,
    # Nearer to the network than Scrapy's retry (550): a refused name must not be retried.
    "scrapers.middlewares.guard.RefusedNameMiddleware": 560,
    "scrapers.middlewares.revalidate.RevalidateMiddleware": 570,
}

EXTENSIONS = {
    "scrapy.extensions.throttle.AutoThrottle": None,
    "scrapers.extensions.throttle.PoliteThrottle": 0,
    "scrapers.extensions.throttle.CrawlDelay": 0,
    "scrapers.extensions.retry_after.RetryAfter": 0,
    "scrapers.extensions.record.CrawlRecord": 10,
    "scrapers.extensions.saving.Saving": 20,
    "scrapers.extensions.budget.TimeBudget": 20,
    "scrapers.extensions.budget.Interrupts": 20,
    "scrapers.extensions.progress.ProgressLines": 30,
}

ITEM_PIPELINES = {
    # First, so that no photo is fetched for a product that is dropped.
    "scrapers.pipelines.validate.ValidatePipeline": 100,
    # Before storing, because a product is stored with the ids of its photos.
    "scrapers.pipelines.photos.PhotosPipeline": 200,
    "scrapers.pipelines.store.StorePipeline": 300,
}
# Photos of this many products are fetched at a time; more products would only wait in memory.
CONCURRENT_ITEMS = 32
# Bytes of pages whose products wait for photos: Scrapy's 5 MB are a thousand pages, which a kill would lose.
SCRAPER_SLOT_MAX_ACTIVE_SIZE = 500_000

PROGRESS_LINES = False
"""Whether to print progress as lines of JSON on stdout, for the process that started the crawl."""
LOG_LEVEL = "INFO"
LOG_FORMAT = "%(levelname)s %(name)s: %(message)s"
DEFAULT_DROPITEM_LOG_LEVEL = "DEBUG"
"""A dropped product has a row in `rejects` and needs no line in the log."""
WARN_ON_GENERATOR_RETURN_VALUE = False
"""Spares reading every callback's source at the start of each crawl."""
