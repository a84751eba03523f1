"""Ray: actors and tasks, on a cluster of this machine that `ray start --head` makes.

Usage statistics are off by their documented switch, RAY_USAGE_STATS_ENABLED=0.
"""

import os
import subprocess
import sys

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"

import peer
import ray
import work

RAY_ITSELF = 1024  # MiB, about, of all its processes
PROGRAM = os.path.join(os.path.dirname(sys.executable), "ray")


class Ray(peer.Peer):
    def _start(self, workers, memory_mib):
        if memory_mib:
            os.environ["RAY_memory_usage_threshold"] = _threshold(memory_mib)
        self._port = peer.free_port()
        self._client_port = peer.free_port()
        subprocess.run(
            [PROGRAM, "start", "--head", f"--num-cpus={workers}", f"--port={self._port}"]
            + [f"--ray-client-server-port={self._client_port}"]
            + [f"--temp-dir={self._settings['directory']}/ray"],
            stdout=2,
            check=True,
        )
        address = self._address()
        self._join(address)
        return address

    def _start_first(self):
        ray.init(namespace="bench", _temp_dir=f"{self._settings['directory']}/ray")

    def _address(self):
        return f"127.0.0.1:{self._port}"

    def _join(self, address):
        ray.init(address, namespace="bench", log_to_driver=False)

    def _stop(self):
        ray.shutdown()  # `ray stop` would end those of other people, too

    def _make(self, name, kind):
        actor = ray.remote(getattr(work, kind)).options(name=name, lifetime="detached").remote()
        ray.get(actor.__ray_ready__.remote())
        return name

    def _find(self, reference):
        return ray.get_actor(reference)

    def _method(self, found, name):
        method = getattr(found, name)
        return lambda *arguments: ray.get(method.remote(*arguments))

    def _together(self, found, name, arguments):
        method = getattr(found, name)
        return ray.get([method.remote(x) for x in arguments])

    def _stream(self, found, items):
        return (
            ray.get(item) for item in found.count.options(num_returns="streaming").remote(items)
        )

    def _task(self, name, *arguments):
        task = ray.remote(getattr(work, name))
        return lambda: ray.get(task.remote(*arguments))

    def open_project(self, path):
        self._project = path
        self._run_entry()

    def _run_entry(self):
        # A working_dir that is a local path can only be given for a job, that is, with ray.init.
        ray.shutdown()
        address = self._address()
        ray.init(address, runtime_env={"working_dir": self._project}, log_to_driver=False)
        actor = ray.remote(Entry).remote()
        return ray.get(actor.value.remote())

    def _spread(self, tasks, seconds):
        nap = ray.remote(work.nap)
        return ray.get([nap.remote(seconds) for _ in range(tasks)])


def _threshold(memory_mib):
    """Ray has no limit for one actor (`memory=` is for scheduling); what its documentation has is a share
    of the machine's memory, above which it kills workers: here what is used now, what Ray itself takes, and the limit."""
    with open("/proc/meminfo") as file:
        sizes = {line.split(":")[0]: int(line.split()[1]) / 1024 for line in file}
    used = sizes["MemTotal"] - sizes["MemAvailable"]
    return f"{(used + RAY_ITSELF + memory_mib) / sizes['MemTotal']:.4f}"


class Entry:
    def value(self):
        import entry

        return entry.value(0)


if __name__ == "__main__":
    peer.main(Ray)
