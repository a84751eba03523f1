"""What everybody does without any of these: start python again."""

import subprocess
import sys

import peer


class FreshPython(peer.Peer):
    def _start(self, workers, memory_mib):
        return ""

    def open_project(self, path):
        self._project = path
        self._run_entry()

    def _run_entry(self):
        program = "import entry; print(entry.value(0))"
        argv = [sys.executable, "-c", program]
        said = subprocess.run(argv, cwd=self._project, stdout=subprocess.PIPE, check=True)
        return int(said.stdout)


if __name__ == "__main__":
    peer.main(FreshPython)
