"""Training: the same seed and chips give the same network; it can be stopped and taken up again."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch

from sat_monitor.models.batches import Batch, batch_of, by_source, drawn
from sat_monitor.models.infer import Runtime, best_runtime
from sat_monitor.models.losses import LossKind, loss_of
from sat_monitor.models.siamese import Siamese, Widths, softened
from sat_monitor.models.validation import group_scores, quality

#: Decay of the running mean of the weights, which is what is kept; long runs average over more steps.
_DECAY = 0.998
_WARM_STEPS, _CLIP = 200, 1.0
_CHECKPOINT = "checkpoint.pt"
#: How often each kind of chip is drawn, by the first word of its file.
SHARES = {"world": 0.6, "blend": 0.4}


@dataclass(frozen=True, slots=True)
class TrainingSettings:
    """A run: steps of `batch` squares, learning rate, loss, how often it is validated, when it gives up."""

    seed: int = 1
    steps: int = 8000
    batch: int = 8
    rate: float = 2e-3
    loss: LossKind = LossKind.TVERSKY
    every: int = 500
    patience: int = 6
    shares: Mapping[str, float] = field(default_factory=lambda: dict(SHARES))
    widths: Widths = field(default_factory=Widths)
    #: Whether steps compute in bfloat16; where a processor only imitates it, they take many times as long.
    bfloat16: bool = field(default_factory=lambda: best_runtime() is Runtime.BFLOAT16 or torch.cuda.is_available())


@dataclass(frozen=True, slots=True)
class Point:
    """The state of a run after a step: mean training loss since the last, F1 of each validation group."""

    step: int
    loss: float
    f1: Mapping[str, float]

    @property
    def score(self) -> float:
        """Mean F1 of the groups."""
        return float(np.mean(list(self.f1.values()))) if self.f1 else -self.loss


@dataclass(frozen=True, slots=True)
class Trained:
    """The best network of a run and its course."""

    network: Siamese
    course: tuple[Point, ...]
    settings: TrainingSettings


def train(
    chips: Sequence[Path], validation: Sequence[Path], settings: TrainingSettings, folder: Path,
    say: Callable[[str], None] = lambda line: None, start: Siamese | None = None,
) -> Trained:  # fmt: skip
    """Trains on files of chips, keeps the running mean that does best on `validation`; state lives in `folder`.

    It begins with the weights of `start`, or with random ones.

    A run that finds its own state there goes on from it. A GPU is used where there is one.
    """
    torch.manual_seed(settings.seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    network = Siamese(settings.widths)
    if start is not None:
        network.load_state_dict(start.state_dict())
    run = _Run(network.to(device), settings)
    folder.mkdir(parents=True, exist_ok=True)
    run.restore(folder / _CHECKPOINT)
    sources = by_source(chips)
    while run.step < settings.steps and not run.weary:
        steps = range(run.step, min(run.step + settings.every, settings.steps))
        losses = [run.advance(batch.to(device)) for batch in _ahead(sources, settings, steps)]
        run.judge(float(np.mean(losses)), validation)
        run.save(folder / _CHECKPOINT)
        point = run.course[-1]
        figures = ", ".join(f"{name} {value:.3f}" for name, value in point.f1.items())
        say(f"step {point.step}: loss {point.loss:.4f}, F1 {figures}, mean {point.score:.3f}")
    best = Siamese(settings.widths)
    best.load_state_dict(run.best)
    return Trained(best.eval(), tuple(run.course), settings)


class _Run:
    """Network, optimiser, running mean and course of one run."""

    def __init__(self, network: Siamese, settings: TrainingSettings) -> None:
        self.network, self.settings = network.to(memory_format=torch.channels_last), settings  # type: ignore[call-overload]
        self.optimiser = torch.optim.AdamW(network.parameters(), lr=settings.rate, weight_decay=1e-3)
        self.mean = {name: value.detach().clone() for name, value in network.state_dict().items()}
        self.best, self.course, self.step = dict(self.mean), list[Point](), 0

    @property
    def weary(self) -> bool:
        """Whether the last `patience` validations brought nothing better."""
        scores = [point.score for point in self.course]
        return bool(scores) and len(scores) - 1 - int(np.argmax(scores)) >= self.settings.patience

    def advance(self, batch: Batch) -> float:
        """One step; the loss before it."""
        for group in self.optimiser.param_groups:
            group["lr"] = self._rate()
        self.network.train()
        kind = batch.optical.device.type
        with torch.autocast(kind, torch.bfloat16, enabled=self.settings.bfloat16):
            output = self.network(batch.optical, batch.radar, batch.slope)
        loss = loss_of(self.settings.loss, softened(output.float()), batch.truth, batch.weight)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), _CLIP)
        self.optimiser.step()
        self.step += 1
        decay = min(_DECAY, (1.0 + self.step) / (10.0 + self.step))
        for name, value in self.network.state_dict().items():
            kept = self.mean[name]
            self.mean[name] = torch.lerp(value, kept, decay) if value.is_floating_point() else value.clone()
        return float(loss.detach())

    def judge(self, loss: float, validation: Sequence[Path]) -> None:
        """Notes the state of the run; keeps the running mean if it is the best so far."""
        judged = Siamese(self.settings.widths)
        judged.load_state_dict({name: value.cpu() for name, value in self.mean.items()})
        f1 = {name: quality(scores).f1 for name, scores in group_scores(judged, validation).items()}
        self.course.append(Point(self.step, loss, f1))
        if self.course[-1].score >= max(point.score for point in self.course):
            self.best = {name: value.cpu().clone() for name, value in self.mean.items()}

    def save(self, path: Path) -> None:
        """Writes everything that going on needs."""
        state = {
            "settings": _text(self.settings), "step": self.step, "network": self.network.state_dict(),
            "optimiser": self.optimiser.state_dict(), "mean": self.mean, "best": self.best,
            "course": json.dumps([asdict(point) for point in self.course]),
        }  # fmt: skip
        part = path.with_suffix(".part")
        torch.save(state, part)
        part.replace(path)

    def restore(self, path: Path) -> None:
        """Takes up a state of the same settings, if there is one; reading it runs no code."""
        if not path.exists():
            return
        state = torch.load(path, weights_only=True)
        if state["settings"] != _text(self.settings):
            return
        self.network.load_state_dict(state["network"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.mean, self.best, self.step = state["mean"], state["best"], int(state["step"])
        self.course = [Point(**point) for point in json.loads(state["course"])]

    def _rate(self) -> float:
        """A short warm-up, then half a cosine (Loshchilov and Hutter, 2017)."""
        warm = min(1.0, (self.step + 1) / max(1, min(_WARM_STEPS, self.settings.steps // 10)))
        return float(self.settings.rate * warm * 0.5 * (1.0 + np.cos(np.pi * self.step / self.settings.steps)))


def _batch(sources: Mapping[str, Sequence[Path]], settings: TrainingSettings, step: int) -> Batch:
    """The squares of a step: each is drawn from its own number, so that a run that goes on draws the same."""
    first = step * settings.batch
    seeds = range(first, first + settings.batch)
    return batch_of([drawn(sources, settings.shares, np.random.default_rng([settings.seed, n])) for n in seeds])


def _ahead(sources: Mapping[str, Sequence[Path]], settings: TrainingSettings, steps: Sequence[int]) -> Iterator[Batch]:
    """The batches of steps, the next one drawn while the last is learned."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        coming = deque([pool.submit(_batch, sources, settings, step) for step in steps[:2]])
        for step in (*steps[2:], None, None):
            if coming:
                yield coming.popleft().result()
            if step is not None:
                coming.append(pool.submit(_batch, sources, settings, step))


def _text(settings: TrainingSettings) -> str:
    return json.dumps(asdict(settings), sort_keys=True)
