"""compute-sanitizer's memcheck, racecheck and initcheck over the op tests, several processes side by side.

    sanitize.py [TOOL] [TOOL:GROUP] ...

Tests that repeat a text a thousand times are left to memcheck, for racecheck takes many times as long. cuBLASLt's own kernels
are its affair: racecheck reports the asynchronous copies of some, and initcheck does not see what they store, so that rows
of products count as never written. Our kernels that read nothing but such rows are listed; any other that is reported is a
failure. The part `poisoned` shows the same without a sanitizer: all memory is NaN before it is written.
"""

import os
import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from reference import Report

TOOL = shutil.which("compute-sanitizer") or "/usr/local/cuda/bin/compute-sanitizer"
MOCHA = ["./node", "node_modules/mocha/bin/mocha.js", "--no-config", "--timeout=900000", "--exit", "tests.mjs"]
GROUPS = {
    "cached decoding in f32": "CUDA cached decoding .* f32",
    "cached decoding in bf16": "CUDA cached decoding .* bf16",
    "cached decoding in f16": "CUDA cached decoding .* f16",
    "decoder's tokens": "CUDA decoder takes the tokens",
    "layers": "CUDA decoder layer",
    "attention": "CUDA rotation and attention",
    "few rows": "CUDA product of a few rows|CUDA choice of tokens",
    "decoder's graph": "CUDA decoder (?!layer|takes the tokens)",
    "tensors": "^tensor|kernels of tfjs",
    "others": "CUDA (linear|quantisation|optimizers|norms|matrix)",
    "copies": "CUDA host|files on the GPU",
}
LONG = "holds no more memory after many texts|leaves no memory behind|draws each token"
SUMMARY = {
    "memcheck": r"ERROR SUMMARY: (\d+) error",
    "racecheck": r"RACECHECK SUMMARY: (\d+) hazard",
    "initcheck": r"ERROR SUMMARY: (\d+) error",
}
OF_CUBLASLT = re.compile(r"nvjet|cutlass|cublasLt|gemvx")
# Races are between accesses "at" two kernels, other reports stand "at" one.
KERNEL = r"=========.*\bat (?:void |std::enable_if<[^>]*>::type )?(?:tunelab::cuda::)?([A-Za-z_][\w:]*)[<+(]"
READ_PRODUCTS = {"rmsNormForwardKernel", "crossEntropyKernel", "addKernel"}
SECONDS = float(os.environ.get("TUNELAB_SANITIZE_SECONDS", 500))


def check(tool, group, report):
    tests = f"^(?=.*({GROUPS[group]}))" + ("" if tool == "memcheck" else f"(?!.*({LONG}))")
    options = ["--tool", tool, "--print-limit", "100000", "--show-backtrace", "no"]
    # Records of launches that wait to be looked at would fill the host's memory.
    if tool == "racecheck":
        options += ["--force-blocking-launches"]
    log = Path(os.environ.get("TUNELAB_GPU_RESULTS", "."), f"{tool}-{group.replace(' ', '-')}.txt")
    started = time.time()
    with log.open("w") as out:
        try:
            subprocess.run([TOOL, *options, *MOCHA, "-g", tests], stdout=out, stderr=subprocess.STDOUT, timeout=SECONDS)
        except subprocess.TimeoutExpired:
            print("Took too long.", file=out)
    seconds, text = time.time() - started, log.read_text(errors="replace")
    passing, failing = (re.search(rf"(\d+) {word}", text) for word in ("passing", "failing"))
    reports = re.search(SUMMARY[tool], text)
    kernels = Counter(re.findall(KERNEL, text))
    known = READ_PRODUCTS if tool == "initcheck" else set()
    ours = {name for name in kernels if not OF_CUBLASLT.search(name) and name not in known}
    good = passing and not failing and reports and not ours and (reports[1] == "0" or kernels)
    report.add(**{f"{tool} {group}": dict(kernels=kernels, seconds=seconds)})
    return bool(good), (
        f"{tool} over {group}: {passing[1] if passing else 'no'} tests, {reports[1] if reports else 'no count of'} reports "
        f"{dict(kernels) or ''} in {seconds:.0f} s"
    )


report = Report("sanitize")
cases = [
    (tool, group)
    for tool in SUMMARY
    for group in GROUPS
    # Copies share no memory of a block.
    if (tool, group) != ("racecheck", "copies")
    if len(sys.argv) == 1 or {tool, f"{tool}:{group}"} & set(sys.argv[1:])
]
# More of them take longer than one after the other.
with ThreadPoolExecutor(4) as pool:
    for good, line in pool.map(lambda case: check(*case, report), cases):
        report.check(good, line)
sys.exit(report.failed)
