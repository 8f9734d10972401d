"""The training set: one row per location, a Petastorm data set that Spark writes and everyone reads batch by batch.

Its arrays are `.npy` bytes in binary columns, which is what Petastorm's NdarrayCodec makes; where Petastorm cannot be
imported (it needs pyarrow < 15) pyarrow alone reads the same rows.
"""

from streetdeciles.training_set.reader import open_training_set

__all__ = ["open_training_set"]
