"""Saying which compute: a cluster by name, by its hosts, or by what it must have; and what there is to choose from."""

from __future__ import annotations

from leanto import _finding, _node, _nodes
from leanto._cluster import Cluster, here
from leanto.errors import InvalidRequestError


def cluster(
    name: str | None = None,
    *,
    instance_type: str | None = None,
    provider: str | list[str] | object = None,
    cpus: float | None = None,
    memory: str | int | None = None,
    host: str | None = None,
    hosts: list[str] | None = None,
    ssh_user: str | None = None,
    ssh_port: int | None = None,
    ssh_key: str | None = None,
    url: str | None = None,
    token: str | None = None,
    fingerprint: str | None = None,
    python: str | None = None,
) -> Cluster:
    """Return compute by name, or by what it has to offer.

    ``lt.cluster("here")`` is this machine, and so is ``lt.here``.

    With `host` it's a machine that your own ``ssh`` reaches: an address, or a Host of your ssh configuration, which applies
    with its agent, jump hosts and known hosts. `ssh_user`, `ssh_port` and `ssh_key` (the path of a private key) say what that
    doesn't. The host needs nothing but its sshd and a Python: `python` says which, a path there or a version; by default one
    of this program's version, else its ``python3``. With `hosts` it's several machines, and calls go to the one with the
    fewest.

    With `url` it's a node that listens on a network (``leanto node --listen``): ``leanto://HOST:PORT``, with a `token` of it and
    the `fingerprint` of its certificate, or all three in one word, as ``leanto token create --join`` prints it. The node on this
    machine holds the link; where there can't be one (macOS, Windows, a container with ``LEANTO_DAEMON=none``) this program
    speaks to it directly.

    With `instance_type` ("A10G:1" is one A10G), `cpus` (a number) or `memory` ("16GB", or a number of bytes) it's chosen
    among this machine and all hosts that are known (`offers` lists them): `provider` says how, "cheapest" (the default),
    "available", "local", "ssh", the name of a cluster, a list of those in order of preference, or a function that is given
    the offers that can and returns one. What was chosen under a name stays.

    A name alone is what it was before, or what ``hosts.toml`` beside ``node.toml`` says. Nothing is reached or started before the
    first use, or `Cluster.up`.

    Raises InvalidRequestError for words that make no sense. The first use raises CapacityError, which lists who was asked,
    if nobody can offer that, NotFoundError for a name that is unknown, and AlreadyExistsError, which says the difference, if the
    name stands for other hosts.

    >>> lt.cluster("small", cpus=1, memory="10MB").keys() == lt.here.keys()
    True
    >>> lt.function(count_words).to(lt.cluster(instance_type="H100:8"))
    Traceback (most recent call last):
    leanto.errors.CapacityError: nobody can offer 8 x H100. Asked:
    ...
    """
    given = {
        "instance_type": instance_type,
        "provider": provider,
        "cpus": cpus,
        "memory": memory,
        "host": host,
        "hosts": hosts,
        "ssh_user": ssh_user,
        "ssh_port": ssh_port,
        "ssh_key": ssh_key,
        "url": url,
        "token": token,
        "fingerprint": fingerprint,
        "python": python,
    }
    words = {key: value for key, value in given.items() if value is not None}
    if callable(provider):
        words["provider"] = _chosen_by(provider, words)
    if name is None:
        if not words:
            return here
        name = host or _address_in(url) or "-".join(map(str, hosts or words.values()))
    if not isinstance(name, str) or not name:
        raise TypeError(f"a cluster's name is text, not {name!r}")
    _check(words, "cpus", (int, float), "a positive number")
    _check(words, "memory", (str, int), 'an amount like "16GB" or a positive number of bytes')
    if python is not None and not _is_python(python):
        raise InvalidRequestError(
            f"python={python!r} makes no sense; give the path of one there, or a version like '3.11'"
        )
    made = Cluster(name, words)
    if url is not None:
        _finding.addressed[name] = made
        if _node.why_none():
            from leanto import _tls

            _tls.parse(url, token, fingerprint)  # a node here would look at it
    return made


def _address_in(url: str | None) -> str:
    return str(url).partition("//")[2].partition("?")[0] if url is not None else ""


def _is_python(python: object) -> bool:
    return isinstance(python, str) and (
        python.startswith("/") or all(part.isdigit() for part in python.split("."))
    )


def _chosen_by(policy: object, words: dict) -> str:
    """Return the name of the cluster whose offer a function of the user's takes of those that can."""
    asked = {key: words[key] for key in ("instance_type", "cpus", "memory") if key in words}
    able = [offer for offer in offers(**asked) if not offer["cannot"]]
    if not able:
        return "cheapest"  # which says why nobody can
    chosen = policy(able)
    if chosen not in able:
        raise InvalidRequestError(
            f"provider={policy!r} returned {chosen!r}; it's given a list of offers and returns one of them"
        )
    return chosen["cluster"]


def offers(
    *,
    instance_type: str | None = None,
    gpus: str | None = None,
    cpus: float | None = None,
    memory: str | int | None = None,
) -> list[dict]:
    """Return what this machine and all hosts that are known offer for what is asked: ``provider="cheapest"`` chooses from it.

    Each offer has ``provider``, ``cluster``, ``node``, ``free`` and ``total`` (``cpus``, ``memory`` in bytes, ``accelerators`` by
    kind), ``price_per_hour`` (None: it costs nothing more), ``start_time`` (seconds until it can take a call) and
    ``cannot``: why it can't, or "". ``gpus`` is another name of `instance_type`. Hosts that aren't connected are asked by ssh,
    all at once, for 20 s at most.

    >>> [offer["cannot"] for offer in lt.offers(cpus=0.1) if offer["provider"] == "local"]
    ['']
    """
    given = {"instance_type": instance_type or gpus, "cpus": cpus, "memory": memory}
    words = {key: value for key, value in given.items() if value is not None}
    return _nodes.here.ask("offers", words=words)[0]["offers"]


def _check(words: dict, key: str, types: tuple, what: str) -> None:
    value = words.get(key, 1)
    if (
        not isinstance(value, types)
        or isinstance(value, bool)
        or not (isinstance(value, str) or value > 0)
    ):
        raise InvalidRequestError(f"{key}={value!r} makes no sense; give {what}")
