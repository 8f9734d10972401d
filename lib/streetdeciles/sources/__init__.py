"""The statistics offices' tables of areas: one module per publisher, recognised by their headers."""
