"""Maps of social, environmental and health inequality from street-level photographs, on Spark."""

__version__ = "0.1.0"
