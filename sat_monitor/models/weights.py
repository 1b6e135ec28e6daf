"""Weights and their card: numbers only, pinned by sha256, read without running anything."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np
import torch
from pydantic import Field, ValidationError
from safetensors import SafetensorError
from safetensors.numpy import load, save
from torch import Tensor

from sat_monitor.core.errors import NetworkError
from sat_monitor.core.profile import Section
from sat_monitor.models.bands import NORMALISATION, OPTICAL, RADAR
from sat_monitor.models.pictures import PictureTerms
from sat_monitor.models.siamese import Siamese, Widths

#: The shipped network and the sha256 of its weights.
SHIPPED = "siamese-1"
SHIPPED_SHA256 = "2c1a4c10fc9c559c8e48f0211504941988ea36ed04af54051fdbacdc27c13b2e"
MAX_BYTES = 12_000_000
_FOLDER = Path(__file__).resolve().parent / "shipped"


class TrainingSource(Section):
    """One kind of training data: how many chips, and the sha256 over their files."""

    chips: int = Field(description="number of chips")
    sha256: str = Field(description="fingerprint of the chips")
    about: str = Field(description="what it is, and under which licence")


class Figure(Section):
    """One figure with the interval that other seeds of training span."""

    f1: float = Field(description="F1 at one half")
    users: float = Field(description="user's accuracy")
    producers: float = Field(description="producer's accuracy")
    average_precision: float = Field(description="average precision")
    calibration_error: float = Field(description="expected calibration error")
    pixels: int = Field(description="scored pixels")


class Card(Section):
    """What is known of a network: where it comes from and what it is worth."""

    name: str = Field(description="name of the version")
    sha256: str = Field(description="sha256 of the weights")
    code_version: str = Field(description="version of the program that trained it")
    libraries: Mapping[str, str] = Field(description="versions of the libraries that did the arithmetic")
    licence: str = Field("Apache-2.0", description="licence of the weights")
    widths: Mapping[str, tuple[int, int, int, int]] = Field(description="channels by scale")
    temperature: tuple[float, float, float] = Field(description="divides the logits of each answer")
    bias: tuple[float, float, float] = Field(
        description="is added to them, so that one half is the best threshold for F1"
    )
    picture: Mapping[str, PictureTerms] = Field(
        description="how it is joined with the contrast of pictures, by their kind"
    )
    bands: tuple[str, ...] = Field((*OPTICAL, *RADAR), description="bands that it knows")
    normalisation: Mapping[str, tuple[float, ...]] = Field(
        NORMALISATION, description="medians and spreads of the inputs"
    )
    settings: Mapping[str, object] = Field(description="settings of the training")
    training: Mapping[str, TrainingSource] = Field(description="what it was trained on")
    split: str = Field(description="what was kept out")
    figures: Mapping[str, Figure] = Field(description="quality on validation chips")
    reliability: Mapping[str, tuple[tuple[float, float, int], ...]] = Field(
        description="mean probability, part that changed and pixels by bin"
    )


@dataclass(frozen=True, slots=True)
class Network:
    """A network with its card."""

    module: Siamese
    card: Card


def save_network(module: Siamese, card: Card, folder: Path) -> tuple[Path, Card]:
    """Writes `name`.safetensors and `name`.json; the card gets the sha256. Raises NetworkError E2301 for NaN or size."""
    values = {name: v.detach().cpu().contiguous().numpy() for name, v in module.state_dict().items()}
    _check_values(values, card.name)
    raw = save(values)
    if len(raw) > MAX_BYTES:
        raise NetworkError("E2301", f"{card.name}: {len(raw)} bytes, at most {MAX_BYTES} are allowed")
    known = card.model_copy(update={"sha256": sha256(raw).hexdigest()})
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{card.name}.safetensors"
    for target, content in ((path, raw), (path.with_suffix(".json"), _text(known).encode())):
        part = target.with_suffix(target.suffix + ".part")
        part.write_bytes(content)
        part.replace(target)
    return path, known


def load_network(path: Path, pinned: str | None = None) -> Network:
    """The network of a file beside its card.

    Raises NetworkError E2301 where the file or card is missing or no such thing, where the sha256 is not that of the
    card or the `pinned` one, where shapes differ from the network's, or a value is no number.
    """
    try:
        raw, text = path.read_bytes(), path.with_suffix(".json").read_text(encoding="utf-8")
        card = Card.model_validate_json(text)
    except (OSError, ValidationError, UnicodeDecodeError) as error:
        raise NetworkError("E2301", f"{path.name}: {error}") from error
    found = sha256(raw).hexdigest()
    for wanted, whose in ((card.sha256, "its card"), (pinned, "this version")):
        if wanted is not None and wanted != found:
            raise NetworkError("E2301", f"{path.name}: sha256 {found[:12]}, {whose} says {wanted[:12]}")
    try:
        values = load(raw)
    except SafetensorError as error:
        raise NetworkError("E2301", f"{path.name}: not a safetensors file: {error}") from error
    _check_values(values, path.name)
    module = Siamese(Widths(**card.widths))
    wanted_shapes = {name: tuple(v.shape) for name, v in module.state_dict().items()}
    shapes = {name: tuple(v.shape) for name, v in values.items()}
    if shapes != wanted_shapes:
        odd = sorted(
            name for name in shapes.keys() | wanted_shapes.keys() if shapes.get(name) != wanted_shapes.get(name)
        )
        raise NetworkError("E2301", f"{path.name}: {odd[0]} is {shapes.get(odd[0])}, not {wanted_shapes.get(odd[0])}")
    tensors: dict[str, Tensor] = {name: torch.from_numpy(value.copy()) for name, value in values.items()}
    module.load_state_dict(tensors)
    return Network(module.eval(), card)


def keep_network(path: Path, folder: Path, sha256_hex: str) -> Path:
    """Copies a network and its card into a folder under its sha256; what is there already stays."""
    folder.mkdir(parents=True, exist_ok=True)
    kept = folder / f"{sha256_hex}.safetensors"
    for source, target in ((path, kept), (path.with_suffix(".json"), kept.with_suffix(".json"))):
        if not target.exists():
            part = target.with_suffix(target.suffix + ".part")
            part.write_bytes(source.read_bytes())
            part.replace(target)
    return kept


def shipped_network() -> Network:
    """The network of this release."""
    return load_network(_FOLDER / f"{SHIPPED}.safetensors", SHIPPED_SHA256)


def _check_values(values: Mapping[str, np.ndarray[tuple[int, ...], np.dtype[np.generic]]], name: str) -> None:
    for key, value in values.items():
        if value.dtype.kind == "f" and not np.isfinite(value).all():
            raise NetworkError("E2301", f"{name}: {key} holds values that are no numbers")


def _text(card: Card) -> str:
    return json.dumps(json.loads(card.model_dump_json()), indent=1, ensure_ascii=False, sort_keys=True) + "\n"
