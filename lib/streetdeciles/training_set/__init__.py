"""The training set: one row per location, a Petastorm data set that Spark writes and all others read in batches.

Its arrays are `.npy` bytes in binary columns, as in Petastorm's NdarrayCodec. If Petastorm cannot be imported (it needs
pyarrow < 15), pyarrow alone reads the same rows.
"""

from streetdeciles.training_set.reader import open_training_set

__all__ = ["open_training_set"]
