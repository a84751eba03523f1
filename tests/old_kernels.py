"""A kernel as old as Leanto still supports: Linux 4.18, by a filter that knows no later system call."""

import ctypes
import errno
import os
import platform
import struct
import sys

import pytest

LAST_OF_4_18 = 334  # rseq; the numbers of x86-64 up to 423 were left out, and 424 came with 5.1
MAY_NOT_GAIN_PRIVILEGES = 38
SET_SECCOMP, FILTER = 22, 2


def skip_where_it_cannot_be():
    if platform.machine() != "x86_64" or not sys.platform.startswith("linux"):
        pytest.skip("the filter has the numbers of x86-64")


def _instruction(code, if_true, if_false, value):
    return struct.pack("HBBI", code, if_true, if_false, value)


PROGRAM = b"".join(
    [
        _instruction(0x20, 0, 0, 0),  # load the number of the call
        _instruction(0x25, 0, 1, LAST_OF_4_18),  # greater?
        _instruction(0x06, 0, 0, 0x00050000 | errno.ENOSYS),  # answer: no such call
        _instruction(0x06, 0, 0, 0x7FFF0000),  # let it pass
    ]
)


class _Program(ctypes.Structure):
    _fields_ = [("size", ctypes.c_ushort), ("instructions", ctypes.c_char_p)]


_prctl = ctypes.CDLL(None, use_errno=True).prctl


def enter():
    """Have this process, and all that it starts from now on, live on such a kernel. For `preexec_fn`."""
    program = _Program(len(PROGRAM) // 8, PROGRAM)
    for arguments in [
        (MAY_NOT_GAIN_PRIVILEGES, 1, 0, 0, 0),
        (SET_SECCOMP, FILTER, ctypes.byref(program), 0, 0),
    ]:
        if _prctl(*arguments) != 0:
            raise OSError(ctypes.get_errno(), "seccomp")
    if hasattr(os, "pidfd_open"):
        try:
            os.pidfd_open(os.getpid())
        except OSError as error:
            if error.errno == errno.ENOSYS:
                return
        raise RuntimeError("the filter lets pass what it should not")
