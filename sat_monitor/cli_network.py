"""Commands of the change network: a pair of pictures, training, and which version is in use."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sat_monitor.cli_common import DEFAULT_HOME, HomeOption, JsonOption, Progress, print_rows
from sat_monitor.core.clock import iso, system_clock
from sat_monitor.core.errors import UsageError
from sat_monitor.core.home import Home

network_app = typer.Typer(no_args_is_help=True)

BandsOption = Annotated[
    str | None, typer.Option("--bands", help="names by order, e.g. B04,B03,B02; RGB or the six bands where absent")
]
RuntimeOption = Annotated[
    str | None,
    typer.Option("--runtime", help="float32 (the reference) or bfloat16; absent: what the processor does best"),
]
WeightsOption = Annotated[Path | None, typer.Option("--weights", help="another network (.safetensors beside its card)")]


def pair(
    before: Annotated[Path | None, typer.Argument(help="earlier picture: GeoTIFF, PNG or ENVI, 8 or 16 bits")] = None,
    after: Annotated[Path | None, typer.Argument(help="later picture on the same pixels")] = None,
    out: Annotated[Path, typer.Option("--out", help="GeoTIFF of probabilities")] = Path("change.tif"),
    bands: BandsOption = None,
    s1_before: Annotated[Path | None, typer.Option("--s1-before", help="earlier radar picture: VV or VV, VH")] = None,
    s1_after: Annotated[Path | None, typer.Option("--s1-after", help="later radar picture")] = None,
    s1_bands: Annotated[str | None, typer.Option("--s1-bands", help="names by order: VV or VV,VH")] = None,
    radiometry: Annotated[str, typer.Option("--radiometry", help="picture (any stretch), or reflectance")] = "picture",
    scale: Annotated[float, typer.Option("--scale", min=1e-6, help="divides reflectance")] = 10_000.0,
    runtime: RuntimeOption = None, weights: WeightsOption = None,
    threads: Annotated[int, typer.Option("--threads", min=0, help="0: all; one number gives one result")] = 0,
) -> None:  # fmt: skip
    """Where a pair of pictures shows ground that became bare or built: probability, vegetation loss, uncertainty."""
    import torch

    from sat_monitor.models.infer import Runtime, best_runtime
    from sat_monitor.models.weights import load_network, shipped_network
    from sat_monitor.pair import PairRequest, Radiometry, detect_pair, write_detection

    if runtime not in (None, *Runtime) or radiometry not in tuple(Radiometry):
        raise UsageError("E2001", f"--runtime {runtime}, --radiometry {radiometry}; see --help for what is known")
    if threads:
        torch.set_num_threads(threads)
    network = shipped_network() if weights is None else load_network(weights)
    chosen = best_runtime() if runtime is None else Runtime(runtime)
    request = PairRequest(
        before, after, _names(bands), s1_before, s1_after, _names(s1_bands), Radiometry(radiometry), scale
    )
    with Progress() as progress:
        progress(f"{network.card.name} ({chosen.value})")
        result = detect_pair(request, network, chosen)
        write_detection(result, network, chosen, out)
    part = float((result.detection.conversion > 0.5).mean())
    print(f"{out}: {part:.2%} of the picture above one half")


def _names(text: str | None) -> tuple[str, ...] | None:
    return None if text is None else tuple(name.strip() for name in text.split(","))


def train(
    data: Annotated[Path, typer.Option("--data", help="folder of real sets: pictures, radar, labelled pairs")],
    out: Annotated[Path, typer.Option("--out", help="folder of the weights, their card and the learning curves")],
    name: Annotated[str, typer.Option("--name", help="name of the version")] = "siamese",
    work: Annotated[Path | None, typer.Option("--work", help="folder of chips and states; kept to go on from")] = None,
    leave_out: Annotated[list[str] | None, typer.Option("--leave-out", help="labelled city that will be scored")] = None,
    seed: Annotated[int, typer.Option("--seed", help="seed of the weights and of the order of chips")] = 1,
    steps: Annotated[int, typer.Option("--steps", min=1, help="steps of the first part")] = 2200,
    refine_steps: Annotated[int, typer.Option("--refine-steps", min=1, help="steps with labelled pairs")] = 800,
    worlds: Annotated[int, typer.Option("--worlds", min=1, help="number of simulated worlds")] = 32,
    loss: Annotated[str, typer.Option("--loss", help="cross-entropy, focal or tversky")] = "tversky",
) -> None:  # fmt: skip
    """Train a network from random weights; the same data, seed and processor give the same one. Goes on where it stopped."""
    from sat_monitor.models.curves import draw_course, draw_reliability
    from sat_monitor.models.losses import LossKind
    from sat_monitor.models.plan import Plan, course_lines, train_network
    from sat_monitor.models.train import TrainingSettings
    from sat_monitor.models.weights import save_network

    if loss not in tuple(LossKind):
        raise UsageError("E2001", f"--loss {loss}; known are {', '.join(LossKind)}")
    base = TrainingSettings(seed=seed, steps=steps, loss=LossKind(loss), every=min(500, steps))
    plan = Plan(name, data, work or out / "work", tuple(leave_out or ()), base, refine_steps, worlds)
    with Progress() as progress:
        made = train_network(plan, progress)
    path, card = save_network(made.network, made.card, out)
    draw_course(made.course, out / f"{name}-course.png")
    draw_reliability(card, out / f"{name}-reliability.png")
    print("\n".join(course_lines(made.course)))
    print(f"{path}: sha256 {card.sha256}")


@network_app.command("promote")
def network_promote(
    weights: Annotated[Path, typer.Argument(help="weights (.safetensors beside their card)")],
    by: Annotated[str, typer.Option("--by", help="name of the person who promotes")],
    reason: Annotated[str, typer.Option("--reason", help="why")], home: HomeOption = DEFAULT_HOME,
) -> None:  # fmt: skip
    """Put a version to use: an event of the history; name and reason are kept apart and can be erased."""
    from sat_monitor.approval import LEASE_SECONDS
    from sat_monitor.promotion import promote
    from sat_monitor.store.store import Store

    home.mkdir(parents=True, exist_ok=True)
    with Store(Home(home).database, system_clock) as store, store.lease("network promote", LEASE_SECONDS) as lease:
        event = promote((store, lease), Home(home), weights, by, reason)
    print(f"in use: {weights.stem}, event {event.seq}")


@network_app.command("list")
def network_list(home: HomeOption = DEFAULT_HOME, as_json: JsonOption = False) -> None:
    """The versions that were put to use, oldest first: the shipped one, then what people promoted and why."""
    from sat_monitor.models.weights import SHIPPED, SHIPPED_SHA256
    from sat_monitor.promotion import promotions
    from sat_monitor.store.store import Store

    rows = [{"at": "", "name": SHIPPED, "sha256": SHIPPED_SHA256, "by": "release", "reason": ""}]
    if Home(home).database.is_file():
        with Store(Home(home).database, system_clock, read_only=True) as store:
            rows += [
                {"at": iso(r.at), "name": r.name, "sha256": r.sha256, "by": r.by or "", "reason": r.reason or ""}
                for r in promotions(store)
            ]
    print_rows(rows, as_json, "networks")


@network_app.command("show")
def network_show(weights: WeightsOption = None) -> None:
    """The card of a network: training data with hashes, split, figures, calibration; the shipped one where none is named."""
    from sat_monitor.models.weights import load_network, shipped_network

    network = shipped_network() if weights is None else load_network(weights)
    print(network.card.model_dump_json(indent=1))
