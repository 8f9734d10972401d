"""Trained models as files: card, weights, export, and models that come from other runs or from PyTorch."""
