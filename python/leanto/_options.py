"""Options: everything about *how* to call, so that a call's own keywords are all the user's."""

from __future__ import annotations

from leanto.errors import InvalidRequestError

_CALL = ("timeout", "stream_logs")
_SERVICE = ("concurrency", "workers", "env", "image")
_NAMING = ("name", "get_if_exists")
ALL = (*_NAMING, *_CALL, *_SERVICE)


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
    return head


def service_settings(options: dict) -> dict:
    """Return what belongs to a service and so to its version."""
    return {name: options[name] for name in _SERVICE if options.get(name) is not None}


def settings_words(options: dict) -> dict:
    """Return the settings as a deploy says them; the image is said apart from them."""
    return {name: value for name, value in service_settings(options).items() if name != "image"}


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


def _check(name: str, value: object) -> None:
    if value is None:
        return
    if name == "timeout" and not 0 < seconds(value) < 1e9:
        raise InvalidRequestError(
            f"a timeout of {value!r} makes no sense; give a positive number of seconds"
        )
    if name in ("concurrency", "workers") and not (type(value) is int and 1 <= value <= 10_000):
        raise InvalidRequestError(
            f"{name}={value!r} makes no sense; give a whole number from 1 to 10,000"
        )
    if name in ("stream_logs", "get_if_exists") and not isinstance(value, bool):
        raise InvalidRequestError(f"{name}={value!r} makes no sense; give True or False")
    if name == "name" and not (isinstance(value, str) and value and value.isprintable()):
        raise InvalidRequestError(f"name={value!r} makes no sense; give some printable text")
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
