"""Work beside a finished run: it trains again or compares, and never changes the run's own tables."""
