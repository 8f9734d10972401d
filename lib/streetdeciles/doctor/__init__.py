"""`streetdeciles doctor`: what this machine has, what would stop a run on it, and what to do about it."""
