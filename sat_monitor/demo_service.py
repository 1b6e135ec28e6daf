"""The demo against a stand-in provider on loopback: credentials, catalogue, images, quota, as against the real service."""

from __future__ import annotations

from pathlib import Path

from sat_monitor.core.clock import system_clock
from sat_monitor.core.home import Home
from sat_monitor.demo import (
    DemoReport,
    Progress,
    demo_worlds,
    import_made_overlays,
    report_lines,
    run_nights,
    write_scenes,
    write_truth,
)
from sat_monitor.imagery.archive import Archive
from sat_monitor.standin import faults
from sat_monitor.standin.holdings import Holdings
from sat_monitor.standin.hub import Hub
from sat_monitor.standin.server import Rule, StandIn
from sat_monitor.store.usage import UsageMeter

#: What the stand-in's client is called; it opens nothing but the stand-in.
CLIENT = ("demo-client", "demo-secret-of-the-stand-in")


def run_service_demo(home: Home, progress: Progress = print, lang: str = "ja") -> DemoReport:
    """Simulate both places at a provider, fetch a season of nights from it, render the tickets. Idempotent in `home`.

    The provider throttles, fails and cuts an answer now and then.
    """
    worlds = demo_worlds(home)
    provider = Archive(home.root / "provider")
    for world in worlds:
        write_scenes(world, provider, progress)
    import_made_overlays(worlds, home)
    truth = write_truth(worlds, home)
    holdings = Holdings(provider)
    for world in worlds:
        holdings.add_scenes(provider.scenes(world.spec.aoi.id))
    with StandIn([Hub(holdings, CLIENT)]) as stand_in:
        stand_in.rules = _mishaps()
        write_settings(home, stand_in, [world.spec.aoi.id for world in worlds])
        night = run_nights(home, progress, lang)
        requests = len(stand_in.log)
    lines = report_lines(home, worlds, night, truth)
    lines.append(f"Requests that reached the stand-in: {requests}")
    lines += [
        f"Counted for {use.account} in {use.month}: {use.requests} requests, {use.units:.1f} processing units"
        for use in UsageMeter(home.database, system_clock, {}).usage()
    ]
    tickets = tuple(sorted(path.parent for path in home.tickets.glob("*/ticket.pdf")))
    return DemoReport(tuple(lines), tickets, night, truth)


def write_settings(home: Home, stand_in: StandIn, aois: list[str]) -> Path:
    """sources.toml and credentials.toml (mode 600) that lead to a stand-in."""
    names = ", ".join(f'"{aoi}"' for aoi in aois)
    text = f"""aois = [{names}]

[[source]]
kind = "sentinel-hub"
site = "stand-in"
sensors = ["s1", "s2"]
url = "{stand_in.url}"
token_url = "{stand_in.url}/token"
requests_per_minute = 6000
units_per_minute = 6000
simulated = true
"""
    secret = home.root / "credentials.toml"
    secret.touch(mode=0o600)
    secret.write_text(f'client_id = "{CLIENT[0]}"\nclient_secret = "{CLIENT[1]}"\n', encoding="utf-8")
    path = home.root / "sources.toml"
    path.write_text(text, encoding="utf-8")
    return path


def _mishaps() -> list[Rule]:
    """A bad day at a provider: too many requests, a failure, a token that ends early, an answer that is cut."""
    return [
        Rule("/api/v1/process", faults.status(429, {"Retry-After": "400"}), after=3),
        Rule("/api/v1/process", faults.status(503), times=2, after=20),
        Rule("/api/v1/process", faults.status(401), after=40),
        Rule("/api/v1/process", faults.cut(0.5), after=60),
    ]
