"""Weights are numbers with a pin: what is not exactly they is refused, and nothing in the file is run."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file

from sat_monitor.core.errors import NetworkError
from sat_monitor.models.pictures import ALONE
from sat_monitor.models.siamese import Siamese, Widths, parameters
from sat_monitor.models.weights import MAX_BYTES, Card, load_network, save_network, shipped_network

SMALL = Widths((8, 8, 8, 8), (8, 8, 8, 8), (8, 8, 8, 8))


def card() -> Card:
    from dataclasses import asdict

    return Card(
        name="small", sha256="", code_version="0", libraries={}, widths=asdict(SMALL), temperature=(1.0, 1.0, 1.0), bias=(0.0, 0.0, 0.0),
        picture=ALONE,
        settings={}, training={}, split="", figures={}, reliability={},
    )  # fmt: skip


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    torch.manual_seed(1)
    return save_network(Siamese(SMALL), card(), tmp_path)[0]


def test_what_was_saved_comes_back(saved: Path) -> None:
    network = load_network(saved)
    torch.manual_seed(1)
    wanted = Siamese(SMALL).state_dict()
    for name, value in network.module.state_dict().items():
        assert torch.equal(value, wanted[name])
    assert len(network.card.sha256) == 64


def test_another_file_under_the_name_is_refused(saved: Path) -> None:
    values = load_file(saved)
    values["head.bias"] = values["head.bias"] + np.float32(1e-3)
    save_file(values, saved)
    with pytest.raises(NetworkError, match="its card says"):
        load_network(saved)


def test_a_card_that_goes_with_another_file_does_not_help(saved: Path) -> None:
    with pytest.raises(NetworkError, match="this version says"):
        load_network(saved, pinned="f" * 64)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_no_numbers_are_refused(saved: Path, tmp_path: Path, value: float) -> None:
    network = load_network(saved).module
    with torch.no_grad():
        network.head.bias[0] = value
    with pytest.raises(NetworkError, match="no numbers"):
        save_network(network, card(), tmp_path / "bad")


def test_a_network_of_another_shape_is_refused(saved: Path) -> None:
    text = json.loads(saved.with_suffix(".json").read_text())
    text["widths"]["decoder"] = [8, 8, 8, 16]
    saved.with_suffix(".json").write_text(json.dumps(text))
    with pytest.raises(NetworkError, match="not \\("):
        load_network(saved)


class Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (exec, ("raise SystemExit('code ran')",))


def test_a_pickle_under_the_name_is_refused_and_not_run(saved: Path) -> None:
    from hashlib import sha256

    saved.write_bytes(pickle.dumps(Evil()))
    text = json.loads(saved.with_suffix(".json").read_text())
    text["sha256"] = sha256(saved.read_bytes()).hexdigest()
    saved.with_suffix(".json").write_text(json.dumps(text))
    with pytest.raises(NetworkError, match="not a safetensors file"):
        load_network(saved)


def test_a_missing_file_or_card_is_told(saved: Path, tmp_path: Path) -> None:
    with pytest.raises(NetworkError, match="E2301"):
        load_network(tmp_path / "nothing.safetensors")
    saved.with_suffix(".json").write_text("{}")
    with pytest.raises(NetworkError, match="E2301"):
        load_network(saved)


def test_the_shipped_network_is_small_pinned_and_has_a_card() -> None:
    network = shipped_network()
    folder = Path(__file__).resolve().parents[1] / "sat_monitor/models/shipped"
    assert sum(path.stat().st_size for path in folder.iterdir()) <= MAX_BYTES
    assert parameters(network.module) <= 3_000_000
    assert network.card.figures and network.card.training and network.card.reliability
    assert all(source.chips > 0 and len(source.sha256) == 64 for source in network.card.training.values())
