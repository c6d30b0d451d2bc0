"""Builds the wheel of the one module here, without any build tool, so that it installs without a network."""

import base64
import hashlib
import os
import zipfile

NAME = "tunelab_exporter"
INFO = f"{NAME}-0.1.0.dist-info"


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    with open(os.path.join(os.path.dirname(__file__), f"{NAME}.py"), encoding="utf-8") as module:
        files = {f"{NAME}.py": module.read()}
    files[f"{INFO}/METADATA"] = "Metadata-Version: 2.1\nName: tunelab-exporter\nVersion: 0.1.0\n"
    files[f"{INFO}/WHEEL"] = "Wheel-Version: 1.0\nGenerator: backend\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    files[f"{INFO}/entry_points.txt"] = f"[nbconvert.exporters.script]\ntypescript = {NAME}:TypeScriptExporter\n"
    files[f"{INFO}/RECORD"] = "".join(record(path, text) for path, text in files.items()) + f"{INFO}/RECORD,,\n"
    wheel = f"{NAME}-0.1.0-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(wheel_directory, wheel), "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    return wheel


def record(path, text):
    digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")
    return f"{path},sha256={digest},{len(text.encode())}\n"
