"""Wheels made by tests, so that images can be built without a network."""

import base64
import hashlib
import zipfile


def make_wheel(directory, name, version, text, requires=(), extras=()):
    """Write a wheel with one module of that name; return its path."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"{name}-{version}-py3-none-any.whl"
    info = f"{name}-{version}.dist-info"
    needs = "".join(f"Requires-Dist: {each}\n" for each in requires)
    needs += "".join(f"Provides-Extra: {each}\n" for each in extras)
    files = {
        f"{name}.py": text,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(
        f"{file},sha256={digest_of(data)},{len(data)}\n" for file, data in files.items()
    )
    with zipfile.ZipFile(path, "w") as wheel:
        for file, data in {**files, f"{info}/RECORD": f"{record}{info}/RECORD,,\n"}.items():
            wheel.writestr(zipfile.ZipInfo(file, (2024, 1, 1, 0, 0, 0)), data)
    return path


def digest_of(text):
    digest = hashlib.sha256(text.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
