"""The connection type "leanto": a cluster's address and token, kept by Airflow."""

from __future__ import annotations

from airflow.sdk import BaseHook

from leanto.airflow._clusters import cluster_of


class LeantoHook(BaseHook):
    """Gives the cluster that an Airflow connection of the type "leanto" describes.

    >>> LeantoHook("leanto_gpu").get_conn()          # doctest: +SKIP
    leanto.cluster('leanto_gpu')
    """

    conn_name_attr = "leanto_conn_id"
    default_conn_name = "leanto_default"
    conn_type = "leanto"
    hook_name = "Leanto"

    def __init__(self, leanto_conn_id: str = default_conn_name, **_: object) -> None:
        super().__init__()
        self.leanto_conn_id = leanto_conn_id

    def get_conn(self) -> object:
        """Return the cluster, as `leanto.cluster` does. Nothing is reached before its first use."""
        return cluster_of(self.get_connection(self.leanto_conn_id))

    def test_connection(self) -> tuple[bool, str]:
        """Reach it, for the test button; return whether that went well, and a sentence."""
        try:
            cluster = self.get_conn()
            count = len(cluster.keys())
        except Exception as error:
            return False, f"{type(error).__name__}: {error}"
        return True, f"the cluster {cluster.name} answers; it holds {count} named values"
