"""What is measured of sites besides their own looks: how fast they grow, and ground that moves under them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sat_monitor.core.domain import AOI, Look, Site
from sat_monitor.core.grid import reproject
from sat_monitor.core.home import Home
from sat_monitor.deformation.alarms import read_geojson
from sat_monitor.sites.growth import growth_m2_per_month, growth_of
from sat_monitor.sites.priority import Signs


def signs_of(home: Home, aoi: AOI, sites: Sequence[Site], looks: Sequence[Look]) -> dict[str, Signs]:
    """Signs by site id: growth from the looks, motion and lost coherence from the last lists of the deformation side.

    Raises DeformationError E2207 where a list is damaged.
    """
    found = moving_signs(home, aoi, sites)
    for id_ in working_sites(home, aoi, sites):
        found[id_] = replace(found.get(id_, Signs()), at_work=True)
    for site in sites:
        rate = growth_m2_per_month(site, growth_of(site, looks))
        if rate is not None:
            found[site.id] = replace(found.get(site.id, Signs()), growth_m2_per_month=rate)
    return found


def moving_signs(home: Home, aoi: AOI, sites: Sequence[Site]) -> dict[str, Signs]:
    """Signs by site id of the sites that touch a moving area: of several the fastest counts, and whether any accelerates.

    A site that touches none is not in it: whether its ground was measured the list does not say. Raises DeformationError
    E2207 where the list is damaged.
    """
    path = home.moving_areas(aoi.id)
    if not path.is_file():
        return {}
    areas = [(reproject(outline, 4326, aoi.grid.epsg), row) for outline, row in read_geojson(path)]
    found = {}
    for site in sites:
        touching = [row for outline, row in areas if outline.intersects(site.outline)]
        if touching:
            rates = [float(row["velocity_mm_per_yr"]) for row in touching]
            found[site.id] = Signs(
                los_mm_per_year=max(rates, key=abs), accelerates=any(row["faster"] for row in touching)
            )
    return found


def working_sites(home: Home, aoi: AOI, sites: Sequence[Site]) -> list[str]:
    """Ids of the sites that touch bare ground which keeps losing its coherence (METHOD 21); DeformationError E2207."""
    path = home.work_areas(aoi.id)
    if not path.is_file():
        return []
    areas = [reproject(outline, 4326, aoi.grid.epsg) for outline, _ in read_geojson(path)]
    return [site.id for site in sites if any(area.intersects(site.outline) for area in areas)]
