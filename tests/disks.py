"""Small disks that tests fill: real ones, in memory, which only root can mount."""

import os
import subprocess


class Disk:
    """A small disk of its own."""

    def __init__(self, place, size):
        self.place = place
        place.mkdir(parents=True, mode=0o700, exist_ok=True)
        options = f"size={size},mode=700"
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", place], check=True)

    def fill(self):
        """Leave no byte free."""
        ballast = os.open(self.place / "ballast", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        for size in (1 << 16, 1 << 12, 1):
            try:
                while os.write(ballast, bytes(size)):
                    pass
            except OSError:
                pass
        os.close(ballast)

    def free(self):
        (self.place / "ballast").unlink()

    def remove(self):
        subprocess.run(["umount", "--lazy", self.place], check=True)
