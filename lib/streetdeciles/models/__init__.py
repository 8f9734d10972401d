"""Trained models as files: their card, their weights, models of other runs and of PyTorch, and their export."""
