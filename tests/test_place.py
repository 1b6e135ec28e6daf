from __future__ import annotations

from pathlib import Path

import pytest

from sat_monitor.tickets.place import (
    half_mesh_code,
    locate,
    mesh_code,
    plane_coordinates,
    plane_zone,
    read_municipalities,
)
from tests.ticket_world import TABLE


@pytest.mark.parametrize(
    ("lon", "lat", "third", "half"),
    [
        (139.745433, 35.658581, "53393599", "533935992"),  # Tokyo Tower, as in the jismesh package's documentation
        (139.71475, 35.7007777, "53394547", "533945471"),  # the example of the k-means mesh pages
        (135.0, 34.0 + 40 / 60, "52350000", "523500001"),  # the south-west corner of first mesh 5235
        (139.0, 35.0 + 20 / 60, "53390000", "533900001"),
        (139.0 + 1e-7, 35.0 + 20 / 60 + 1e-7, "53390000", "533900001"),
        (139.0 - 1e-7, 35.0 + 20 / 60 - 1e-7, "52387799", "523877994"),
    ],
)
def test_mesh_codes_agree_with_known_places(lon: float, lat: float, third: str, half: str) -> None:
    assert mesh_code(lon, lat) == third
    assert half_mesh_code(lon, lat) == half


def test_every_corner_of_a_half_mesh_belongs_to_the_mesh_north_east_of_it() -> None:
    for row in range(0, 160, 7):
        for col in range(0, 160, 7):
            lat, lon = 35.0 + 20 / 60 + row / 240, 139.0 + col / 160
            code = half_mesh_code(lon, lat)
            inside = half_mesh_code(lon + 1 / 320, lat + 1 / 480)
            assert code == inside, (lon, lat)


def test_plane_coordinates_of_tama_are_in_zone_nine_with_northing_first() -> None:
    # GSI's definition: the origin of zone IX is 36 N, 139 50' E, where both coordinates are zero.
    origin = plane_coordinates(139 + 50 / 60, 36.0)
    assert origin is not None
    assert (origin.zone, origin.epsg) == ("IX", 6677)
    assert abs(origin.northing_m) < 1e-3 and abs(origin.easting_m) < 1e-3
    south_west = plane_coordinates(139.27, 35.66)
    assert south_west is not None
    assert south_west.northing_m == pytest.approx(-37_575, abs=1)
    assert south_west.easting_m == pytest.approx(-51_005, abs=1)


@pytest.mark.parametrize(
    ("lon", "lat", "zone"),
    [
        (139.78, 33.1, "IX"),  # Hachijo
        (142.19, 27.09, "XIV"),  # Chichijima
        (136.08, 20.42, "XVIII"),  # Okinotorishima
        (153.98, 24.29, "XIX"),  # Minamitorishima
        (135.5, 34.7, None),  # Osaka: another zone, not this service's
        (25.0, 45.0, None),  # Romania
        (-120.0, 35.0, None),  # California
    ],
)
def test_zones_follow_the_ministry_s_cut_of_tokyo(lon: float, lat: float, zone: str | None) -> None:
    found = plane_zone(lon, lat)
    assert (found[0] if found else None) == zone


def test_a_place_outside_japan_has_neither_plane_coordinates_nor_mesh() -> None:
    place = locate(25.0, 45.0, TABLE)
    assert (place.plane, place.mesh, place.half_mesh, place.municipalities) == (None, None, None, ())


def test_municipalities_come_nearest_centre_first() -> None:
    assert [m.name_ja for m in locate(139.40, 35.70, TABLE).municipalities] == ["立川市", "八王子市"]
    assert [m.name_ja for m in locate(139.27, 35.66, TABLE).municipalities] == ["八王子市"]


def test_a_position_off_the_earth_is_refused() -> None:
    with pytest.raises(ValueError, match="lon 181"):
        locate(181.0, 35.0, TABLE)


def test_the_table_is_read_by_column_name(tmp_path: Path) -> None:
    file = tmp_path / "m.csv"
    file.write_text(
        "code,name_ja,name_en,region,lon,lat,west,south,east,north,area_km2\n"
        "13201,八王子市,Hachioji,tama,139.2646,35.6586,139.162,35.599,139.43,35.719,186.32\n",
        encoding="utf-8",
    )
    (row,) = read_municipalities(file)
    assert (row.code, row.name_ja, row.box) == ("13201", "八王子市", (139.162, 35.599, 139.43, 35.719))
