"""CSV tables of users, read strictly by RFC 4180: the one reader for all of them, on the driver and on executors."""
