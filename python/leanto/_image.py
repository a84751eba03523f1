"""Images: what a service needs around its code, said as a value; the node builds it once and keeps it."""

from __future__ import annotations

import os
import sys

from leanto.errors import InvalidRequestError

MIN_SECRET = (
    4  # characters; anything shorter could not be masked without masking half of what is printed
)
_FILES = (".whl", ".tar.gz", ".zip")
_PROJECT_FILES = ("pyproject.toml", "setup.py", "setup.cfg")
_EDITABLE = (
    "pip_install: an editable install points to a directory instead of copying it, and an image's packages can't change; "
    "say pip_install('./directory'), which is built anew at the next .to() after a change, or keep the code in your "
    "project, which travels by itself"
)


class Secret:
    """Where the value of a secret comes from. It's read at `.to()` and kept by nobody here.

    ``Secret("HF_TOKEN")`` is the variable of that name in the caller's environment. The worker finds the value under the
    same name in its `os.environ`.

    >>> lt.Secret("HF_TOKEN")
    Secret('HF_TOKEN')
    """

    __slots__ = ("file", "name")

    def __init__(self, name: str) -> None:
        if not isinstance(name, str) or not name or "=" in name or "\0" in name:
            raise InvalidRequestError(f"a secret's name is that of a variable, not {name!r}")
        self.name = name
        self.file: str | None = None

    @classmethod
    def from_file(cls, path: str | os.PathLike, *, name: str) -> Secret:
        """Return a secret whose value is the text of a file, without the line break at its end.

        >>> lt.Secret.from_file("~/.config/token", name="HF_TOKEN")
        Secret.from_file('~/.config/token', name='HF_TOKEN')
        """
        secret = cls(name)
        secret.file = os.fspath(path)
        return secret

    def read(self) -> str:
        """Return the value. Raises InvalidRequestError, which names the secret and never shows the value.

        >>> lt.Secret("NO_SUCH_TOKEN").read()
        Traceback (most recent call last):
        leanto.errors.InvalidRequestError: the secret NO_SUCH_TOKEN is not in the environment of this program; ...
        """
        if self.file is None:
            value = os.environ.get(self.name)
            if value is None:
                raise InvalidRequestError(
                    f"the secret {self.name} is not in the environment of this program; export it, or say "
                    f"lt.Secret.from_file(path, name={self.name!r})"
                )
        else:
            try:
                with open(os.path.expanduser(self.file), encoding="utf-8") as file:
                    value = file.read().rstrip("\r\n")
            except (OSError, UnicodeError) as error:
                reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
                raise InvalidRequestError(
                    f"the secret {self.name} can't be read from {self.file}: {reason}"
                ) from None
        if len(value) < MIN_SECRET or not _is_text(value):
            raise InvalidRequestError(
                f"the secret {self.name} is shorter than {MIN_SECRET} characters, or not UTF-8 text: it could not be "
                "kept out of logs; give it with .env() if it is none"
            )
        return value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and (self.name, self.file) == (other.name, other.file)

    def __hash__(self) -> int:
        return hash((self.name, self.file))

    def __repr__(self) -> str:
        if self.file is None:
            return f"Secret({self.name!r})"
        return f"Secret.from_file({self.file!r}, name={self.name!r})"


