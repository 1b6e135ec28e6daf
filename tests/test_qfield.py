"""The GeoPackage for QField: layers, styles and forms are there for GDAL and QGIS, and nothing in them runs."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from xml.etree import ElementTree

import pyogrio
import pytest

from sat_monitor.core.casework import Verdict
from sat_monitor.tickets.exports import export_sites
from sat_monitor.tickets.qfield import FIELDS
from tests.ticket_world import HOSTILE, aoi, site

AOIS = {"w": aoi()}


@pytest.fixture
def package(tmp_path: Path) -> Path:
    return export_sites([site(), site(id=f"s-2{HOSTILE}")], AOIS, tmp_path / "tickets.gpkg", "qfield")


def qml(package: Path, layer: str) -> ElementTree.Element:
    with closing(sqlite3.connect(package)) as database:
        [text] = database.execute(
            "SELECT styleQML FROM layer_styles WHERE f_table_name = ? AND useAsDefault = 1", [layer]
        ).fetchone()
    return ElementTree.fromstring(text)


def test_layers_open_with_the_sites_and_an_empty_form(package: Path) -> None:
    layers = dict(pyogrio.list_layers(package))

    assert layers["sites"] == "MultiPolygon"
    assert layers["findings"] == "Point"
    assert len(pyogrio.read_dataframe(package, layer="sites")) == 2
    form = pyogrio.read_info(package, layer="findings")
    assert (list(form["fields"]), form["features"], form["crs"]) == (list(FIELDS), 0, "EPSG:4326")


def test_the_form_lists_every_verdict_once_and_takes_a_photo(package: Path) -> None:
    root = qml(package, "findings")

    widgets = {field.get("name"): field.find("editWidget") for field in root.iter("field")}
    assert set(widgets) == set(FIELDS)
    verdicts = widgets["verdict"]
    assert verdicts is not None
    assert verdicts.get("type") == "ValueMap"
    values = [option.get("value") for option in verdicts.iter("Option") if option.get("value")]
    assert values == [verdict.value for verdict in Verdict]
    photo = widgets["photo"]
    assert photo is not None
    assert photo.get("type") == "ExternalResource"
    assert {alias.get("field") for alias in root.iter("alias")} == set(FIELDS)
    assert qml(package, "sites").find("renderer-v2") is not None


def test_a_finding_can_be_added_and_the_same_sites_give_the_same_bytes(package: Path, tmp_path: Path) -> None:
    again = export_sites([site(), site(id=f"s-2{HOSTILE}")], AOIS, tmp_path / "again.gpkg", "qfield")
    assert again.read_bytes() == package.read_bytes()

    table = pyogrio.read_dataframe(package, layer="sites").iloc[:1]
    found = table[["geometry"]].copy()
    found["geometry"] = found.geometry.representative_point()
    found["verdict"] = Verdict.BELOW_SIZE.value
    pyogrio.write_dataframe(found, package, layer="findings", driver="GPKG", append=True)
    assert pyogrio.read_dataframe(package, layer="findings").verdict.tolist() == ["below_size"]
