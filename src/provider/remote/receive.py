"""Receives the leanto binary on a host that lacks it, and becomes `leanto bridge`.

src/provider/ssh_dial.cc sends this over ssh to a Python there, and then one line of JSON: `digest` and `size` of the
binary, `packed` (digest) and `packed_size` of what comes. argv[1] is where the binary belongs: .../bin/DIGEST/leanto.
It answers in lines that begin with LEANTO: READY with how much is there already, GOT as the rest comes in, FAILED with
the reason. Standard library only, Python 3.9 or newer.
"""

import errno
import fcntl
import hashlib
import json
import os
import shutil
import signal
import stat
import sys
import time
import zlib

KEPT = 2  # versions that don't run, besides the one that comes
SLACK = 16 << 20
OLD = 7 * 24 * 3600.0  # of what was never completed, in seconds


def say(word, **what):
    os.write(1, f"\nLEANTO {word} {json.dumps(what)}\n".encode())


def fail(kind, message):
    say("FAILED", kind=kind, message=message)
    sys.exit(1)


def fail_for(error, doing):
    room = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    kind = "capacity" if room else "access_denied" if isinstance(error, PermissionError) else "node_lost"
    fail(kind, f"{doing}: {error.strerror}")


def check_place(place, needed):
    """Refuse where nothing can be kept, or nothing run."""
    there = os.statvfs(place)
    if there.f_flag & os.ST_NOEXEC:
        fail("access_denied", f"nothing may be run from {place}, which is mounted noexec; set XDG_CACHE_HOME there")
    free = there.f_bavail * there.f_frsize
    if free < needed:
        fail("capacity", f"{place} has {free >> 20} MiB free, and {needed >> 20} MiB are needed")


def open_part(path):
    """Open what an interrupted upload has left, or a file of our own while somebody else is at it."""
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    part = os.open(path, flags, 0o600)
    try:
        fcntl.flock(part, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(part)
        path = f"{path}-{os.getpid()}"
        part = os.open(path, flags | os.O_EXCL, 0o600)
    return part, path


def receive(source, part, have, size):
    os.lseek(part, have, os.SEEK_SET)
    while have < size:
        data = source.read1(min(1 << 18, size - have))
        if not data:
            sys.exit(1)  # the other side has gone; what is here is gone on with the next time
        view = memoryview(data)
        while view:
            view = view[os.write(part, view) :]
        have += len(data)
        say("GOT", have=have)


def unpack(part, path, asked):
    """Write the binary as `path`; return whether it is what was sent."""
    os.lseek(part, 0, os.SEEK_SET)
    inflate, digest = zlib.decompressobj(), hashlib.sha256()
    with open(path, "wb", opener=lambda name, flags: os.open(name, flags, 0o700)) as binary:
        try:
            while data := os.read(part, 1 << 18):
                data = inflate.decompress(data)
                digest.update(data)
                binary.write(data)
        except zlib.error:
            return False
        binary.flush()
        os.fsync(binary.fileno())
    return digest.hexdigest() == asked["digest"]


def running():
    """The programs that this user runs."""
    found = set()
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                found.add(os.readlink(f"/proc/{entry}/exe"))
            except OSError:
                pass
    return found


def tidy(place, kept):
    """Remove older versions, except for the last ones and those that run, and what was never completed."""
    now, others, programs = time.time(), [], running()
    for name in os.listdir(place):
        path = os.path.join(place, name)
        try:
            seen = os.lstat(path)
        except OSError:
            continue
        if stat.S_ISREG(seen.st_mode) and name.startswith(".part-") and now - seen.st_mtime > OLD:
            os.unlink(path)
        elif stat.S_ISDIR(seen.st_mode) and len(name) == 64 and path != kept:
            if os.path.realpath(os.path.join(path, "leanto")) not in programs:
                others.append((seen.st_mtime, path))
    for _, path in sorted(others, reverse=True)[KEPT:]:
        shutil.rmtree(path, ignore_errors=True)


def install(program, source, asked):
    directory = os.path.dirname(program)
    place = os.path.dirname(directory)
    os.umask(0o077)
    os.makedirs(directory, exist_ok=True)
    part, path = open_part(os.path.join(place, ".part-" + asked["packed"]))
    have = os.fstat(part).st_size
    if have > asked["packed_size"]:
        os.ftruncate(part, 0)
        have = 0
    check_place(place, asked["packed_size"] - have + asked["size"] + SLACK)
    say("READY", have=have)
    receive(source, part, have, asked["packed_size"])
    new = f"{program}.{os.getpid()}"
    try:
        whole = unpack(part, new, asked)
        os.unlink(path)
        if whole:
            os.rename(new, program)
    finally:
        if os.path.exists(new):
            os.unlink(new)
    if not whole:
        fail("damaged", "what arrived isn't what was sent")
    os.close(part)
    try:
        tidy(place, directory)
    except OSError:
        pass  # they are only more than needed


def main():
    program, source = sys.argv[1], sys.stdin.buffer
    asked = json.loads(source.readline() or sys.exit(1))
    try:
        install(program, source, asked)
    except OSError as error:
        fail_for(error, f"keep leanto in {os.path.dirname(os.path.dirname(program))}")
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        os.execv(program, [program, "bridge"])
    except OSError as error:
        fail_for(error, f"run {program}")


main()
