"""Options: everything about *how* to call, so that a call's own keywords are all the user's.

    timeout=90, "30m"          of a call, in seconds or with a unit (s, m, h, d); absent: as long as it takes
    max_queue=0                of a call or a run: run now, or raise CapacityError at once; N: it may have one of the first N
                               places in the queue; absent: it waits (100,000 of one program may)
    stream_logs=False          don't show here what a call prints there
    retries=3, lt.Retry(3)     try again after errors, so many attempts in all; a plain call is a run of the node's then
    on_oom=lt.bigger(memory=2) the same with more memory after an out-of-memory
    key="nightly"              of a run: the same key and call are the same run
    on_conflict="replace"      have a run with that key cancelled first; "error", the default, refuses
    keep_args=True             of a run: keep its arguments after its end, so that it can be replayed; said before
                               ``.to()`` it holds for all runs of the service
    grace=10                   seconds between interrupting a cancelled run and terminating its process
    name=, get_if_exists=      of a service or an object; get_if_exists gives the object that has the name
    concurrency=8              calls at once in one worker or object, as threads (1,000)
    workers=4, (1, 4)          the most workers of a function (1), or the least and the most; another one
                               starts when none has room for a call, so say concurrency=1 beside it
    env={"A": "1"}             variables of its workers
    image=lt.Image(...)        the environment of its workers
    cpus=2, memory="4GB"       what each worker reserves; of memory (text, or bytes) it gets no more
    gpus=1, 0.5                the same: whole GPUs, or a part of one
    accelerators="A10G:2"      the same of one kind, or {"A10G": 2}
    warmup="load_model"        run once in each new worker; for a class a method, run after ``__init__``
    fresh=True                 each call of a function has a process of its own

All from ``concurrency`` on belong to the service: another value is another version.
"""

from __future__ import annotations

from leanto.errors import InvalidRequestError

_CALL = ("timeout", "stream_logs", "max_queue")
_RUN = ("key", "on_conflict", "grace", "keep_args")  # of `.submit`
_RETRYING = ("retries", "on_oom")
_SERVICE = ("concurrency", "workers", "env", "cpus", "memory", "gpus", "accelerators",
            "warmup", "fresh", "image")  # fmt: skip
_NAMING = ("name", "get_if_exists")
ALL = (*_NAMING, *_CALL, *_RUN, *_RETRYING, *_SERVICE)


def merge(current: dict, given: dict) -> dict:
    """Return `current` with `given` over it; each is checked.

    Raises TypeError for an option that doesn't exist (and names the near ones), InvalidRequestError for a value that
    makes no sense.
    """
    for name, value in given.items():
        if name not in ALL:
            raise TypeError(_unknown(name))
        _check(name, value)
    return {**current, **given}


def call_head(options: dict) -> dict:
    """Return the part of a CALL's head that the options say."""
    head = {}
    if options.get("timeout") is not None:
        head["timeout"] = seconds(options["timeout"])
    if options.get("stream_logs") is False:
        head["log"] = False
    if options.get("grace") is not None:
        head["grace"] = seconds(options["grace"])
    for name in ("key", "on_conflict", "keep_args", "max_queue"):
        if options.get(name) is not None:
            head[name] = options[name]
    if is_retrying(options):
        from leanto import _retry

        head.update(_retry.words_of(options))
    return head


def is_retrying(options: dict) -> bool:
    """Whether a call with these options may be tried again, so that it has to be a run."""
    return any(options.get(name) is not None for name in _RETRYING)


def service_settings(options: dict) -> dict:
    """Return what belongs to a service and so to its version."""
    settings = {name: options[name] for name in _SERVICE if options.get(name) is not None}
    if isinstance(settings.get("accelerators"), str):
        settings["accelerators"] = _accelerator(settings["accelerators"])
    return settings


def settings_words(options: dict) -> dict:
    """Return the settings as a deploy says them; the image is said apart from them."""
    words = {name: value for name, value in service_settings(options).items() if name != "image"}
    # Said later it's about the call: it sends nothing once more.
    return {**words, "keep_args": True} if options.get("keep_args") else words


def seconds(value: object) -> float:
    """Return a duration, a number of seconds or text like "90s", "30m", "6h", "2d", in seconds."""
    units = {"s": 1, "m": 60, "h": 3600, "d": 86400}
    if isinstance(value, str) and value[-1:] in units:
        try:
            return float(value[:-1]) * units[value[-1]]
        except ValueError:
            pass
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    raise InvalidRequestError(
        f"{value!r} is not a duration; write a number of seconds, or text like '90s', '30m', '6h'"
    )


