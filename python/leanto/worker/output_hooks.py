"""Where output changes hands: threads, thread pools, and child processes learn whose they are.

Each hook wraps one function of the standard library at the lowest level that all users of it pass
through, and does nothing but that outside of a call.
"""

from __future__ import annotations

import _posixsubprocess
import os
import sys
import threading

from leanto.worker.output import (
    STDERR,
    STDOUT,
    after_fork_in_child,
    current_call,
    flush_c_stdout,
    lines_of,
    process,
)

# Where _posixsubprocess.fork_exec takes the child's ends of stdout and stderr; -1 is "inherit".
_FORK_EXEC_STDOUT = 9
_FORK_EXEC_STDERR = 11


def install_hooks():
    """Installs all hooks of this module; called once, while the process has one thread."""
    os.register_at_fork(before=_before_fork, after_in_child=after_fork_in_child)
    _hook_fork_exec()
    _hook_os()
    _hook_thread(threading.Thread)
    pool = sys.modules.get("concurrent.futures.thread")
    if pool is not None:
        _hook_thread_pool(pool)
    else:
        sys.meta_path.insert(0, _AfterImport("concurrent.futures.thread", _hook_thread_pool))


def _before_fork():
    flush_c_stdout()
    call = current_call.get()
    lines_of(call).own_pipes(call)


def _start_child(start):
    """Returns start(pipes of the call or None), and keeps the pipes open meanwhile."""
    call = current_call.get()
    lines = lines_of(call)
    with lines.lock:
        return start(lines.own_pipes(call))


def _hook_fork_exec():
    """subprocess, os.popen, asyncio's subprocesses and multiprocessing's spawn all come here."""
    original = _posixsubprocess.fork_exec

    @_like(original)
    def fork_exec(*args):
        wanted = [
            (position, stream)
            for position, standard in ((_FORK_EXEC_STDOUT, STDOUT), (_FORK_EXEC_STDERR, STDERR))
            for stream in (standard if args[position] == -1 else args[position],)
            if stream in (STDOUT, STDERR) and process.owns(stream)
        ]
        if not wanted or _serves_whole_process(args[0]):
            return original(*args)

        def start(pipes):
            redirected = list(args)
            for position, stream in wanted if pipes else ():
                redirected[position] = pipes[stream - 1]
            return original(*redirected)

        return _start_child(start)

    _posixsubprocess.fork_exec = fork_exec
    subprocess = sys.modules.get("subprocess")
    if getattr(subprocess, "_fork_exec", None) is original:  # since Python 3.11
        subprocess._fork_exec = fork_exec


def _serves_whole_process(command):
    """Whether this starts multiprocessing's resource tracker or fork server: they outlive calls."""
    code = [os.fsencode(word) for word in command if os.fsencode(word).startswith(b"from ")]
    return any(b"resource_tracker import main" in c or b"forkserver import main" in c for c in code)


def _hook_os():
    original_system = os.system
    original_spawn = os.posix_spawn

    @_like(original_system)
    def system(command):
        def start(pipes):
            arguments = ["sh", "-c", os.fsencode(command)]
            return pipes and original_spawn(
                "/bin/sh", arguments, os.environ, file_actions=_onto_standard(pipes)
            )

        pid = _start_child(start)
        if not pid:
            return original_system(command)
        sys.audit("os.system", command)
        return os.waitpid(pid, 0)[1]

    def hook_posix_spawn(name):
        original = getattr(os, name)

        @_like(original)
        def posix_spawn(path, argv, env, /, *, file_actions=None, **options):
            def start(pipes):
                # The caller's own actions come after these and so win.
                actions = _onto_standard(pipes) + list(file_actions or ())
                return original(path, argv, env, file_actions=actions, **options)

            return _start_child(start)

        posix_spawn.__module__ = "os"
        setattr(os, name, posix_spawn)

    system.__module__ = "os"  # where pickle finds it now
    os.system = system
    hook_posix_spawn("posix_spawn")
    hook_posix_spawn("posix_spawnp")


def _onto_standard(pipes):
    return [
        (os.POSIX_SPAWN_DUP2, pipes[stream - 1], stream)
        for stream in (STDOUT, STDERR)
        if pipes and process.owns(stream)
    ]


def _hook_thread(thread_class):
    """A thread writes for the call that started it; the rest of its context stays its own."""
    original_start = thread_class.start
    original_bootstrap = thread_class._bootstrap_inner

    @_like(original_start)
    def start(self):
        self._leanto_call = current_call.get()
        original_start(self)

    @_like(original_bootstrap)
    def bootstrap(self):
        call = self.__dict__.pop("_leanto_call", None)
        if call is not None:
            current_call.set(call)
        original_bootstrap(self)

    thread_class.start = start
    thread_class._bootstrap_inner = bootstrap


def _hook_thread_pool(module):
    """What is handed to a ThreadPoolExecutor writes for the call that handed it over."""
    item_class = module._WorkItem
    original_init = item_class.__init__
    original_run = item_class.run

    @_like(original_init)
    def init(self, *args, **kwargs):
        original_init(self, *args, **kwargs)
        self._leanto_call = current_call.get()

    @_like(original_run)
    def run(self, *args, **kwargs):
        token = current_call.set(self._leanto_call)
        try:
            original_run(self, *args, **kwargs)
        finally:
            current_call.reset(token)

    item_class.__init__ = init
    item_class.run = run


class _AfterImport:
    """A finder that calls `hook(module)` once the named module has been imported by the others."""

    def __init__(self, name, hook):
        self.name = name
        self.hook = hook

    def find_spec(self, name, path=None, target=None):
        if name != self.name:
            return None
        for finder in [finder for finder in sys.meta_path if finder is not self]:
            spec = finder.find_spec(name, path, target)
            if spec is not None:
                self._extend(spec.loader)
                return spec
        return None

    def _extend(self, loader):
        execute = loader.exec_module

        def execute_and_hook(module):
            execute(module)
            self.hook(module)
            sys.meta_path.remove(self)

        loader.exec_module = execute_and_hook


def _like(original):
    """functools.wraps, without its import and its update of __dict__."""

    def apply(wrapper):
        for name in ("__module__", "__name__", "__qualname__", "__doc__"):
            setattr(wrapper, name, getattr(original, name, None))
        wrapper.__wrapped__ = original
        return wrapper

    return apply
