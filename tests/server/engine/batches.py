"""Mixed batches of random tasks, and engines for them."""

import functools

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from nettailor.architecture.plan import reachable_plan
from server.engine.engine import Engine
from server.kernels.device import CpuDevice
from server.kernels.thread_lanes import ThreadLanes
from tests.server.oracle import backbone, make_bundle


@functools.cache
def engine(name: str = "mini26", lanes: int = 1) -> Engine:
    return Engine(backbone(name), CpuDevice(lanes=ThreadLanes(lanes)))


@st.composite
def plans(draw: DrawFn, depth: int = 12):  # type: ignore[no-untyped-def]  # a SearchStrategy of Plan
    blocks = draw(st.lists(st.booleans(), min_size=depth, max_size=depth))
    proxies = []
    for node in range(1, depth + 1):
        nearest = list(range(max(0, node - 3), node))
        proxies.append(draw(st.lists(st.sampled_from(nearest), unique=True)) or [node - 1])
    return reachable_plan(blocks, proxies)


@st.composite
def batches(draw: DrawFn):  # type: ignore[no-untyped-def]  # a SearchStrategy of the tuple below
    tasks = [
        make_bundle(
            f"task{index}",
            seed=draw(st.integers(0, 1000)),
            classes=draw(st.sampled_from([2, 5, 1600])),
            statistics=draw(st.sampled_from(["task", "frozen"])),
            plan=draw(plans()),
        )
        for index in range(draw(st.integers(1, 4)))
    ]
    parts = draw(st.lists(st.tuples(st.integers(0, len(tasks) - 1), st.integers(1, 3)), min_size=1, max_size=5))
    return tasks, parts, draw(st.sampled_from([16, 32])), draw(st.booleans())
