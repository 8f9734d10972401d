"""Features that users have already (`dataset.import`): files from outside, read as data and never trusted."""
