"""Networks, loss and measures for outcomes in ten ordered classes: no Spark, no files, any Keras backend."""

N_DECILES = 10
