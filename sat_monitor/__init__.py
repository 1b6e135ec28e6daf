"""sat_monitor: from satellite scenes to inspection tickets with a provable history.

Rooms import downward only (tests/test_layers.py holds it):
cli -> web, flows -> demo, standin, audit, tune, finds, opendata -> night, series, evaluate -> fold, delivery
    -> change_detect, deformation, overlays, sites, tickets, store -> models -> simulate -> imagery -> core
"""

__version__ = "0.1.0"
