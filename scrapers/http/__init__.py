"""What every outgoing request obeys: addresses, connections, fetching, proxies and credentials."""
