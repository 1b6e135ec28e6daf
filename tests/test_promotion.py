"""A version of the network comes into use by a person with a reason, and the history says so."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from sat_monitor.cli import app
from sat_monitor.core.clock import system_clock
from sat_monitor.core.errors import NetworkError, UsageError
from sat_monitor.core.home import Home
from sat_monitor.models.siamese import Siamese
from sat_monitor.models.weights import save_network, shipped_network
from sat_monitor.promotion import network_in_use, promote, promotions
from sat_monitor.store.store import Store
from tests.test_models_weights import SMALL, card


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    torch.manual_seed(5)
    return save_network(Siamese(SMALL), card(), tmp_path / "made")[0]


def test_the_shipped_network_is_in_use_until_another_is_promoted(weights: Path, tmp_path: Path) -> None:
    home = Home(tmp_path)
    with Store(home.database, system_clock) as store, store.lease("test", 60) as lease:
        assert network_in_use(store, home).card.sha256 == shipped_network().card.sha256
        promote((store, lease), home, weights, "Sato", "better on our forest roads")
        assert network_in_use(store, home).card.name == "small"
        (row,) = promotions(store)
        assert (row.by, row.reason) == ("Sato", "better on our forest roads")
        assert "Sato" not in "".join(event.body for event in store.events(family="network."))


def test_a_promoted_network_that_was_replaced_on_the_disk_is_refused(weights: Path, tmp_path: Path) -> None:
    home = Home(tmp_path)
    with Store(home.database, system_clock) as store, store.lease("test", 60) as lease:
        promote((store, lease), home, weights, "Sato", "a reason")
        (kept,) = home.networks.glob("*.safetensors")
        kept.write_bytes(kept.read_bytes()[:-4] + b"\0\0\0\1")
        with pytest.raises(NetworkError, match="E2301"):
            network_in_use(store, home)


@pytest.mark.parametrize(("by", "reason"), [("", "why"), ("Sato", "  "), ("x" * 101, "why")])
def test_a_promotion_without_person_or_reason_is_refused(weights: Path, tmp_path: Path, by: str, reason: str) -> None:
    home = Home(tmp_path)
    with Store(home.database, system_clock) as store, store.lease("test", 60) as lease:
        with pytest.raises(UsageError, match="E2001"):
            promote((store, lease), home, weights, by, reason)
        assert promotions(store) == []


def test_the_commands_promote_list_and_show(weights: Path, tmp_path: Path) -> None:
    run, home = CliRunner(), ["--home", str(tmp_path / "var")]
    assert (
        run.invoke(app, ["network", "promote", str(weights), "--by", "Sato", "--reason", "why", *home]).exit_code == 0
    )
    listed = json.loads(run.invoke(app, ["network", "list", "--json", *home]).stdout)
    assert [row["name"] for row in listed] == ["siamese-1", "small"]
    shown = json.loads(run.invoke(app, ["network", "show"]).stdout)
    assert shown["sha256"] == shipped_network().card.sha256
