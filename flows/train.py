"""Training as a flow, run by hand: the same job as `sat-monitor train`, with its course in the window of the server.

It changes nothing that a night uses; a version comes into use when a person promotes it.
"""

from __future__ import annotations

from pathlib import Path

from prefect import flow, get_run_logger, task
from prefect.artifacts import create_table_artifact
from prefect.cache_policies import NO_CACHE

from sat_monitor.models.plan import Plan, train_network
from sat_monitor.models.weights import save_network


@task(name="train network", persist_result=False, cache_policy=NO_CACHE)
def train_version(name: str, data: str, out: str) -> tuple[str, list[dict[str, float]]]:
    """Train one version and write it with its card; its path and the course of its training."""
    log = get_run_logger()
    made = train_network(Plan(name, Path(data), Path(out) / "work"), log.info)
    path, _ = save_network(made.network, made.card, Path(out))
    return str(path), [{"step": p.step, "loss": p.loss, **p.f1} for p in made.course]


@flow(name="train", persist_result=False, validate_parameters=True)
def train(name: str, data: str, out: str) -> str:
    """Train a version of the network from the real sets in `data`; returns the path of its weights in `out`."""
    path, course = train_version(name, data, out)
    create_table_artifact(
        course, key="network-course", description=f"Course of {name}: loss, and F1 on validation chips"
    )
    return path
