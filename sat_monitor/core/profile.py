"""The profile: every threshold of a run as one described, bounded, frozen record, with a sha256."""

from __future__ import annotations

import hashlib
import json
import tomllib
from typing import Any

from pydantic import Field, ValidationError

from sat_monitor.core.errors import ProfileError
from sat_monitor.core.profile_cases import CaseSettings
from sat_monitor.core.profile_delivery import DeliverySettings
from sat_monitor.core.profile_sections import (
    EvidenceSettings,
    ImagerySettings,
    NetworkSettings,
    OpticalSettings,
    PatchSettings,
    ReferenceSettings,
    SarSettings,
    Section,
)
from sat_monitor.core.profile_service import LifecycleSettings, PrioritySettings, SeriesSettings, TicketSettings

__all__ = [
    "CaseSettings",
    "DeliverySettings",
    "EvidenceSettings",
    "ImagerySettings",
    "LifecycleSettings",
    "NetworkSettings",
    "OpticalSettings",
    "PatchSettings",
    "PrioritySettings",
    "Profile",
    "ReferenceSettings",
    "SarSettings",
    "Section",
    "SeriesSettings",
    "TicketSettings",
    "parse_profile",
    "render_profile",
]


class Profile(Section):
    """All thresholds of a run, validated as a whole."""

    name: str = Field("default", min_length=1, max_length=64, description="name of the profile")
    imagery: ImagerySettings = ImagerySettings()
    reference: ReferenceSettings = ReferenceSettings()
    sar: SarSettings = SarSettings()
    optical: OpticalSettings = OpticalSettings()
    evidence: EvidenceSettings = EvidenceSettings()
    network: NetworkSettings = NetworkSettings()
    patches: PatchSettings = PatchSettings()
    lifecycle: LifecycleSettings = LifecycleSettings()
    tickets: TicketSettings = TicketSettings()
    priority: PrioritySettings = PrioritySettings()
    cases: CaseSettings = CaseSettings()
    delivery: DeliverySettings = DeliverySettings()
    series: SeriesSettings = SeriesSettings()

    @property
    def sha256(self) -> str:
        """Hash of all settings in canonical form; printed in every output."""
        canonical = json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()


def parse_profile(text: str) -> Profile:
    """A profile from TOML text; anything unknown, out of bounds or contradictory raises ProfileError (E1601)."""
    try:
        return Profile.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise ProfileError("E1601", f"not TOML: {error}") from error
    except ValidationError as error:
        raise ProfileError("E1601", "; ".join(_explain(row) for row in error.errors())) from error


def _explain(row: Any) -> str:
    where = ".".join(str(part) for part in row["loc"]) or "profile"
    given = "" if isinstance(row["input"], dict) else f" (given: {row['input']!r})"
    return f"{where}: {row['msg']}{given}"


def render_profile(profile: Profile) -> str:
    """The profile as TOML text, each setting with its description and bounds above it; `parse_profile` reads it back."""
    lines = ["# sat_monitor profile: every threshold of a run. Descriptions and bounds come from core/profile.py.", ""]
    lines += [f"name = {json.dumps(profile.name)}"]
    for section_name, section in profile:
        if isinstance(section, Section):
            lines += ["", f"[{section_name}]  # {type(section).__doc__}"]
            for key, info in type(section).model_fields.items():
                lines += [f"# {info.description}{_bounds(info.metadata)}", f"{key} = {_toml(getattr(section, key))}"]
    return "\n".join(lines) + "\n"


def _bounds(metadata: list[Any]) -> str:
    low = next((m.ge for m in metadata if hasattr(m, "ge")), None)
    high = next((m.le for m in metadata if hasattr(m, "le")), None)
    return "" if low is None else f" [{low} .. {high}]"


def _toml(value: object) -> str:
    if isinstance(value, tuple):
        return json.dumps([str(v) for v in value])
    return json.dumps(value)
