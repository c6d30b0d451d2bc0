"""Calls ops of the CUDA addon through Node (runOps.ts): tensors go and come as raw files."""

import json
import os
import subprocess
import tempfile

import torch

NODE = os.environ.get("TUNELAB_GPU_NODE", "node")
SCRIPT = os.environ["TUNELAB_GPU_RUN_OPS"]
KINDS = {torch.float32: "f32", torch.bfloat16: "bf16", torch.float16: "f16", torch.int32: "i32", torch.uint8: "u8"}
# Halves come back as float32.
RETURNED = {"f32": torch.float32, "bf16": torch.float32, "f16": torch.float32, "i32": torch.int32, "u8": torch.uint8}


def raw(tensor):
    tensor = tensor.detach().contiguous().cpu().reshape(-1)
    return tensor.view(torch.uint8).numpy().tobytes()


class Ops:
    """Buffers and calls of one process; `run` gives the outputs by name."""

    def __init__(self):
        self.folder = tempfile.mkdtemp()
        self.buffers, self.calls, self.kinds = {}, [], {}

    def _write(self, name, tensor):
        with open(os.path.join(self.folder, f"{name}.in"), "wb") as file:
            file.write(raw(tensor))
        return f"{name}.in"

    def tensor(self, name, tensor):
        kind = KINDS[tensor.dtype]
        self.kinds[name] = kind
        self.buffers[name] = {"dtype": kind, "file": self._write(name, tensor)}
        return {"$": name}

    def empty(self, name, kind, length):
        self.kinds[name] = kind
        self.buffers[name] = {"dtype": kind, "length": length}
        return {"$": name}

    def host(self, name, tensor):
        return {"host": KINDS[tensor.dtype], "file": self._write(name, tensor)}

    def call(self, op, *args, name=None):
        self.calls.append({"op": op, "args": args, **({"as": name} if name else {})})
        return {"$": name}

    def run(self, *outputs):
        request = {"buffers": self.buffers, "calls": self.calls, "outputs": list(outputs)}
        with open(os.path.join(self.folder, "request.json"), "w") as file:
            json.dump(request, file)
        subprocess.run([NODE, SCRIPT, self.folder], check=True)
        with open(os.path.join(self.folder, "results.json")) as file:
            self.results = json.load(file)
        read = lambda name: torch.frombuffer(
            bytearray(open(os.path.join(self.folder, f"{name}.out"), "rb").read()), dtype=RETURNED[self.kinds[name]]
        )
        return {name: read(name) for name in outputs}
