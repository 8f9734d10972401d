"""Networks, loss and measures for outcomes in ten ordered classes: no Spark, no files, any Keras backend."""

N_DECILES = 10

SCORE_LIMIT, SCORE_BINS = 8.0, 32
"""Bins of equal width that scores are counted in, over -8 .. 8; the outermost also hold what is beyond."""