class Image:
    """The environment that a service needs: an interpreter, packages, commands, variables and secrets.

    It's a value: each method returns another image, and equal ones are the same environment, which is built once on a
    node and named by the digest of what it's built from. Variables and secrets are set in the workers and rebuild
    nothing. Without an interpreter and steps nothing is built, and the service runs in the caller's own environment.

    ``python``: a version ("3.11"), or the path of an interpreter on the node; absent: that of the caller.

    >>> image = lt.Image(python="3.11").pip_install(["numpy>=1.26"]).env({"OMP_NUM_THREADS": "1"})
    >>> image == lt.Image(python="3.11").pip_install("numpy>=1.26").env({"OMP_NUM_THREADS": "1"})
    True

    Then: ``remote = lt.function(f).options(image=image).to(lt.here)``. That raises ImageError if a step fails, with its
    output.
    """

    __slots__ = ("_env", "_python", "_secrets", "_steps")

    def __init__(self, python: str | None = None) -> None:
        if python is not None and (
            not isinstance(python, str) or not python or not python.isprintable()
        ):
            raise InvalidRequestError(
                f"python={python!r} makes no sense; give a version like '3.11', or an interpreter's path"
            )
        self._python = python
        self._steps: tuple = ()
        self._env: tuple = ()
        self._secrets: tuple = ()

    def _with(self, steps: tuple = (), env: tuple = (), secrets: tuple = ()) -> Image:
        image = Image(self._python)
        image._steps = self._steps + steps
        image._env = tuple(sorted({**dict(self._env), **dict(env)}.items()))
        kept = {secret.name: secret for secret in (*self._secrets, *secrets)}
        image._secrets = tuple(kept[name] for name in sorted(kept))
        return image

    def pip_install(self, packages: str | list | tuple, *, options: list | tuple = ()) -> Image:
        """Add packages: requirements as pip reads them, or wheels, archives and directories by their path.

        A relative path is looked up in the project's root. Of a directory, which begins with ``.``, ``/`` or ``~``, travels
        what would of a project; its content is part of the digest, so after a change the next `.to()` builds another
        environment. `options` are more words for the installer, like
        ``["--extra-index-url", url]``: both pip and uv must know them, and they are seen by all who look at the node's
        processes, so keep passwords in the installer's own configuration.

        >>> lt.Image().pip_install(["torch==2.3.0", "einops"])
        Image().pip_install(['torch==2.3.0', 'einops'])
        """
        packages = _texts("pip_install", packages)
        options = _texts("options", options)
        if any(_is_editable(word) for word in (*packages, *options)):
            raise InvalidRequestError(_EDITABLE)
        if not packages or any(package.startswith("-") for package in packages):
            raise InvalidRequestError(
                "pip_install takes packages, like pip_install(['numpy>=1.26']); say what begins with a dash in "
                "options=[...], and requirement files with .requirements(path)"
            )
        return self._with(steps=(("pip", packages, options),))

    def requirements(self, path: str | os.PathLike) -> Image:
        """Add the packages of a requirements file, which is read at each `.to()`; its text is part of the digest.

        A relative path is looked up in the project's root.

        >>> lt.Image().requirements("requirements.txt")
        Image().requirements('requirements.txt')
        """
        return self._with(steps=(("requirements", os.fspath(path)),))

    def run(self, *commands: str) -> Image:
        """Add shell commands: ``sh -e`` in the environment, each in an empty temporary directory.

        They see the environment's programs first on the PATH, and no secrets.

        >>> lt.Image().pip_install("nltk").run("python -m nltk.downloader punkt")
        Image().pip_install(['nltk']).run('python -m nltk.downloader punkt')
        """
        return self._with(steps=tuple(("run", command) for command in _texts("run", commands)))

    def env(self, variables: dict) -> Image:
        """Add variables of the workers' environment; ``.options(env=)`` goes over them.

        >>> lt.Image().env({"TOKENIZERS_PARALLELISM": "false"})
        Image().env({'TOKENIZERS_PARALLELISM': 'false'})
        """
        from leanto import _options

        _options.merge({}, {"env": variables})
        return self._with(env=tuple(variables.items()))

    def secrets(self, secrets: str | Secret | list | tuple) -> Image:
        """Add secrets, by the names of variables in the caller's environment or as `Secret`.

        Their values are read at `.to()`, travel to this service's workers only, and are replaced by ``***`` in what
        these print and raise. A changed value reaches new workers with the next `.to()`.

        >>> lt.Image().secrets(["HF_TOKEN"])
        Image().secrets([Secret('HF_TOKEN')])
        """
        many = secrets if isinstance(secrets, (list, tuple)) else (secrets,)
        return self._with(
            secrets=tuple(each if isinstance(each, Secret) else Secret(each) for each in many)
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Image) and self._words() == other._words()

    def __hash__(self) -> int:
        return hash(self._words())

    def _words(self) -> tuple:
        return self._python, self._steps, self._env, self._secrets

    def __reduce__(self) -> tuple:
        return _rebuild, self._words()

    def __repr__(self) -> str:
        text = f"Image(python={self._python!r})" if self._python else "Image()"
        for kind, *words in self._steps:
            if kind == "pip":
                options = f", options={list(words[1])!r}" if words[1] else ""
                text += f".pip_install({list(words[0])!r}{options})"
            else:
                text += f".{kind}({words[0]!r})"
        text += f".env({dict(self._env)!r})" if self._env else ""
        return text + (f".secrets({list(self._secrets)!r})" if self._secrets else "")


