"""A ticket's pages look as they did when somebody last looked at them; tests/golden/ticket_pages.py makes them anew."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageFilter

from tests.golden.ticket_pages import LANGS, pages, path_of

#: Shades of grey (0..255) by which pages may differ on average, and pixels that may differ much after a slight blur.
_MEAN, _MUCH, _SHARE = 4.0, 60, 0.01


def soft(picture: Image.Image) -> np.ndarray:
    return np.asarray(picture.filter(ImageFilter.GaussianBlur(1.5)), np.float32)


def far(one: Image.Image, other: Image.Image) -> bool:
    difference = np.abs(soft(one) - soft(other))
    return float(difference.mean()) > _MEAN or float((difference > _MUCH).mean()) > _SHARE


@pytest.mark.parametrize("lang", LANGS)
def test_pages_look_as_they_were_kept(lang: str) -> None:
    found = pages(lang)
    assert len(found) == 2
    for number, page in enumerate(found):
        with Image.open(path_of(lang, number)) as kept:
            assert page.size == kept.size
            assert not far(page, kept.convert("L")), f"page {number + 1} differs: look at it, then make it anew"


def test_a_page_that_lost_a_picture_would_be_noticed() -> None:
    with Image.open(path_of("ja", 0)) as kept:
        page = kept.convert("L")
    damaged = page.copy()
    damaged.paste(255, (int(page.width * 0.55), int(page.height * 0.1), int(page.width * 0.95), int(page.height * 0.3)))
    assert far(damaged, page)
