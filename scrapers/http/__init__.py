"""Addresses, connections, fetching and proxies: every request that leaves this machine."""
