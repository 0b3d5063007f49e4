from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest
import structlog

from tests.whole.loop import MovableLoop
from tests.whole.stage import Stage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Cluster


@pytest.fixture(scope="module")
def stage(cluster: Cluster) -> Iterator[Stage]:
    """A stage on a fresh database; nothing is logged, since every example is full of errors."""
    loop, database = MovableLoop(), cluster.database()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    logging.disable(logging.CRITICAL)
    stage = Stage(loop.run_until_complete(database.__aenter__()))
    try:
        yield stage
    finally:
        stage.close()
        loop.run_until_complete(database.__aexit__(None, None, None))
        loop.close()
        logging.disable(logging.NOTSET)
        structlog.reset_defaults()
