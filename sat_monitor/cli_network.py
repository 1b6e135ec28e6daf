"""Commands of the change network: a pair of pictures, training, and which version is in use."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sat_monitor.cli_common import Progress
from sat_monitor.core.errors import UsageError

network_app = typer.Typer(no_args_is_help=True)

BandsOption = Annotated[
    str | None, typer.Option("--bands", help="names by order, e.g. B04,B03,B02; RGB or the six bands where absent")
]
RuntimeOption = Annotated[
    str | None, typer.Option("--runtime", help="float32 (the reference) or bfloat16; absent: what the processor does best")
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
