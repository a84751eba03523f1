"""What is to be reached against whom, in one run, and whether it is."""

from harness import report
from harness.measure import ratios
from harness.peer_programs import OURS


class Target:
    """A ratio in the same run: of the peer's value to ours, or of ours to the peer's."""

    def __init__(self, workload, peer, sense, limit, is_ours_first):
        self.workload = workload
        self.peer = peer
        self.reach = report.Reach(sense, limit)
        self.is_ours_first = is_ours_first


def _faster(workload, ray, dask):
    return (
        Target(workload, "ray", ">=", ray, False),
        Target(workload, "dask", ">=", dask, False),
    )


TARGETS = (
    *_faster("call", 15, 30),
    Target("call", "floor", "<=", 1.5, True),
    Target("call_one_core", "floor", "<=", 1.5, True),
    Target("in_flight", "ray", ">=", 4, True),
    Target("in_flight", "dask", ">=", 8, True),
    Target("in_flight", "floor", ">=", 0.6, True),
    *_faster("argument_256MiB", 1.5, 5),
    Target("argument_256MiB", "floor", "<=", 1.6, True),
    *_faster("first_result", 20, 10),
    Target("memory_idle", "ray", "<=", 1 / 20, True),
    Target("memory_idle", "dask", "<=", 1 / 5, True),
    *_faster("edit", 50, 20),
    *_faster("killed_object", 5, 5),
)
EDIT_ABOVE_FLOOR = report.Reach("<=", 10, "ms")


def reach_words(target):
    if target.reach.limit < 0.5:
        return f"≤ 1/{round(1 / target.reach.limit)}"
    return str(target.reach)


def judge(target, found):
    """Return the ratio in words, and whether the target holds."""
    ours = found.summary(target.workload, OURS)
    theirs = found.summary(target.workload, target.peer)
    if ours is None or theirs is None:
        return "no value of " + (OURS if ours is None else "the peer"), "–"
    pair = (ours, theirs) if target.is_ours_first else (theirs, ours)
    if len(ours.values) == len(theirs.values):
        ratio = ratios(*pair).median
    else:  # a round failed, so rounds can't be paired
        ratio = pair[0].median / pair[1].median
    words = f"1/{1 / ratio:.1f}" if target.reach.limit < 0.5 else f"{ratio:.2f} ×"
    return words, "yes" if target.reach.holds(ratio) else "NO"


def above_floor(found):
    ours, floor = found.summary("edit", OURS), found.summary("edit", "floor")
    return ours.median - floor.median if ours and floor else None
