"""Fixtures that several tests share: small made-up layers, and the published networks where they
lie beside the checkout."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers import made_up
from hypothesis import HealthCheck, settings

from srnet.cgp import function_table
from srnet.cgp.primitives import OPCODES, is_own, remove_own
from srnet.networks.layers import Layers

REFERENCE = Path(__file__).resolve().parents[2] / "shared" / "reference" / "networks"


# the same examples on every machine, and no clock in a test: the first call of a kernel compiles it
settings.register_profile(
    "srnet",
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    database=None,
    max_examples=50,
)
settings.register_profile(
    "thorough", parent=settings.get_profile("srnet"), derandomize=False, max_examples=2000
)
settings.load_profile("srnet")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The workflow's tests first: a file of them that began last would run alone for minutes."""
    items.sort(key=lambda item: item.path.parent.name != "workflow")


@pytest.fixture
def layers() -> Layers:
    """A 2-3-3-1 network on 40 + 12 rows."""
    return made_up.layers()


@pytest.fixture
def no_own_functions() -> Iterator[None]:
    """No function of a user's own outlives the test."""
    yield
    for name in [name for name in OPCODES if is_own(name)]:
        function_table.unload(name)
        remove_own(name)


@pytest.fixture
def reference() -> Path:
    """The folder of the published networks, layers.npz files."""
    if not REFERENCE.is_dir():
        pytest.skip(f"the published networks do not lie at {REFERENCE}")
    return REFERENCE
