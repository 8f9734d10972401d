"""From the index of photographs to the table of features: read, decode, prepare and run the network, in one pass."""
