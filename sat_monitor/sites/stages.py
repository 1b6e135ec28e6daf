"""What the ground of a site goes through, and when it grew: from the figures of the patches that each look drew.

METHOD 10: clearing, worked ground, regrowth; a fill greens over within weeks, so regrowth is no recovery. METHOD 15:
the days between which a site passed 300 and 500 m2.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta

from sat_monitor.core.domain import Candidate, Crossing, Stage, StageDay, StageHistory
from sat_monitor.core.size import exceeds_probability

#: What may follow what; every change of stage passes this table. Renewed work may begin anywhere.
ALLOWED: Mapping[Stage, frozenset[Stage]] = {
    Stage.VEGETATED: frozenset({Stage.CLEARED, Stage.WORKED}),
    Stage.CLEARED: frozenset({Stage.WORKED, Stage.REVEGETATED}),
    Stage.WORKED: frozenset({Stage.REVEGETATED}),
    Stage.REVEGETATED: frozenset({Stage.CLEARED, Stage.WORKED, Stage.RECOVERED}),
    Stage.RECOVERED: frozenset({Stage.CLEARED, Stage.WORKED}),
}
#: Loss of NDVI against its season up to which ground is as it was, and from which it is cleared.
BACK_LOSS, CLEARED_LOSS = 0.08, 0.2
#: Share of a patch on bare or worked ground from which it is worked, and up to which its soil index is back.
WORKED_SHARE, BACK_SHARE = 0.5, 0.1
#: Departure of VH from its reference up to which it is back, dB: the mean of a patch holds little speckle.
BACK_VH_DB = 1.0
#: How long all must have been back.
RECOVERY = timedelta(days=365)
#: Stage changes that a site remembers, the newest.
MAX_ENTRIES = 20
#: Probabilities up to which a size was surely not reached, and from which it surely was (METHOD 15).
NOT_YET, SURELY = 0.1, 0.95


def passed(history: StageHistory, day: date, evidence: Mapping[str, float]) -> StageHistory:
    """The history after a look of UTC `day` whose patch has the figures `evidence` (name_unit to value).

    A stage that the table allows is entered where two optical looks of different days in a row show it, with the day
    of the first; what was back is not when one look says otherwise.
    """
    if "vh_change_dB" in evidence:
        back = abs(evidence["vh_change_dB"]) <= BACK_VH_DB
        return _rested(replace(history, echo_since=(history.echo_since or day) if back else None), day)
    if "ndvi_1" not in evidence or "ndvi_expected_1" not in evidence:
        return history
    loss, bare = evidence["ndvi_expected_1"] - evidence["ndvi_1"], evidence.get("bare_1", 0.0)
    back = loss <= BACK_LOSS and bare <= BACK_SHARE
    history = replace(history, green_since=(history.green_since or day) if back else None)
    return _rested(_shown(history, _reading(loss, bare, history.stage), day), day)


def crossing(known: Crossing, limit_m2: float, day: date, area: tuple[float, float]) -> Crossing:
    """`known` after an optical look of UTC `day` that gives `area` (m2, one-sigma error); once over, it stays."""
    if known.over_on is not None:
        return known
    chance = exceeds_probability(*area, limit_m2)
    if chance >= SURELY:
        return replace(known, over_on=day)
    return replace(known, below_on=day) if chance <= NOT_YET else known


def is_optical(candidate: Candidate) -> bool:
    """Whether the look that drew a patch was optical: only then is its area measured anew."""
    return "ndvi_1" in candidate.evidence


def _reading(loss: float, bare: float, present: Stage) -> Stage:
    """What one optical look shows; between back and cleared nothing new is said."""
    if loss >= CLEARED_LOSS:
        return Stage.WORKED if bare >= WORKED_SHARE else Stage.CLEARED
    touched = present in (Stage.CLEARED, Stage.WORKED)
    return Stage.REVEGETATED if touched and loss <= BACK_LOSS and bare <= BACK_SHARE else present


def _shown(history: StageHistory, stage: Stage, day: date) -> StageHistory:
    if stage not in ALLOWED[history.stage]:
        return replace(history, pending=None)
    pending = history.pending
    if pending is None or pending.stage is not stage:
        return replace(history, pending=StageDay(stage, day))
    return history if day <= pending.on else _entered(history, pending)


def _rested(history: StageHistory, day: date) -> StageHistory:
    """Recovered where regrown ground has been back in every sense for long enough."""
    if history.stage is not Stage.REVEGETATED or history.green_since is None or history.echo_since is None:
        return history
    since = max(history.green_since, history.echo_since)
    return _entered(history, StageDay(Stage.RECOVERED, day)) if day - since >= RECOVERY else history


def _entered(history: StageHistory, entry: StageDay) -> StageHistory:
    return replace(history, entries=(*history.entries, entry)[-MAX_ENTRIES:], pending=None)
