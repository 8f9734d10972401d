"""Pre-trained image networks: how each prepares a photograph, its layers, and its weights. No Spark."""