def _rebuild(python: str | None, steps: tuple, env: tuple, secrets: tuple) -> Image:
    return Image(python)._with(steps, env, secrets)


def _is_editable(word: str) -> bool:
    word = word.strip()
    return word == "-e" or word.startswith(("-e ", "-e.", "-e/", "--editable"))


def _is_text(value: str) -> bool:
    try:
        return b"\0" not in value.encode()
    except UnicodeEncodeError:  # bytes of the environment that are no text
        return False


def _texts(what: str, given: object) -> tuple:
    texts = (given,) if isinstance(given, str) else given
    if not isinstance(texts, (list, tuple)) or not all(
        isinstance(text, str) and text.strip() and "\0" not in text for text in texts
    ):
        raise InvalidRequestError(f"{what} takes texts, or a list of them, not {given!r}")
    return tuple(texts)


# At a deploy


def add_to_deploy(image: Image, words: dict, root: str | None, body: bytes) -> bytes:
    """Say in a deploy's words what its image is; return the body with the secrets behind it.

    Raises InvalidRequestError for a file that can't be read and for a secret that isn't there.
    """
    if image._python or image._steps:
        words["image"] = {
            "python": image._python or _python_of(words),
            "steps": [_step_words(step, root or os.getcwd()) for step in image._steps],
        }
    if image._env:
        settings = words["settings"]
        words["settings"] = {**settings, "env": {**dict(image._env), **settings.get("env", {})}}
    if not image._secrets:
        return body
    from leanto import _msgpack

    secrets = _msgpack.encode({secret.name: secret.read() for secret in image._secrets})
    words["secrets"] = len(secrets)
    return body + secrets


def _python_of(words: dict) -> str:
    """Return what an image without a Python of its own is built with: the caller's, as the deploy says it."""
    if words["python"] != sys.executable:
        return words["python"]
    return getattr(sys, "_base_executable", "") or sys.executable


def _step_words(step: tuple, root: str) -> dict:
    kind, *rest = step
    if kind == "run":
        return {"run": rest[0]}
    if kind == "requirements":
        return {"requirements": _read_requirements(os.path.join(root, rest[0]))}
    packages, options = rest
    said: dict = {"pip": []}
    if options:
        said["options"] = list(options)
    for package in packages:
        path = os.path.join(root, os.path.expanduser(package))
        if package.lower().endswith(_FILES) and "://" not in package and " @ " not in package:
            said.setdefault("files", {})[path] = _digest_of_file(package, path)
            said["pip"].append(path)
        elif package.startswith((".", "/", "~")):
            path, bracket, extras = path.partition("[")
            path = _real_directory(package, path)
            said.setdefault("trees", []).append(path)  # the node says their digests
            said["pip"].append(path + bracket + extras)
        else:
            said["pip"].append(package)
    return said


def _digest_of_file(package: str, path: str) -> str:
    import hashlib

    try:
        with open(path, "rb") as file:
            return hashlib.sha256(file.read()).hexdigest()
    except OSError as error:
        raise InvalidRequestError(
            f"pip_install({package!r}): {path} can't be read: {error.strerror}"
        ) from None


def _real_directory(package: str, path: str) -> str:
    """Return the directory that a package lies in, without symbolic links."""
    path = os.path.realpath(path)
    if not os.path.isdir(path):
        raise InvalidRequestError(
            f"pip_install({package!r}): {path} is neither a directory nor a wheel or archive ({', '.join(_FILES)})"
            if os.path.exists(path)
            else f"pip_install({package!r}): there is no {path}"
        )
    if not any(os.path.exists(os.path.join(path, name)) for name in _PROJECT_FILES):
        raise InvalidRequestError(
            f"pip_install({package!r}): {path} has no pyproject.toml, so it can't be installed; add one, or keep the code "
            "in your project, which travels by itself"
        )
    return path


def _read_requirements(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise InvalidRequestError(f"the requirements {path} can't be read: {reason}") from None
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.split()
        if not words:
            continue
        if words[0].startswith(
            ("-r", "-c", "-e", "--requirement", "--constraint", "--editable", ".", "/")
        ):
            raise InvalidRequestError(
                f"{path}, line {number}: {line.strip()!r} points to another file, which isn't part of the image; give "
                "each requirements file with .requirements(path), and wheels and directories with .pip_install(path)"
            )
    return text
