"""Overlays: what files of any make become, that versions are pinned, and what is said of a site."""

from __future__ import annotations

import json
import time
import zipfile
from datetime import UTC, date, datetime
from pathlib import Path

import geopandas as gpd
import pytest
from shapely.geometry import Point, Polygon, box, mapping
from typer.testing import CliRunner

from sat_monitor.cli import app
from sat_monitor.core.clock import fixed_clock
from sat_monitor.core.domain import StartInterval
from sat_monitor.core.errors import OverlayError
from sat_monitor.core.grid import reproject, transformer
from sat_monitor.core.home import Home
from sat_monitor.core.profile import Profile
from sat_monitor.core.surroundings import PermitState, ZoneKind
from sat_monitor.night import NightRequest, summary
from sat_monitor.overlays.importing import Imported, Origin, import_overlay, newest
from sat_monitor.overlays.kinds import LayerKind
from sat_monitor.overlays.layers import Overlays, bearing_deg, permit_state
from sat_monitor.overlays.mapping import LayerMapping, parse_day, read_mapping

UTM = 32654
X, Y = transformer(4326, UTM).transform(139.25, 35.70)
SITE = box(X, Y, X + 30.0, Y + 30.0)
WORKS = StartInterval(date(2025, 3, 1), date(2025, 4, 1))
CLOCK = fixed_clock(datetime(2026, 5, 1, tzinfo=UTC))
ORIGIN = Origin("test office", "CC BY 4.0", date(2026, 4, 1))
N03 = Path("/work/shared/data/tokyo_municipalities/N03-21_13_210101.geojson")


def take(home: Home, kind: LayerKind, path: Path, mapping: LayerMapping | None = None) -> Imported:
    return import_overlay(home, kind, path, ORIGIN, mapping or LayerMapping(), CLOCK)


def geojson(path: Path, *entries: tuple[object, dict[str, object]]) -> Path:
    features = [
        {"type": "Feature", "geometry": mapping(reproject(shape, UTM, 4326)), "properties": fields}  # type: ignore[arg-type]
        for shape, fields in entries
    ]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8")
    return path


