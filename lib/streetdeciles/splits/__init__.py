"""The splits: which part of the locations each model learns from, and which are held out. One file per split."""
