"""What Airflow asks a package that extends it: the names of what there is. Read at every start, so it imports nothing."""

from __future__ import annotations


def provider_info() -> dict:
    """Return what `airflow providers` shows: the connection type and ``@task.leanto``."""
    return {
        "package-name": "leanto",
        "name": "Leanto",
        "description": "Sends ordinary Python functions and classes to any compute in one line.",
        "connection-types": [
            {
                "connection-type": "leanto",
                "hook-class-name": "leanto.airflow.hook.LeantoHook",
                "hook-name": "Leanto",
                "ui-field-behaviour": {
                    "hidden-fields": ["schema"],
                    "relabeling": {"login": "User for ssh", "password": "Token, or a join word"},
                    "placeholders": {
                        "host": "of a node that listens, or of a host that ssh reaches; empty: this machine",
                        "password": "of `leanto token create`; empty: ssh",
                    },
                },
                "conn-fields": {
                    "cluster": {
                        "label": "Name of the cluster",
                        "schema": {"type": ["string", "null"]},
                    },
                    "fingerprint": {
                        "label": "Fingerprint of the node's certificate",
                        "schema": {"type": ["string", "null"]},
                    },
                    "python": {"label": "Python there", "schema": {"type": ["string", "null"]}},
                },
            }
        ],
        "task-decorators": [
            {"name": "leanto", "class-name": "leanto.airflow._decorator.leanto_task"}
        ],
    }
