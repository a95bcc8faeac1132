"""dive's own images, where they are at hand (../shared/data/dive); elsewhere the tests that want them are skipped."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from jettison import stores
from jettison.analysis import Analysis, analyze, probes
from jettison.image.cache import Cache
from jettison.image.indexer import Indexer
from jettison.waste.dive import DiveFigures, figures

if TYPE_CHECKING:
    from jettison.image.image import Image

FIXTURES = Path(__file__).resolve().parents[3] / "shared" / "data" / "dive"

here = pytest.mark.skipif(not FIXTURES.is_dir(), reason="dive's fixtures are not at hand: ../shared/data/dive")


def fixture_figures(name: str) -> tuple[Image, DiveFigures]:
    """The image, and dive's figures as we compute them."""
    indexer = Indexer(probes(), Cache(None))
    image = stores.open_image(str(FIXTURES / name), indexer=indexer)
    return image, figures(indexer.image(image))


def fixture_analysis(name: str) -> Analysis:
    """Our analysis."""
    indexer = Indexer(probes(), Cache(None))
    return analyze(stores.open_image(str(FIXTURES / name), indexer=indexer), indexer=indexer)
