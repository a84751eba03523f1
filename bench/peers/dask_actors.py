"""Dask distributed: actors, on a LocalCluster of worker processes with one thread each."""

import peer
import work
from distributed import Client, LocalCluster
from distributed.diagnostics.plugin import UploadDirectory


class Dask(peer.Peer):
    client_serves = True  # LocalCluster has the scheduler in the client's process
    absent = {"generator": "a generator can't be pickled, and actors have no streams"}

    def _start(self, workers, memory_mib):
        limit = {"memory_limit": f"{memory_mib}MiB"} if memory_mib else {}
        self._cluster = LocalCluster(n_workers=workers, threads_per_worker=1, **limit)
        self._client = Client(self._cluster)
        return self._cluster.scheduler_address

    def _join(self, address):
        self._client = Client(address)

    def _stop(self):
        self._client.close()
        self._cluster.close()

    def grow(self, workers):
        self._cluster.scale(workers)
        self._client.wait_for_workers(workers, timeout=peer.READY_LIMIT)
        self._client.gather(self._client.map(work.echo, range(10 * workers), pure=False))

    def _make(self, name, kind):
        future = self._client.submit(getattr(work, kind), actor=True, key=name)
        future.result()
        self._client.publish_dataset(future, name=name)
        return name

    def _find(self, reference):
        return self._client.get_dataset(reference).result()

    def _method(self, found, name):
        method = getattr(found, name)
        return lambda *arguments: method(*arguments).result()

    def _together(self, found, name, arguments):
        method = getattr(found, name)
        return [future.result() for future in [method(x) for x in arguments]]

    def _task(self, name, *arguments):
        function = getattr(work, name)
        return lambda: self._client.submit(function, *arguments, pure=False).result()

    def open_project(self, path):
        self._project = path
        self._run_entry()

    def _run_entry(self):
        # Not upload_file: of a zip it reloads only the modules at the top, and the edited one stays old.
        plugin = UploadDirectory(self._project, restart_workers=True, update_path=True)
        self._client.register_plugin(plugin)
        return self._client.submit(_entry_value, pure=False).result()

    def _spread(self, tasks, seconds):
        futures = self._client.map(work.nap, [seconds] * tasks, pure=False)
        return self._client.gather(futures)


def _entry_value():
    import entry

    return entry.value(0)


if __name__ == "__main__":
    peer.main(Dask)
