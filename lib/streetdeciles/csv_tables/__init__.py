"""The one reader for users' CSV tables, strict about RFC 4180, on the driver and on executors."""
