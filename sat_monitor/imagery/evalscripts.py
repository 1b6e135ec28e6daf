"""What the image service is asked to compute per pixel: bands as they are, and the proof of which request it answers."""

from __future__ import annotations

from dataclasses import dataclass

from sat_monitor.core.domain import Sensor


@dataclass(frozen=True, slots=True)
class Recipe:
    """The bands of one sensor at the service, in the order of the answer.

    `unit` is the service's name of the input unit where it has a choice, `dtype` that of the answer, `charged` the
    number of input bands that cost (the data mask does not), `orthorectified` whether the service is asked to do so.
    `ranges` are the values that a band may have; one outside proves a wrong decode.
    """

    bands: tuple[str, ...]
    unit: str | None
    dtype: str
    charged: int
    orthorectified: bool
    ranges: dict[str, tuple[float, float]]


RECIPES = {
    Sensor.S1: Recipe(
        ("VV", "VH", "localIncidenceAngle", "shadowMask", "dataMask"),
        None,
        "float32",
        charged=4,
        orthorectified=True,
        ranges={
            "VV": (0.0, 1e6),
            "VH": (0.0, 1e6),
            "localIncidenceAngle": (0.0, 180.0),
            "shadowMask": (0.0, 1.0),
            "dataMask": (0.0, 1.0),
        },
    ),
    Sensor.S2: Recipe(
        ("B02", "B03", "B04", "B08", "B11", "B12", "SCL", "CLP", "dataMask"),
        "DN",
        "uint16",
        charged=8,
        orthorectified=False,
        ranges={"SCL": (0, 11), "CLP": (0, 255), "dataMask": (0, 1)},
    ),
}

_SAMPLE_TYPES = {"uint16": "UINT16", "float32": "FLOAT32"}


def evalscript(recipe: Recipe, request_sha256: str) -> str:
    """The script (version 3) that returns the recipe's bands and writes `request_sha256` into the answer's metadata."""
    names = ", ".join(f'"{band}"' for band in recipe.bands)
    units = (
        ""
        if recipe.unit is None
        else f", units: [{', '.join([f'{chr(34)}{recipe.unit}{chr(34)}'] * len(recipe.bands))}]"
    )
    values = ", ".join(f"sample.{band}" for band in recipe.bands)
    return f"""//VERSION=3
function setup() {{
  return {{
    input: [{{bands: [{names}]{units}}}],
    output: {{id: "default", bands: {len(recipe.bands)}, sampleType: "{_SAMPLE_TYPES[recipe.dtype]}"}},
    mosaicking: "SIMPLE"
  }};
}}
function updateOutputMetadata(scenes, inputMetadata, outputMetadata) {{
  outputMetadata.userData = {{request: "{request_sha256}"}};
}}
function evaluatePixel(sample) {{
  return [{values}];
}}
"""