def register(tmp_path: Path, text: str, encoding: str = "utf-8", name: str = "r.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(text.encode(encoding))
    return path


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp932"])
def test_a_register_in_any_encoding_of_japanese_offices_covers_the_site(
    home: Home, tmp_path: Path, encoding: str
) -> None:
    text = "許可番号,許可日,完了日,経度,緯度,半径,氏名\n盛第1号,令和6年7月31日,2026/3/31,139.25,35.70,60,山田太郎\n"
    take(home, LayerKind.FILL_PERMITS, register(tmp_path, text, encoding))
    found = Overlays.open(home).around(SITE, UTM, WORKS)
    (permit,) = found.permits
    assert (permit.number, permit.begins_on, permit.ends_on) == ("盛第1号", date(2024, 7, 31), date(2026, 3, 31))
    assert permit.share == pytest.approx(1.0) and permit.state is PermitState.IN_FORCE
    assert found.registers[0].found == 1
    assert not any("山田".encode() in p.read_bytes() for p in home.overlays.rglob("*") if p.is_file())


@pytest.mark.parametrize("epsg", [4326, 4612, 6668, 6677, 2451, 32654])
def test_a_layer_in_any_system_of_japan_lies_where_it_lay(home: Home, tmp_path: Path, epsg: int) -> None:
    zone = reproject(SITE.buffer(0.0), UTM, epsg)
    path = tmp_path / "zone.gpkg"
    fields = {"A56_001": ["2"], "A56_002": ["八王子市長"], "A56_003": ["告示1"], "A56_004": ["20240731"]}
    gpd.GeoDataFrame(fields, geometry=[zone], crs=epsg).to_file(path)
    take(home, LayerKind.ZONES, path)
    (found,) = Overlays.open(home).around(SITE, UTM, WORKS).zones
    assert found.share == pytest.approx(1.0, abs=0.02)
    assert (found.kind, found.authority, found.designated_on) == (ZoneKind.SPECIFIED, "八王子市長", date(2024, 7, 31))


def test_a_shapefile_without_cpg_is_read_as_cp932(home: Home, tmp_path: Path) -> None:
    path = tmp_path / "m.shp"
    frame = gpd.GeoDataFrame({"N03_007": ["13201"], "N03_004": ["八王子市"]}, geometry=[SITE.buffer(500)], crs=UTM)
    frame.to_file(path, encoding="cp932")
    path.with_suffix(".cpg").unlink()
    take(home, LayerKind.MUNICIPALITIES, path)
    found = Overlays.open(home).around(SITE, UTM, WORKS).municipality
    assert found is not None and (found.name, found.near_border) == ("八王子市", False)


def test_within_100_m_of_a_border_the_neighbour_is_named(home: Home, tmp_path: Path) -> None:
    for gap, near in ((90.0, True), (110.0, False)):
        east = box(X + 30 + gap, Y - 500, X + 900, Y + 500)
        west = box(X - 500, Y - 500, X + 30 + gap, Y + 500)
        path = geojson(
            tmp_path / f"m{gap:.0f}.geojson",
            (west, {"code": "1", "name": "西市"}),
            (east, {"code": "2", "name": "東市"}),
        )
        one = take(home, LayerKind.MUNICIPALITIES, path)
        found = Overlays.open(home, {"municipalities": one.layer.version}).around(SITE, UTM, WORKS).municipality
        assert found is not None
        assert (found.name, found.near_border, found.neighbours) == ("西市", near, ("東市",) if near else ())


def test_a_permit_that_covers_a_part_says_which_part(home: Home, tmp_path: Path) -> None:
    half = box(X, Y, X + 30.0, Y + 15.0)
    far = box(X + 200, Y, X + 230, Y + 30)
    near = box(X + 80, Y, X + 90, Y + 30)
    path = geojson(tmp_path / "p.geojson", *((s, {"number": n}) for n, s in enumerate((half, far, near))))
    take(home, LayerKind.DEVELOPMENT_PERMITS, path)
    found = Overlays.open(home).around(SITE, UTM, WORKS)
    assert [(p.number, round(p.share, 2), round(p.distance_m)) for p in found.permits] == [("0", 0.5, 0), ("2", 0, 50)]
    assert found.registers[0].found == 1 and found.permits[0].state is PermitState.UNDATED


@pytest.mark.parametrize(
    ("begins", "ends", "state"),
    [
        (date(2024, 1, 1), date(2025, 2, 28), PermitState.ENDED),
        (date(2024, 1, 1), date(2025, 3, 1), PermitState.IN_FORCE),
        (date(2025, 4, 1), None, PermitState.IN_FORCE),
        (date(2025, 4, 2), None, PermitState.NOT_YET),
        (None, None, PermitState.UNDATED),
    ],
)
def test_a_permit_is_held_against_the_days_on_which_works_can_have_begun(
    begins: date | None, ends: date | None, state: PermitState
) -> None:
    assert permit_state(begins, ends, WORKS) is state


def test_a_pinned_version_stays_what_it_was_and_the_same_file_is_the_same_version(home: Home, tmp_path: Path) -> None:
    old = take(home, LayerKind.PLACES, geojson(tmp_path / "a.geojson", (Point(X, Y), {"name": "古い峠"})))
    pinned = newest(home)
    again = take(home, LayerKind.PLACES, tmp_path / "a.geojson")
    new = import_overlay(
        home, LayerKind.PLACES, geojson(tmp_path / "b.geojson", (Point(X, Y), {"name": "新しい峠"})), ORIGIN,
        LayerMapping(), fixed_clock(datetime(2026, 6, 1, tzinfo=UTC)),
    )  # fmt: skip
    assert again == old and new.layer.version != old.layer.version
    assert Overlays.open(home, pinned).around(SITE, UTM, WORKS).place_name == "古い峠"
    assert Overlays.open(home).around(SITE, UTM, WORKS).place_name == "新しい峠"


def test_a_stored_layer_that_was_changed_is_refused(home: Home, tmp_path: Path) -> None:
    one = take(home, LayerKind.PLACES, geojson(tmp_path / "a.geojson", (Point(X, Y), {"name": "峠"})))
    path = home.overlays / "places" / one.layer.version / "layer.gpkg"
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(OverlayError, match="E1407"):
        Overlays.open(home).around(SITE, UTM, WORKS)


def test_a_crossed_ring_is_repaired_and_counted(home: Home, tmp_path: Path) -> None:
    bow = Polygon([(X, Y), (X + 30, Y + 30), (X + 30, Y), (X, Y + 30)])
    one = take(home, LayerKind.KNOWN_FILLS, geojson(tmp_path / "k.geojson", (bow, {"name": "既知"})))
    assert one.repaired == 1
    assert Overlays.open(home).around(SITE, UTM, WORKS).known_fills == ("既知",)


def test_a_mapping_file_names_columns_values_and_system(home: Home, tmp_path: Path) -> None:
    plain = tmp_path / "m.toml"
    plain.write_text('epsg = 6677\n[columns]\nnumber = "No"\nx = "E"\ny = "N"\nradius_m = "R"\n', encoding="utf-8")
    east, north = transformer(UTM, 6677).transform(X + 15, Y + 15)
    text = f"No,E,N,R\n7,{east},{north},40\n"
    take(home, LayerKind.QUARRIES, register(tmp_path, text), read_mapping(plain))
    (permit,) = Overlays.open(home).around(SITE, UTM, WORKS).permits
    assert permit.number == "7" and permit.share == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("番号,経度,緯度,半径\n", "E1402"),
        ("番号,経度,緯度\n1,139,35\n", "E1404"),
        ("id,経度,緯度,半径\n1,139,35,50\n", "E1404"),
        ("番号,経度,緯度,半径\n1,abc,35,50\n", "E1406"),
        ("番号,経度,緯度,半径,許可日\n1,139,35,50,いつか\n", "E1406"),
        ("番号,経度,緯度,半径\n1,35.7,139.2,50\n", "E1409"),
        ("", "E1401"),
    ],
)  # fmt: skip
def test_a_register_that_cannot_be_used_is_refused_with_a_number(
    home: Home, tmp_path: Path, text: str, code: str
) -> None:
    with pytest.raises(OverlayError) as refused:
        take(home, LayerKind.FILL_PERMITS, register(tmp_path, text))
    assert refused.value.code == code
    assert not list(home.overlays.rglob("version.json"))


