"""Ids and codes: one spelling for each, and what looks alike although it is spelled differently."""
