"""What hosts of tests/hosts.py see instead of this machine's programs."""

import os
import pathlib
import shutil

import networks
import pytest
import sshd

# Where a root is mounted, in the mount namespace of the host's sshd only. sshd wants all directories above a root to be
# root's, and writable by nobody else.
PLACE = "/mnt"


def programs_without_python(directory):
    """Fill a directory with links to all programs of the PATH that aren't Python's; return its path."""
    if not directory.exists():
        directory.mkdir()
        for place in sshd.PATH.split(":"):
            for name in os.listdir(place) if os.path.isdir(place) else ():
                link = directory / name
                if not name.startswith(("python", "pypy")) and not os.path.lexists(link):
                    link.symlink_to(pathlib.Path(place) / name)
    return str(directory)


def make_root_without_libc(directory, home):
    """Make a root with a static busybox; return the lines of shell that mount it at PLACE."""
    busybox = shutil.which("busybox")
    if busybox is None:
        pytest.skip("no `busybox` here; ./dev setup installs it")
    if not is_static(busybox):
        pytest.skip(f"{busybox} is not static; ./dev setup installs busybox-static")
    if not directory.exists():
        for name in ("bin", "dev", "etc", "proc", "sys", "tmp", str(home).lstrip("/")):
            (directory / name).mkdir(parents=True)
        shutil.copy2(busybox, directory / "bin" / "busybox")
        for name in networks.command(busybox, "--list").split():
            if name != "busybox":
                (directory / "bin" / name).symlink_to("busybox")
        (directory / "etc" / "passwd").write_text(f"root:x:0:0:root:{home}:/bin/sh\n")
    return [
        f"mount --bind {directory} {PLACE}",
        f"mount --bind {home} {PLACE}{home}",
        f"mount -t proc proc {PLACE}/proc",
        f"mount --rbind /dev {PLACE}/dev",
        f"mount --rbind /sys {PLACE}/sys",
    ]


def is_static(program):
    """Whether an ELF program asks for no interpreter, which would load a libc."""
    with open(program, "rb") as file:
        data = file.read(4096)
    return data[:4] == b"\x7fELF" and b"/ld-linux" not in data and b"/ld-musl" not in data
