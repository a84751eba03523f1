"""rsync of the tree and a new process, which is how Runhouse and Kubetorch bring an edit; here from
one directory to another, without the network that they have between."""

import os
import subprocess

import fresh_python
import peer


class RsyncPython(fresh_python.FreshPython):
    def open_project(self, path):
        self._source = path
        copy = os.path.join(self._settings["directory"], "copy")
        os.makedirs(copy)
        super().open_project(copy)

    def _run_entry(self):
        options = ["-a", "--delete", "--exclude=__pycache__"]
        subprocess.run(["rsync", *options, f"{self._source}/", f"{self._project}/"], check=True)
        return super()._run_entry()


if __name__ == "__main__":
    peer.main(RsyncPython)
