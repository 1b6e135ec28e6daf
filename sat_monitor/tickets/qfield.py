"""A GeoPackage for QField and QGIS: outlines to find the place by, and a form for what was found there.

Styles and forms travel in the table `layer_styles`, from which QGIS takes the default of each layer when it opens the file.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from xml.etree import ElementTree as ET

from sat_monitor.core.casework import Verdict
from sat_monitor.tickets.words import load_case_words, load_words

SITES, FINDINGS = "sites", "findings"
#: Fields of the form with their types in pandas' words; an inspector fills in all but none is forced.
FIELDS = {
    "site_id": "object", "visited_at": "datetime64[ns, UTC]", "officer": "object", "verdict": "object",
    "height_m": "float64", "remarks": "object", "photo": "object",
}  # fmt: skip
_STYLES_SQL = """
CREATE TABLE layer_styles (
  id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, f_table_catalog TEXT(256), f_table_schema TEXT(256),
  f_table_name TEXT(256), f_geometry_column TEXT(256), styleName TEXT(30), styleQML TEXT, styleSLD TEXT,
  useAsDefault BOOLEAN, description TEXT, owner TEXT(30), ui TEXT(30), update_time DATETIME
)
"""
_CONTENTS_SQL = (
    "INSERT INTO gpkg_contents (table_name, data_type, identifier, description, last_change) "
    "VALUES ('layer_styles', 'attributes', 'layer_styles', '', ?)"
)
_STYLE_SQL = (
    "INSERT INTO layer_styles (f_table_catalog, f_table_schema, f_table_name, f_geometry_column, styleName, styleQML, "
    "useAsDefault, description, owner, update_time) VALUES ('', '', ?, ?, ?, ?, 1, '', '', ?)"
)


def add_form(file: Path, lang: str, at: str) -> None:
    """Add the empty layer of findings, styles and forms to a GeoPackage that has the layer of sites.

    `at` (ISO, UTC) is the time that the tables state.
    """
    import geopandas
    import pandas
    import pyogrio

    columns = {name: pandas.Series([], dtype=kind) for name, kind in FIELDS.items()}
    empty = geopandas.GeoDataFrame(columns, geometry=geopandas.GeoSeries([], crs=4326), crs=4326)
    pyogrio.write_dataframe(empty, file, layer=FINDINGS, driver="GPKG", geometry_type="Point", append=True)
    styles = {SITES: _style(_outline(), {}, {}), FINDINGS: _style(_marker(), _widgets(lang), _aliases(lang))}
    with closing(sqlite3.connect(file)) as database, database:
        [stated] = database.execute(
            "SELECT column_name FROM gpkg_geometry_columns WHERE table_name = ?", [SITES]
        ).fetchone()
        database.execute(_STYLES_SQL)
        database.execute(_CONTENTS_SQL, [at])
        for layer, qml in styles.items():
            database.execute(_STYLE_SQL, [layer, stated, layer, qml, at])


def _style(renderer: ET.Element, widgets: Mapping[str, ET.Element], aliases: Mapping[str, str]) -> str:
    root = ET.Element("qgis", version="3.34", styleCategories="Symbology|Fields|Forms")
    root.append(renderer)
    configuration = ET.SubElement(root, "fieldConfiguration")
    for name, widget in widgets.items():
        ET.SubElement(configuration, "field", name=name).append(widget)
    named = ET.SubElement(root, "aliases")
    for index, (name, alias) in enumerate(aliases.items()):
        ET.SubElement(named, "alias", field=name, index=str(index), name=alias)
    return "<!DOCTYPE qgis>\n" + ET.tostring(root, encoding="unicode")


def _renderer(kind: str, symbol: str, options: Mapping[str, str]) -> ET.Element:
    renderer = ET.Element("renderer-v2", type="singleSymbol")
    symbols = ET.SubElement(renderer, "symbols")
    one = ET.SubElement(symbols, "symbol", type=kind, name="0", alpha="1")
    layer = ET.SubElement(one, "layer", {"class": symbol, "enabled": "1"})
    layer.append(_map(options))
    return renderer


def _outline() -> ET.Element:
    return _renderer("fill", "SimpleFill", {"style": "no", "outline_color": "194,24,91,255", "outline_width": "0.8"})


def _marker() -> ET.Element:
    return _renderer("marker", "SimpleMarker", {"name": "circle", "color": "21,101,192,255", "size": "3.2"})


def _map(options: Mapping[str, str], name: str | None = None) -> ET.Element:
    group = ET.Element("Option", {"type": "Map"} | ({} if name is None else {"name": name}))
    for key, value in options.items():
        ET.SubElement(group, "Option", type="QString", name=key, value=value)
    return group


def _widget(kind: str, options: ET.Element) -> ET.Element:
    widget = ET.Element("editWidget", type=kind)
    ET.SubElement(widget, "config").append(options)
    return widget


def _widgets(lang: str) -> dict[str, ET.Element]:
    """The widget of each field: a list for the verdict, the camera for the photo, the sites for the site."""
    words = load_case_words(lang)
    verdicts = ET.Element("Option", type="Map")
    entries = ET.SubElement(verdicts, "Option", type="List", name="map")
    for verdict in Verdict:
        entries.append(_map({words.of(f"verdict.{verdict.value}"): verdict.value}))
    sites = _map({"LayerName": SITES, "Layer": SITES, "Key": "id", "Value": "id", "OrderByValue": "true"})
    moment = {"display_format": "yyyy-MM-dd HH:mm", "field_format": "yyyy-MM-ddTHH:mm:ss", "calendar_popup": "true"}
    return {
        "site_id": _widget("ValueRelation", sites),
        "visited_at": _widget("DateTime", _map(moment)),
        "officer": _widget("TextEdit", _map({"IsMultiline": "false"})),
        "verdict": _widget("ValueMap", verdicts),
        "height_m": _widget(
            "Range", _map({"Min": "0", "Max": "100", "Step": "0.1", "Precision": "1", "Style": "SpinBox"})
        ),
        "remarks": _widget("TextEdit", _map({"IsMultiline": "true"})),
        "photo": _widget("ExternalResource", _map({"DocumentViewer": "1", "RelativeStorage": "1", "StorageMode": "0"})),
    }


def _aliases(lang: str) -> dict[str, str]:
    words = load_words(lang)
    return {name: words.of(f"form.{name}") for name in FIELDS}
