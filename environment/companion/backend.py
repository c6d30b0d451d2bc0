"""Builds the wheel of the modules here, without any build tool, so that it installs without a network."""

import base64
import hashlib
import os
import zipfile

NAME = "tunelab_companion"
VERSION = "0.1.0"
INFO = f"{NAME}-{VERSION}.dist-info"
MODULES = ["tunelab_script.py", "tunelab_papermill.py"]
ENTRY_POINTS = """\
[nbconvert.exporters.script]
typescript = tunelab_script:TypeScriptExporter

[papermill.engine]
tunelab = tunelab_papermill:NBClientEngine
"""


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    files = {name: read(name) for name in MODULES}
    files[f"{INFO}/METADATA"] = f"Metadata-Version: 2.1\nName: tunelab-companion\nVersion: {VERSION}\n"
    files[f"{INFO}/WHEEL"] = "Wheel-Version: 1.0\nGenerator: backend\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    files[f"{INFO}/entry_points.txt"] = ENTRY_POINTS
    files[f"{INFO}/RECORD"] = "".join(record(path, text) for path, text in files.items()) + f"{INFO}/RECORD,,\n"
    wheel = f"{NAME}-{VERSION}-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(wheel_directory, wheel), "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    return wheel


def read(name):
    with open(os.path.join(os.path.dirname(__file__), name), encoding="utf-8") as module:
        return module.read()


def record(path, text):
    digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")
    return f"{path},sha256={digest},{len(text.encode())}\n"
