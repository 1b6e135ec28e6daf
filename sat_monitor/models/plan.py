"""The whole way from nothing to a network: chips, training, refinement on labelled pairs, calibration, card."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from sat_monitor import __version__
from sat_monitor.core.errors import NetworkError
from sat_monitor.models.bands import Answer
from sat_monitor.models.batches import by_source
from sat_monitor.models.chip_store import fingerprint, load_chips, save_chips
from sat_monitor.models.chips import Chip, Sight, keeping
from sat_monitor.models.infer import Predictor, Runtime
from sat_monitor.models.labelled_chips import blended_chips, cities, labelled_chips, labelled_pair
from sat_monitor.models.pictures import ALONE, INFRARED, VISIBLE, PictureTerms, Sample, contrast, fitted, log_odds
from sat_monitor.models.real_chips import real_chips, real_sets
from sat_monitor.models.siamese import Siamese
from sat_monitor.models.train import Point, TrainingSettings, train
from sat_monitor.models.validation import calibration_of, group_scores, quality, reliability
from sat_monitor.models.weights import Card, Figure, Network, TrainingSource
from sat_monitor.models.world_chips import TRAINING_WORLD, world_chips

Say = Callable[[str], None]

#: Worlds of training and of validation, and pairs of dates of each. Evaluation of the night uses seeds below 1000.
TRAINING_SEEDS, VALIDATION_SEEDS = tuple(range(20001, 20033)), tuple(range(90001, 90007))
_PAIRS, _VALIDATION_PAIRS = 10, 5
_LIBRARIES = ("numpy", "scipy", "torch")
#: Chips of each real set, and of each labelled city's images.
_PICTURES, _RADAR, _SCENERY, _VALIDATION = 800, 220, 200, 24
#: The refinement: shorter, gentler, with what people labelled.
_REFINED = {"world": 0.42, "blend": 0.28, "scenery": 0.12, "labelled": 0.18, "verdict": 0.1}
_ABOUT = {
    "world": "simulated worlds (this project, Apache-2.0)",
    "blend": "events blended into pictures over Tama (Copernicus Sentinel-2, Landsat) and Sentinel-1 VV of other places",
    "scenery": "events blended into Landsat images of labelled cities (MIT)",
    "verdict": "verdicts of inspectors with the pictures of their ground",
    "labelled": "Landsat pairs with labels of change (MIT)",
}
_SPLIT = (
    "Validation: other worlds, the east of the pictures over Tama, radar of two other places. No date and no block of "
    "s2_romania, opera_rtc_s1, s1_s2_belgium, opera_s1_series or opera_alert_points was used. Left out cities: {}."
)


@dataclass(frozen=True, slots=True)
class Plan:
    """What to train: `data` holds the real sets, `work` chips and states, `leave_out` names cities that will be scored."""

    name: str
    data: Path
    work: Path
    leave_out: tuple[str, ...] = ()
    base: TrainingSettings = field(default_factory=lambda: TrainingSettings(steps=2200))
    refine_steps: int = 800
    worlds: int = len(TRAINING_SEEDS)
    processes: int = 2


@dataclass(frozen=True, slots=True)
class Made:
    """A network, its card, and the course of both parts of its training."""

    network: Siamese
    card: Card
    course: tuple[Point, ...]


def make_chips(plan: Plan, say: Say) -> tuple[list[Path], list[Path]]:
    """Files of training and of validation chips; what is there already is kept.

    Raises NetworkError E2303 where the folder of real sets is missing.
    """
    if not plan.data.is_dir():
        raise NetworkError("E2303", str(plan.data))
    train_folder, check_folder = plan.work / "chips", plan.work / "validation"
    jobs = [partial(_world_job, seed, _PAIRS, train_folder) for seed in TRAINING_SEEDS[: plan.worlds]]
    jobs += [partial(_world_job, seed, _VALIDATION_PAIRS, check_folder) for seed in VALIDATION_SEEDS[: plan.worlds]]
    for validation, folder in ((False, train_folder), (True, check_folder)):
        names = [found.name for found in real_sets(plan.data, validation)]
        jobs += [partial(_blend_job, plan.data, validation, name, folder) for name in names]
    jobs += [partial(_city_job, city, train_folder) for city in cities(plan.data / "landsat_pairs").values()]
    with ProcessPoolExecutor(plan.processes, mp_context=get_context("spawn")) as pool:
        waiting: list[Future[str]] = [pool.submit(job) for job in jobs]
        for done in waiting:
            say(done.result())
    return sorted(train_folder.glob("*.npz")), sorted(check_folder.glob("*.npz"))


def train_network(plan: Plan, say: Say) -> Made:
    """Chips, training from random weights, refinement with labelled pairs, temperature, card."""
    chips, validation = make_chips(plan, say)
    wanted = [path for path in chips if not any(city in path.name for city in plan.leave_out)]
    base = train(wanted, validation, plan.base, plan.work / "base", say)
    refined = replace(
        plan.base,
        steps=plan.refine_steps,
        rate=plan.base.rate / 2.0,
        shares={kind: share for kind, share in _REFINED.items() if kind in by_source(wanted)},
        every=min(250, plan.refine_steps),
    )
    kept = "-".join(("without", *plan.leave_out)) if plan.leave_out else "all"
    made = train(wanted, validation, refined, plan.work / f"refined-{kept}", say, start=base.network)
    card = card_of(plan, made.network, wanted, validation)
    terms = picture_terms(plan, Network(made.network, card), validation)
    return Made(made.network, card.model_copy(update={"picture": terms}), (*base.course, *made.course))


def card_of(plan: Plan, network: Siamese, chips: Sequence[Path], validation: Sequence[Path]) -> Card:
    """The card of a network: temperature and figures come from the validation chips."""
    scores = group_scores(network, validation)
    temperature, bias = calibration_of(list(scores.values()))
    settings = json.loads(json.dumps(asdict(plan.base), default=str)) | {"refine_steps": plan.refine_steps}
    return Card(
        name=plan.name, sha256="", code_version=__version__, libraries={name: version(name) for name in _LIBRARIES},
        widths=asdict(network.widths), temperature=(temperature,) * len(Answer),
        bias=(bias,) * len(Answer), picture=ALONE, settings=settings,
        training={
            name: TrainingSource(chips=len(paths), sha256=fingerprint(paths), about=_ABOUT.get(name, name))
            for name, paths in by_source(chips).items()
        },
        split=_SPLIT.format(", ".join(plan.leave_out) or "none"),
        figures={name: Figure(**_figures(quality(found, temperature, bias))) for name, found in scores.items()},
        reliability={name: reliability(found, temperature, bias) for name, found in scores.items()},
    )  # fmt: skip


def picture_terms(plan: Plan, network: Network, validation: Sequence[Path]) -> dict[str, PictureTerms]:
    """How network and contrast are joined on pictures, with and without infrared: learned from labelled cities and blends.

    The offset of conversion counts blends too, for in the labelled squares of a city changes are far commoner than in a
    picture. Without labels the network stands alone.
    """
    predictor = Predictor.of(network, Runtime.FLOAT32)
    labelled = [
        labelled_pair(city) for name, city in cities(plan.data / "landsat_pairs").items() if name not in plan.leave_out
    ]
    blends = list(load_chips(p for p in validation if p.name.startswith("blend-tama")))
    if not labelled or not blends:
        return dict(ALONE)
    parts = [_sample(predictor, chip, Answer.CONVERSION) for chip in blends]
    pooled = Sample(*(np.concatenate([getattr(s, n) for s in parts]) for n in ("odds", "contrast", "truth")))
    found = {}
    for kind, sight in ((INFRARED, Sight.ALL), (VISIBLE, Sight.RGB)):
        shown = [keeping(chip, sight) for chip in labelled]
        conversion = [*(_sample(predictor, chip, Answer.CONVERSION) for chip in shown), *[pooled] * len(shown)]
        change = [_sample(predictor, chip, Answer.CHANGE) for chip in shown]
        found[kind] = PictureTerms(conversion=fitted(conversion), change=fitted(change))
    return found


def _sample(predictor: Predictor, chip: Chip, answer: Answer) -> Sample:
    """The scored pixels of a chip, as `fitted` wants them."""
    detection = predictor.detect(chip.pair)
    plane = detection.conversion if answer is Answer.CONVERSION else detection.change
    sharp, truth = contrast(chip.pair), chip.truth[answer]
    known = (chip.weight[answer] > 0.5) & np.isfinite(plane) & np.isfinite(sharp) & ((truth >= 0.5) | (truth <= 0.2))
    return Sample(log_odds(plane[known]), sharp[known].astype(np.float64), truth[known] >= 0.5)


def _figures(found: object) -> dict[str, float]:
    return {name: round(float(getattr(found, name)), 4) for name in Figure.model_fields}


def _world_job(seed: int, pairs: int, folder: Path) -> str:
    stem = f"world-{seed}"
    if (folder / f"{stem}-{pairs - 1:03d}.npz").exists():
        return f"{stem}: kept"
    try:
        return f"{stem}: {len(save_chips(world_chips(TRAINING_WORLD, seed, pairs), folder, stem))} chips"
    except ValueError as error:
        return f"{stem}: left out, {error}"


def _blend_job(data: Path, validation: bool, name: str, folder: Path) -> str:
    count = _VALIDATION if validation else _PICTURES if name == "tama_rgb" else _RADAR
    if (folder / f"blend-{name}-{count - 1:03d}.npz").exists():
        return f"{name}: kept"
    found = next(s for s in real_sets(data, validation) if s.name == name)
    return f"{name}: {len(save_chips(real_chips(found, count, 4 if validation else 3), folder, f'blend-{name}'))} chips"


def _city_job(city: Path, folder: Path) -> str:
    name = city.name.lower()
    if (folder / f"scenery-{name}-{_SCENERY - 1:03d}.npz").exists():
        return f"{name}: kept"
    labelled = save_chips(labelled_chips(city), folder, f"labelled-{name}")
    scenery = save_chips(blended_chips(city, _SCENERY, 5), folder, f"scenery-{name}")
    return f"{name}: {len(labelled)} labelled, {len(scenery)} blended chips"


def course_lines(course: Sequence[Point]) -> Iterator[str]:
    """The course of a training as a table of text."""
    for point in course:
        figures = " ".join(f"{value:.3f}" for value in point.f1.values())
        yield f"{point.step:6d} {point.loss:.4f} {figures} {point.score:.3f}"
