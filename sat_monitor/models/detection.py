"""What the network says of a pair."""

from __future__ import annotations

from dataclasses import dataclass

from sat_monitor.core.domain import FloatArray


@dataclass(frozen=True, slots=True)
class Detection:
    """Probability of each answer, (y, x) float32: conversion to bare or built ground, loss of plants, any change.

    `uncertainty` is the standard deviation of their logits; all are NaN where nothing was seen on both dates.
    """

    conversion: FloatArray
    loss: FloatArray
    change: FloatArray
    uncertainty: FloatArray
