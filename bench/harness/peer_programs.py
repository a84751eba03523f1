"""Which peers there are: the program of each (../peers), its environment, what it takes part in."""

import os

from harness.environments import Environment

PEERS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "peers")

OURS = "leanto"
RAY = Environment("ray", ["ray[default,client]"])
DASK = Environment("dask", ["dask[distributed]"])
GRPC = Environment("grpc", ["grpcio", "protobuf"], ["grpcio-tools"])
FASTAPI = Environment("fastapi", ["fastapi", "uvicorn", "httpx"])

EVERYTHING = ("calls", "starting", "editing", "failing", "fan_out")
SERVERS = ("calls", "starting", "failing")


class PeerProgram:
    """`environment` is None for those that need nothing but Python and leanto's own package."""

    def __init__(self, name, file, environment, groups, title):
        self.name = name
        self.path = os.path.join(PEERS, file)
        self.environment = environment
        self.groups = groups
        self.title = title

    @property
    def versions(self):
        """The versions of what it is made of, {} for the standard library."""
        if self.environment is None:
            return {}
        names = [word.partition("[")[0] for word in self.environment.packages]
        versions = (self.environment.installed() or {"versions": {}})["versions"]
        return {name: versions.get(name, "?") for name in names}


PROGRAMS = (
    PeerProgram("leanto", "leanto_peer.py", None, EVERYTHING, "Leanto"),
    PeerProgram("ray", "ray_actors.py", RAY, EVERYTHING, "Ray"),
    PeerProgram("ray_client", "ray_client.py", RAY, ("calls",), "Ray Client"),
    PeerProgram("dask", "dask_actors.py", DASK, EVERYTHING, "Dask actors"),
    PeerProgram("dask_submit", "dask_submit.py", DASK, ("calls",), "Dask submit"),
    PeerProgram("managers", "managers.py", None, (*SERVERS, "fan_out"), "multiprocessing"),
    PeerProgram("grpc", "grpc_echo.py", GRPC, SERVERS, "gRPC"),
    PeerProgram("fastapi", "fastapi_app.py", FASTAPI, SERVERS, "FastAPI + httpx"),
    PeerProgram("python", "fresh_python.py", None, ("editing",), "a fresh python"),
    PeerProgram("rsync", "rsync_python.py", None, ("editing",), "rsync + python"),
    PeerProgram(
        "floor",
        "floor.py",
        None,
        ("calls", "starting", "editing", "failing", "fan_out"),
        "the floor",
    ),
)
