"""Random plans for property tests."""

from hypothesis import strategies as st

from nettailor.architecture.plan import Plan, reachable_plan
from nettailor.errors import PlanCutsEveryPath


@st.composite
def plans(draw: st.DrawFn, depth: int, skips: int = 3) -> Plan:
    """Any consistent plan over `depth` nodes whose proxies come from the nearest `skips` sources."""
    blocks = draw(st.lists(st.booleans(), min_size=depth, max_size=depth))
    proxies = [
        [source for source in range(max(0, node - skips), node) if draw(st.booleans())] for node in range(1, depth + 1)
    ]
    try:
        return reachable_plan(blocks, proxies)
    except PlanCutsEveryPath:
        return reachable_plan([True] * depth, proxies)
