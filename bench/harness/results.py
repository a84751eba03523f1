"""What all peers have said in all rounds."""

import os
import statistics

from harness import environments
from harness.measure import Summary
from harness.peer_programs import DASK, FASTAPI, GRPC, OURS, RAY
from harness.workloads import WORKLOADS


class Results:
    """Values by workload and peer, one a round; a value is a number, or a dict with `ms`."""

    def __init__(self, peers):
        self.peers = peers
        self._values = {}
        self._failures = {}
        self._absent = {}

    def add(self, workload, peer, value):
        self._values.setdefault((workload.name, peer.name), []).append(value)

    def add_failure(self, workload, peer, error):
        # Tracebacks name files: that of this machine is nobody's business.
        said = str(error).replace(f"{environments.ROOT}{os.sep}", "")
        self._failures.setdefault((workload.name, peer.name), []).append(said)

    def add_absence(self, workload, peer, reason):
        self._absent[workload.name, peer.name] = reason

    def values(self, workload, peer):
        """Return what a peer said to a workload, by their names, one a round."""
        return self._values.get((workload, peer), [])

    def summary(self, workload, peer):
        """Return the summary of a peer's numbers, None if it has none."""
        numbers = [
            value["ms"] if isinstance(value, dict) else value
            for value in self.values(workload, peer)
        ]
        numbers = [number for number in numbers if number is not None]
        return Summary(numbers) if numbers else None

    def failures(self, workload, peer):
        """Return the first line of each failure."""
        said = self._failures.get((workload, peer), [])
        return [text.partition("\n")[0] for text in said]

    def absence(self, workload, peer):
        return self._absent.get((workload, peer))

    def failed_without_value(self, peer):
        """Whether a peer couldn't do something that it should."""
        return any(
            name == peer and not self._values.get((workload, name))
            for workload, name in self._failures
        )

    def to_json(self):
        rows = []
        for workload in WORKLOADS:
            row = {"name": workload.name, "title": workload.title, "unit": workload.unit}
            for kind, found in (
                ("values", self._values),
                ("failures", self._failures),
                ("absent", self._absent),
            ):
                row[kind] = {
                    peer.name: found[workload.name, peer.name]
                    for peer in self.peers
                    if (workload.name, peer.name) in found
                }
            if row["values"] or row["failures"] or row["absent"]:
                rows.append(row)
        return {
            "versions": {peer.name: peer.versions for peer in self.peers},
            "installed": installed(self.peers),
            "workloads": rows,
        }


def installed(peers):
    """Return packages and MiB of each environment that takes part, and of leanto if it is here."""
    sizes = {}
    for name, environment in (("ray", RAY), ("dask", DASK), ("grpc", GRPC), ("fastapi", FASTAPI)):
        record = environment.installed()
        if record and any(peer.environment is environment for peer in peers):
            sizes[name] = {"packages": record["packages"], "mib": record["mib"]}
    if any(peer.name == OURS for peer in peers):
        sizes[OURS] = environments.leanto_installed()
    return sizes


def quartiles(summary):
    """Return the first and the third quartile; with few values, the lowest and the highest."""
    if len(summary.values) < 4:
        return summary.low, summary.high
    low, _, high = statistics.quantiles(summary.values, n=4, method="inclusive")
    return low, high
