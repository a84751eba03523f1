"""The comparison in words: the table of what was reached, one table for each group of work, the notes."""

import os

from harness import report
from harness.peer_programs import OURS, PEERS
from harness.results import installed, quartiles
from harness.targets import EDIT_ABOVE_FLOOR, TARGETS, above_floor, judge, reach_words
from harness.workloads import GROUPS, WORKLOADS


def summary(machine, found, plot=None):
    """Return the result as Markdown."""
    parts = ["# Leanto beside its peers", _about(machine, found)]
    if plot:
        parts.append(f"![medians of all peers]({plot})")
    parts.append(_held(found))
    for group in GROUPS:
        if group.name == "failing":
            parts.append(_failing(group, found))
        else:
            parts.append(_table(group, found))
    parts.append(_sizes(found))
    parts.append(_how())
    parts.append(_notes(found))
    return "\n\n".join(part for part in parts if part) + "\n"


def _about(machine, found):
    versions = [
        f"{name} {version}"
        for name, version in sorted(
            {item for peer in found.peers for item in peer.versions.items()}
        )
    ]
    facts = ", ".join(f"{key} {value}" for key, value in machine.items())
    return (
        f"Measured by `./dev bench peers`: {', '.join([facts, *versions])}.\n\n"
        "Medians of the rounds, with first and third quartile. In each round every peer is started alone, "
        "does the work, and is ended, before the next one starts. Each is run as its documentation says; "
        "its program is in `bench/peers/`."
    )


def _peers_of(group, found):
    return [peer for peer in found.peers if group.name in peer.groups]


def _has_something(found, workload):
    return any(
        found.values(workload.name, peer.name) or found.failures(workload.name, peer.name)
        for peer in found.peers
    )


def _table(group, found):
    peers = _peers_of(group, found)
    workloads = [workload for workload in group.workloads if _has_something(found, workload)]
    if not workloads:
        return ""
    headings = ("what", "unit", *(peer.title for peer in peers))
    lines = [
        (workload.title, workload.unit, *(_cell(found, workload, peer) for peer in peers))
        for workload in workloads
    ]
    return f"## {group.title}\n\n{report.markdown(headings, lines)}"


def _cell(found, workload, peer):
    numbers = found.summary(workload.name, peer.name)
    if numbers is None:
        if found.absence(workload.name, peer.name):
            return "–"
        return "failed" if found.failures(workload.name, peer.name) else ""
    low, high = map(report.number, quartiles(numbers))
    return f"{report.number(numbers.median)} [{low}–{high}]"


def _failing(group, found):
    lines = []
    for workload in group.workloads:
        for peer in _peers_of(group, found):
            told = found.values(workload.name, peer.name)
            why = found.absence(workload.name, peer.name)
            failures = found.failures(workload.name, peer.name)
            if told:
                last = told[-1]
                took = _cell(found, workload, peer) if last["ms"] is not None else "–"
                lines.append(
                    (
                        workload.title,
                        peer.title,
                        took,
                        f"`{last['error']}`" if last["error"] else "no error",
                        _plain(last["says"]),
                        _plain(last.get("next", "")),
                    )
                )
            elif failures:
                lines.append((workload.title, peer.title, "–", "–", _plain(failures[0]), ""))
            elif why:
                lines.append((workload.title, peer.title, "–", "–", why, ""))
    if not lines:
        return ""
    headings = ("what", "peer", "ms until the caller knows", "error", "it says", "the next call")
    return f"## {group.title}\n\n{report.markdown(headings, lines)}"


def _plain(text):
    """Return a text as a cell of a table."""
    short = text if len(text) <= 160 else f"{text[:157]}..."
    return short.replace("|", "\\|")


def _sizes(found):
    sizes = installed(found.peers)
    if not sizes:
        return ""
    lines = [
        (name, str(size["packages"]), report.number(size["mib"])) for name, size in sizes.items()
    ]
    return f"## Installed\n\n{report.markdown(('what', 'packages', 'MiB'), lines)}"


def _held(found):
    lines = []
    titles = {workload.name: workload.title for workload in WORKLOADS}
    names = {peer.name: peer.title for peer in found.peers}
    for target in TARGETS:
        if target.peer in names and OURS in names and found.values(target.workload, OURS):
            measured, holds = judge(target, found)
            reach = reach_words(target)
            lines.append((titles[target.workload], names[target.peer], reach, measured, holds))
    above = above_floor(found)
    if above is not None:
        holds = "yes" if EDIT_ABOVE_FLOOR.holds(above) else "NO"
        measured = f"{report.number(above)} ms above it"
        lines.append((titles["edit"], names["floor"], "≤ the fork + 10 ms", measured, holds))
    if not lines:
        return ""
    headings = ("what", "against", "reach", "measured", "holds")
    return f"## Reach\n\n{report.markdown(headings, lines)}"


def _notes(found):
    lines = []
    for workload in WORKLOADS:
        for peer in found.peers:
            why = found.absence(workload.name, peer.name)
            if why:
                lines.append(f"- {peer.title}, {workload.title}: left out: {why}.")
            failures = found.failures(workload.name, peer.name)
            if failures:
                lines.append(
                    f"- {peer.title}, {workload.title}: failed in {len(failures)} of "
                    f"{len(failures) + len(found.values(workload.name, peer.name))} rounds: {failures[0]}"
                )
    return "## Notes\n\n" + "\n".join(lines) if lines else ""


def _how():
    with open(os.path.join(PEERS, "how.md"), encoding="utf-8") as file:
        return file.read().strip()
