"""The training set: one row per location, a Petastorm data set that Spark writes and all others read in batches.

Its arrays are `.npy` bytes in binary columns, as in Petastorm's NdarrayCodec. pyarrow reads them here, whole columns at
a time; Petastorm's own reader, which goes row by row, reads the same rows if the set has its metadata.
"""

from streetdeciles.training_set.reader import open_training_set

__all__ = ["open_training_set"]
