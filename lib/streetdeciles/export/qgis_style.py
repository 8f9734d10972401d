"""The colours of the deciles as styles that QGIS finds in a GeoPackage, so that it opens the map coloured."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from xml.etree import ElementTree

from streetdeciles.report.colours import DECILE_COLOURS

LAYER = "areas"

STYLED = {"predicted": "predicted decile", "actual": "actual decile"}

TABLE = """
CREATE TABLE layer_styles (
    id INTEGER PRIMARY KEY AUTOINCREMENT, f_table_catalog TEXT(256), f_table_schema TEXT(256), f_table_name TEXT(256),
    f_geometry_column TEXT(256), styleName TEXT(30), styleQML TEXT, styleSLD TEXT, useAsDefault BOOLEAN,
    description TEXT, owner TEXT(30), ui TEXT(30), update_time DATETIME DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
)
"""
"""As QGIS itself makes it."""

REGISTER = """
INSERT INTO gpkg_contents (table_name, data_type, identifier, description)
VALUES ('layer_styles', 'attributes', 'layer_styles', '')
"""

INSERT = """
INSERT INTO layer_styles (
    f_table_catalog, f_table_schema, f_table_name, f_geometry_column, styleName, styleQML, styleSLD, useAsDefault,
    description, owner
)
VALUES ('', '', ?, (SELECT column_name FROM gpkg_geometry_columns WHERE table_name = ?), ?, ?, '', ?, ?, '')
"""


def add_styles(geopackage: Path, outcomes: Sequence[str]) -> None:
    """Styles for the predicted and the actual deciles of each outcome; QGIS opens the first of them by default."""
    names = [(outcome, figure) for outcome in outcomes for figure in STYLED]
    with closing(sqlite3.connect(geopackage)) as file, file:
        file.execute(TABLE)
        file.execute(REGISTER)
        for i, (outcome, figure) in enumerate(names):
            column, description = f"{outcome}_{figure}", f"{outcome}: {STYLED[figure]}"
            file.execute(INSERT, (LAYER, LAYER, column, style(column), i == 0, description))


def style(column: str) -> str:
    """A style of QGIS (QML) that colours areas by the decile in `column`; halves go to the upper decile's colour."""
    qgis = ElementTree.Element("qgis", version="3.22.0", styleCategories="Symbology")
    renderer = ElementTree.SubElement(
        qgis, "renderer-v2", type="graduatedSymbol", attr=column, graduatedMethod="GraduatedColor", symbollevels="0"
    )
    ranges, symbols = (ElementTree.SubElement(renderer, name) for name in ("ranges", "symbols"))
    for i, colour in enumerate(DECILE_COLOURS):
        ends = {0: " (most deprived)", 9: " (least deprived)"}
        ElementTree.SubElement(
            ranges,
            "range",
            lower=f"{i + 0.5}",
            upper=f"{i + 1.5}",
            symbol=str(i),
            label=f"{i + 1}{ends.get(i, '')}",
            render="true",
        )
        symbol = ElementTree.SubElement(symbols, "symbol", name=str(i), type="fill", alpha="1")
        fill = ElementTree.SubElement(symbol, "layer", {"class": "SimpleFill", "enabled": "1", "pass": "0"})
        red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
        properties = {
            "color": f"{red},{green},{blue},255",
            "style": "solid",
            "outline_color": "255,255,255,255",
            "outline_width": "0.1",
            "outline_width_unit": "MM",
        }
        for name, value in properties.items():
            ElementTree.SubElement(fill, "prop", k=name, v=value)
    return ElementTree.tostring(qgis, encoding="unicode")