def test_a_layer_without_or_with_an_old_system_is_refused(home: Home, tmp_path: Path) -> None:
    path = tmp_path / "z.gpkg"
    gpd.GeoDataFrame({"name": ["a"]}, geometry=[SITE], crs=UTM).to_file(path)
    with pytest.raises(OverlayError, match="E1403"):
        take(home, LayerKind.KNOWN_FILLS, path, LayerMapping(epsg=30169))
    bare = tmp_path / "b.shp"
    gpd.GeoDataFrame({"name": ["a"]}, geometry=[SITE], crs=UTM).to_file(bare)
    bare.with_suffix(".prj").unlink()
    with pytest.raises(OverlayError, match="E1403"):
        take(home, LayerKind.KNOWN_FILLS, bare)
    assert take(home, LayerKind.KNOWN_FILLS, bare, LayerMapping(epsg=UTM)).entries == 1


def test_the_nearest_road_point_is_said_with_distance_and_true_bearing(home: Home, tmp_path: Path) -> None:
    take(
        home, LayerKind.ROADS, geojson(tmp_path / "r.geojson", (box(X - 60, Y - 500, X - 50, Y + 500), {"name": "道"}))
    )
    road = Overlays.open(home).around(SITE, UTM, WORKS).road
    assert road is not None and road.distance_m == pytest.approx(50.0, abs=0.1)
    assert road.bearing_deg == pytest.approx(bearing_deg(Point(road.x, road.y), SITE.centroid, UTM))
    assert 60.0 < road.bearing_deg < 90.0


def test_what_was_not_imported_was_not_asked(home: Home) -> None:
    found = Overlays.open(home).around(SITE, UTM, WORKS)
    assert found.layers == () and found.registers == () and found.municipality is None


