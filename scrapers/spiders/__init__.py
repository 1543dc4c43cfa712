"""One spider a strategy; which store it reads, and within which limits, is given to it as arguments."""
