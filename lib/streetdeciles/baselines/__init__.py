"""What predicts areas without the network: each baseline learns from the same areas as the network's models."""
