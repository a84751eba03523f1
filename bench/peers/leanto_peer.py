"""Leanto: a live object, and functions, on this machine's node, which the first use starts."""

import subprocess
import sys

import leanto as lt
import peer
import work


class Leanto(peer.Peer):
    def _start(self, workers, memory_mib):
        subprocess.run([self._settings["binary"], "node", "--detach"], check=True)
        return ""

    def _start_first(self):
        pass  # the first use starts the node

    def _join(self, address):
        pass

    def _stop(self):
        subprocess.run([self._settings["binary"], "stop"], stdout=2)

    def _make(self, name, kind):
        lt.cls(getattr(work, kind)).to(lt.here).options(name=name)()
        return name

    def _find(self, reference):
        return lt.here.get(reference)

    def _method(self, found, name):
        return getattr(found, name)

    def _together(self, found, name, arguments):
        return list(getattr(found, name).map(arguments, concurrency=len(arguments)))

    def _stream(self, found, items):
        return found.count(items)

    def _task(self, name, *arguments):
        remote = lt.function(getattr(work, name)).to(lt.here)
        return lambda: remote(*arguments)

    def _limited(self, limit_mib):
        found = lt.cls(work.Service).options(memory=f"{limit_mib}MiB").to(lt.here)()
        return found.hold, lambda: found.empty(0)

    def open_project(self, path):
        sys.path.insert(0, path)
        import entry

        self._entry = entry
        self._run_entry()

    def _run_entry(self):
        return lt.function(self._entry.value).to(lt.here)(0)

    def _spread(self, tasks, seconds):
        remote = lt.function(work.nap).options(workers=(2, 2), concurrency=1).to(lt.here)
        return list(remote.map([seconds] * tasks))


if __name__ == "__main__":
    peer.main(Leanto)
