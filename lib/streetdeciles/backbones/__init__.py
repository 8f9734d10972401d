"""Pre-trained image networks: how a photograph is prepared, the network, its weights. No Spark."""