def test_a_thousand_sites_are_asked_in_seconds(home: Home, tmp_path: Path) -> None:
    cells = [(box(X + 40 * i, Y + 40 * j, X + 40 * i + 20, Y + 40 * j + 20), {"number": f"{i}-{j}"})
             for i in range(70) for j in range(70)]  # fmt: skip
    path = geojson(tmp_path / "many.geojson", *cells)
    for kind in (LayerKind.FILL_PERMITS, LayerKind.BUILDINGS, LayerKind.ROADS, LayerKind.KNOWN_FILLS):
        take(home, kind, path)
    overlays = Overlays.open(home)
    begin = time.perf_counter()
    met = sum(len(overlays.around(box(X + 3 * n, Y + 2 * n, X + 3 * n + 30, Y + 2 * n + 30), UTM, WORKS).permits) > 0
              for n in range(1000))  # fmt: skip
    assert met > 900
    assert time.perf_counter() - begin < 10.0


@pytest.mark.parametrize(
    ("text", "day"),
    [("令和元年5月1日", date(2019, 5, 1)), ("H31.4.30", date(2019, 4, 30)), ("2024/7/1", date(2024, 7, 1)),
     ("20240701", date(2024, 7, 1)), ("", None)],
)  # fmt: skip
def test_days_are_read_as_offices_write_them(text: str, day: date | None) -> None:
    assert parse_day(text) == day


@pytest.mark.skipif(not N03.is_file(), reason="tokyo_municipalities")
def test_the_real_municipalities_of_tokyo_hold_their_offices(home: Home) -> None:
    take(home, LayerKind.MUNICIPALITIES, N03)
    overlays = Overlays.open(home)
    for lon, lat, name in (
        (139.2646, 35.6586, "八王子市"),
        (139.2448, 35.8038, "青梅市"),
        (139.4024, 34.7391, "大島町"),
    ):
        place = Point(transformer(4326, UTM).transform(lon, lat)).buffer(20)
        found = overlays.around(place, UTM, WORKS).municipality
        assert found is not None and found.name == name


def test_the_layer_inside_a_zip_is_read_and_the_same_import_elsewhere_gives_the_same_bytes(tmp_path: Path) -> None:
    path = geojson(tmp_path / "k.geojson", (SITE, {"name": "既知"}))
    with zipfile.ZipFile(tmp_path / "k.zip", "w") as packed:
        packed.write(path, "data/k.geojson")
    kept = [take(Home(tmp_path / name), LayerKind.KNOWN_FILLS, tmp_path / "k.zip") for name in "ab"]
    assert kept[0] == kept[1] and kept[0].entries == 1


def test_a_night_states_the_versions_it_pinned_whatever_is_imported_meanwhile(home: Home, tmp_path: Path) -> None:
    old = take(home, LayerKind.PLACES, geojson(tmp_path / "a.geojson", (Point(X, Y), {"name": "古い峠"})))
    request = NightRequest(home, (), None, date(2026, 5, 1), Profile()).pinned
    later = fixed_clock(datetime(2026, 6, 1, tzinfo=UTC))
    path = geojson(tmp_path / "b.geojson", (Point(X, Y), {"name": "新しい峠"}))
    import_overlay(home, LayerKind.PLACES, path, ORIGIN, LayerMapping(), later)
    assert f"- places {old.layer.version}" in summary(request, (), (), "0:0").to_markdown()


def test_the_command_imports_lists_and_shows_a_layer(home: Home, tmp_path: Path) -> None:
    path = geojson(tmp_path / "k.geojson", (SITE, {"name": "既知"}))
    place, run = ["--home", str(home.root)], CliRunner().invoke
    told = ["--source", "office", "--licence", "CC BY 4.0", "--as-of", "2026-04-01"]
    done = run(app, ["overlays", "import", "known_fills", str(path), *told, *place])
    assert done.exit_code == 0 and "1 entries" in done.output
    (row,) = json.loads(run(app, ["overlays", "list", "--json", *place]).output)
    assert (row["kind"], row["source"], row["as of"]) == ("known_fills", "office", "2026-04-01")
    (shown,) = json.loads(run(app, ["overlays", "show", "known_fills", "--json", *place]).output)
    assert Path(shown["file"]).is_file()
    assert run(app, ["overlays", "import", "nonsense", str(path), *told, *place]).exit_code == 2
