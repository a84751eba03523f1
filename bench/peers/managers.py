"""The standard library: objects behind multiprocessing managers, and a Pool for the fan-out."""

import concurrent.futures
import multiprocessing
from multiprocessing.managers import BaseManager, BaseProxy

import peer
import work

THREADS = 100  # a proxy's call waits, so calls in flight are threads; httpx has 100 connections


class GeneratorProxy(BaseProxy):
    """As the documentation's own example has it."""

    _exposed_ = ["__next__"]

    def __iter__(self):
        return self

    def __next__(self):
        return self._callmethod("__next__")


class Manager(BaseManager):
    pass


_served = []


def the_service():
    if not _served:
        _served.append(work.Service())
    return _served[0]


def count(items):
    return work.Service().count(items)


Manager.register("service", callable=the_service)
Manager.register("count", callable=count, proxytype=GeneratorProxy)


class Managers(peer.Peer):
    serves_by_itself = False
    absent = {
        "async_calls": "a proxy calls plain methods only",
        "out_of_memory": "no limit exists",
    }

    def _start(self, workers, memory_mib):
        self._started = []
        self._pool = None
        return ""

    def _join(self, address):
        pass

    def _stop(self):
        if self._pool:
            self._pool.terminate()
        for manager in self._started:
            manager.shutdown()

    def _make(self, name, kind):
        manager = Manager(authkey=b"bench")
        manager.start()
        self._started.append(manager)
        return manager.address

    def _find(self, reference):
        manager = Manager(reference, authkey=b"bench")
        manager.connect()
        found = manager.service()
        self._manager = manager
        return found

    def _method(self, found, name):
        return getattr(found, name)

    def _together(self, found, name, arguments):
        with concurrent.futures.ThreadPoolExecutor(THREADS) as threads:
            return list(threads.map(getattr(found, name), arguments))

    def _stream(self, found, items):
        return self._manager.count(items)

    def _workers(self):
        self._pool = self._pool or multiprocessing.Pool(2)
        return self._pool

    def _task(self, name, *arguments):
        function = getattr(work, name)
        return lambda: self._workers().apply(function, arguments)

    def _spread(self, tasks, seconds):
        return self._workers().map(work.nap, [seconds] * tasks)


if __name__ == "__main__":
    multiprocessing.current_process().authkey = b"bench"
    peer.main(Managers)
