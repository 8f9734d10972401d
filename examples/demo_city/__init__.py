"""The demo city: real areas and deciles, and drawn photographs in which what one sees loosely tells the decile."""
