"""The ordinal network, its loss and the measures, for outcomes in ten ordered classes.

No Spark and no files; any Keras backend.
"""

N_DECILES = 10

SCORE_LIMIT, SCORE_BINS = 8.0, 32
"""Scores are counted in bins of equal width over -8 .. 8; the outermost bins also count the scores beyond."""