_BYTES = {"kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12,
          "kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40}  # fmt: skip


def byte_size(value: str | int) -> int:
    """Return an amount like "16GB" or "512 MiB" in bytes, as the node reads it. Raises InvalidRequestError for other text."""
    if isinstance(value, int):
        return value
    number = value.rstrip("KMGTBikmgtb ")
    try:
        return int(float(number) * _BYTES[value[len(number) :].strip().lower()])
    except (ValueError, KeyError):
        raise InvalidRequestError(
            f"{value!r} is no amount of memory; write text like '512MB' or '4GiB', or a number of bytes"
        ) from None


def _check(name: str, value: object) -> None:
    if value is None:
        return
    if name == "timeout" and not 0 < seconds(value) < 1e9:
        raise InvalidRequestError(
            f"a timeout of {value!r} makes no sense; give a positive number of seconds"
        )
    if name == "max_queue" and not (type(value) is int and 0 <= value <= 1_000_000):
        raise InvalidRequestError(
            f"max_queue={value!r} makes no sense; give how many calls may wait, a whole number like 0 (run now or fail)"
        )
    if name in _RETRYING:
        from leanto import _retry

        _retry.check(name, value)
    if name == "grace" and not 0 <= seconds(value) < 1e9:
        raise InvalidRequestError(f"grace={value!r} makes no sense; give a number of seconds")
    if name == "on_conflict" and value not in ("error", "replace"):
        raise InvalidRequestError(f"on_conflict={value!r} makes no sense; 'error' or 'replace'")
    if name == "workers" and isinstance(value, (tuple, list)):
        if not _is_range(value):
            raise InvalidRequestError(
                f"workers={value!r} makes no sense; give the least and the most, like workers=(1, 4)"
            )
    elif name in ("concurrency", "workers") and not (type(value) is int and 1 <= value <= 10_000):
        raise InvalidRequestError(
            f"{name}={value!r} makes no sense; give a whole number from 1 to 10,000"
        )
    if name == "cpus" and not (is_number(value) and 0 <= value <= 10_000):
        raise InvalidRequestError(f"cpus={value!r} makes no sense; give a number like 2 or 0.5")
    if name == "memory" and not (
        isinstance(value, str) or (type(value) is int and value >= 1 << 20)
    ):
        raise InvalidRequestError(
            f"memory={value!r} makes no sense; give text like '512MB' or '4GiB', or a number of bytes"
        )
    if name == "gpus" and not _is_gpu_count(value):
        raise InvalidRequestError(
            f"gpus={value!r} makes no sense; give a whole number of GPUs, or a part of one like 0.5"
        )
    if name == "accelerators":
        _check_accelerators(value)
    if name == "warmup" and not (isinstance(value, str) and value):
        raise InvalidRequestError(
            f"warmup={value!r} makes no sense; give the name of a function of the module, or of a method of the class"
        )
    if name in ("stream_logs", "get_if_exists", "fresh", "keep_args") and not isinstance(
        value, bool
    ):
        raise InvalidRequestError(f"{name}={value!r} makes no sense; give True or False")
    if name in ("name", "key") and not (isinstance(value, str) and value and value.isprintable()):
        raise InvalidRequestError(f"{name}={value!r} makes no sense; give some printable text")
    if name == "image":
        from leanto._image import Image

        if not isinstance(value, Image):
            raise InvalidRequestError(
                f"image={value!r} makes no sense; give an lt.Image, like lt.Image().pip_install(['numpy'])"
            )
    if name == "env" and not _is_environment(value):
        raise InvalidRequestError(
            "env is a dict of variable names and texts, like env={'OMP_NUM_THREADS': '1'}"
        )


def _is_range(pair: tuple | list) -> bool:
    return (
        len(pair) == 2
        and all(type(count) is int and 0 <= count <= 10_000 for count in pair)
        and 1 <= pair[1]
        and pair[0] <= pair[1]
    )


def is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_gpu_count(value: object) -> bool:
    return is_number(value) and 0 < value <= 1024 and (value < 1 or value == int(value))


def _check_accelerators(value: object) -> None:
    kinds = _accelerator(value) if isinstance(value, str) else value
    if not (isinstance(kinds, dict) and kinds and all(map(_is_gpu_count, kinds.values()))):
        raise InvalidRequestError(
            f"accelerators={value!r} makes no sense; give a kind and how many: 'A10G:1' or {{'A10G': 1}}"
        )


def _accelerator(text: str) -> dict:
    """Return {kind: count} of text like "A10G", "A10G:2", "A10G:0.5"."""
    kind, _, count = text.partition(":")
    try:
        return {kind.strip(): float(count) if count else 1}
    except ValueError:
        return {}


def _is_environment(value: object) -> bool:
    return isinstance(value, dict) and all(
        isinstance(key, str)
        and isinstance(text, str)
        and key
        and "=" not in key
        and "\0" not in key + text
        for key, text in value.items()
    )


def _unknown(name: str) -> str:
    import difflib

    near = difflib.get_close_matches(name, ALL, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(ALL)}"
    return f"there is no option {name!r}; {hint}"
