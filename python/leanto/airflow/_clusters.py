"""Which cluster a task means: a name, a cluster, or what an Airflow connection says."""

from __future__ import annotations


def open_cluster(cluster: object = None, connection_id: str | None = None) -> object:
    """Return the cluster of that name, at that place ("module:variable"), of that connection, or this machine.

    Nothing is reached before its first use.
    """
    import leanto as lt

    if connection_id:
        from leanto.airflow.hook import LeantoHook

        return LeantoHook(connection_id).get_conn()
    if cluster is None:
        return lt.here
    if isinstance(cluster, str):
        cluster = imported(cluster) if ":" in cluster else lt.cluster(cluster)
    return cluster


def cluster_of(connection: object) -> object:
    """Return the cluster that an Airflow connection describes.

    With a token (the password) it's a node that listens on a network, at host and port; ``fingerprint`` is in the extras. A
    password that is a whole join word (``leanto://...``) says all of that. Without one, a host is reached by ssh, as the user in
    login. ``cluster`` in the extras is the name of one; without anything it's this machine.
    """
    import leanto as lt

    extra = connection.extra_dejson
    name = extra.get("cluster") or None
    password = connection.password or ""
    if password.startswith("leanto://"):
        return lt.cluster(name or connection.conn_id, url=password)
    if not connection.host:
        return lt.cluster(name) if name else lt.here
    name = name or connection.conn_id
    words = {key: extra[key] for key in ("python", "ssh_key") if extra.get(key)}
    if password:
        address = f"leanto://{connection.host}:{connection.port or 7433}"
        return lt.cluster(
            name, url=address, token=password, fingerprint=extra.get("fingerprint"), **words
        )
    return lt.cluster(
        name,
        host=connection.host,
        ssh_user=connection.login or None,
        ssh_port=connection.port or None,
        **words,
    )


def imported(place: str) -> object:
    """Return what is at "package.module:name". Raises ValueError for other text, ImportError if there is none."""
    import importlib

    module, colon, name = place.partition(":")
    if not colon:
        raise ValueError(f"{place!r} is no place of a function; write 'package.module:function'")
    found = importlib.import_module(module)
    for part in name.split("."):
        found = getattr(found, part, None)
        if found is None:
            raise ImportError(f"the module {module} has no {name}")
    return found
