"""Gathers the figures of all parts: table.py LOGS RESULTS prints them as JSON, with --print as a table of ours and the peers'.
"""

import json
import sys
from pathlib import Path

LOGS, RESULTS = Path(sys.argv[1]), Path(sys.argv[2])
PEERS = {"Unsloth": "unsloth", "PEFT+bnb": "hf"}
MODES = ("article", "saver", "recomputed", "auto", "fast", "half")


def figures(name):
    file = RESULTS / f"{name}.json"
    return json.loads(file.read_text()) if file.exists() else {}


def driver_gib(part):
    """Most memory that the driver saw in use during a part."""
    file = LOGS / f"{part}.memory"
    sizes = [int(line) for line in file.read_text().split() if line.isdigit()] if file.exists() else []
    return max(sizes) / 1024 if sizes else None


def warm(run, steps=None):
    """The steps after the first two, up to `steps`."""
    return (run.get("each") or [])[2:steps]


def rate(each):
    """Real tokens a second."""
    return sum(step["tokens"] for step in each) / sum(step["seconds"] for step in each) if each else None


def programs():
    """What ran: name, figures of its process, of its training, of its decoding."""
    for name, kind in (("NF4", "nf4"), ("bf16", "dense")):
        whole = figures(f"article-{kind}")
        modes = [mode for mode in MODES if whole.get(mode)]
        for mode in modes:
            yield f"{name} {mode}", whole, whole[mode], whole.get("decode", {}) if mode == modes[0] else {}
    for name, part in PEERS.items():
        peer = figures(f"peer-{part}")
        yield name, peer, {**peer, "driverGib": driver_gib(part)}, peer.get("decode", {})


def comparison():
    columns = list(programs())
    runs = {name: run for name, _, run, _ in columns}
    spoken = {name: decode.get("rate") for name, _, _, decode in columns}
    common = max(len(runs[peer].get("each") or []) for peer in PEERS)
    # Ours did more steps: compared are those that the peers did too.
    same = {name: rate(warm(run, common)) for name, run in runs.items()}

    def times(own, other):
        return own / other if own and other else None

    def each_run(of):
        return [of(run) for run in runs.values()]

    first = each_run(lambda run: (run.get("each") or [{}])[0].get("seconds"))
    mean = each_run(lambda run: sum(step["seconds"] for step in warm(run)) / len(warm(run)) if warm(run) else None)
    rows = [
        ("steps", 0, each_run(lambda run: len(run.get("each") or []))),
        ("the first step, s", 2, first),
        ("a step, s", 3, mean),
        ("real tok/s", 0, each_run(lambda run: rate(warm(run)))),
        (f"of steps 3 to {common}", 0, list(same.values())),
        *((f"  times {peer}", 2, [times(own, same[peer]) for own in same.values()]) for peer in PEERS),
        ("GiB at most", 2, each_run(lambda run: (run.get("peakGib") or {}).get("all"))),
        ("GiB for the driver", 2, each_run(lambda run: run.get("driverGib"))),
        ("decoding, tok/s", 1, list(spoken.values())),
        *((f"  times {peer}", 1, [times(own, spoken[peer]) for own in spoken.values()]) for peer in PEERS),
        ("loading, s", 1, [whole.get("loadSeconds") for _, whole, _, _ in columns]),
        ("imports, s", 1, [whole.get("importSeconds") for _, whole, _, _ in columns]),
    ]
    print(" " * 20 + "".join(f"{name:>15}" for name in runs))
    for label, digits, values in rows:
        print(f"{label:20}" + "".join(f"{'' if value is None else f'{value:,.{digits}f}':>15}" for value in values))
    for mode in MODES:
        four, sixteen = (rate(warm(runs.get(f"{name} {mode}", {}), 6)) for name in ("NF4", "bf16"))
        if four and sixteen:
            print(f"QLoRA takes {sixteen / four - 1:+.1%} time a token beside bf16 LoRA ({mode}: {four:,.0f} and {sixteen:,.0f} tok/s)")


if "--print" in sys.argv:
    comparison()
else:
    drivers = {path.stem: driver_gib(path.stem) for path in sorted(LOGS.glob("*.memory"))}
    names = sorted(path.stem for path in RESULTS.glob("*.json"))
    print(json.dumps({"driverGib": drivers, **{name: figures(name) for name in names}}))
