"""Golden learning rates of transformers' schedules, as the optimizer sees them at each of 60 updates.

    pip install torch transformers==5.17.0
    python makeSchedules.py schedules.json
"""

import json
import sys

import torch
from transformers import get_scheduler

CASES = [
    ("linear", {}),
    ("cosine", {}),
    ("cosine", {"numCycles": 1.5}),
    ("cosine_with_restarts", {}),
    ("cosine_with_restarts", {"numCycles": 3}),
    ("polynomial", {}),
    ("polynomial", {"power": 2.0, "lrEnd": 1e-6}),
    ("constant", {}),
    ("constant_with_warmup", {}),
    ("inverse_sqrt", {}),
    ("inverse_sqrt", {"timescale": 20}),
]
PYTHON = {"numCycles": "num_cycles", "lrEnd": "lr_end", "power": "power", "timescale": "timescale"}

golden = []
for kind, options in CASES:
    for warmup in [0, 6]:
        optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=2e-4)
        scheduler = get_scheduler(
            kind,
            optimizer,
            num_warmup_steps=warmup,
            num_training_steps=60,
            scheduler_specific_kwargs={PYTHON[name]: value for name, value in options.items()},
        )
        rates = []
        for _ in range(60):
            rates.append(scheduler.get_last_lr()[0])
            optimizer.step()
            scheduler.step()
        golden.append({"type": kind, "options": options, "warmupSteps": warmup, "rates": rates})
with open(sys.argv[1], "w", encoding="utf-8") as file:
    json.dump(golden, file)
