"""Golden values of the optimizers: bitsandbytes' CPU AdamW (8-bit states, and 32-bit below 4,096 elements) and torch's.

    pip install torch==2.13.0 bitsandbytes==0.50.2 safetensors numpy
    python makeOptimizers.py optimizers.safetensors
"""

import sys

import bitsandbytes as bnb
import torch
from safetensors.torch import save_file

STEPS = 3
LEARNING_RATES = [1e-3, 2e-3, 5e-4]
SIZES = {"large": 4352, "ragged": 4100, "small": 800}


def main(path: str) -> None:
    torch.manual_seed(0)
    torch.set_num_threads(1)
    golden = {}
    for name, size in SIZES.items():
        golden[f"{name}.start"] = 0.05 * torch.randn(size)
        for step in range(STEPS):
            scale = torch.exp(2 * torch.randn(size))
            gradient = 1e-2 * scale * torch.randn(size)
            gradient[:300] = 0
            golden[f"{name}.gradient.{step}"] = gradient
    for kind in ["adamw_8bit", "adamw_torch"]:
        parameters = {name: torch.nn.Parameter(golden[f"{name}.start"].clone()) for name in SIZES}
        options = dict(lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01)
        if kind == "adamw_8bit":
            optimizer = bnb.optim.AdamW(parameters.values(), optim_bits=8, **options)
        else:
            optimizer = torch.optim.AdamW(parameters.values(), foreach=False, fused=False, **options)
        for step in range(STEPS):
            for group in optimizer.param_groups:
                group["lr"] = LEARNING_RATES[step]
            for name, parameter in parameters.items():
                parameter.grad = golden[f"{name}.gradient.{step}"].clone()
            optimizer.step()
            if step < STEPS - 1:
                continue
            for name, parameter in parameters.items():
                prefix = f"{kind}.{name}.after"
                golden[f"{prefix}.value"] = parameter.detach().clone()
                state = optimizer.state[parameter]
                keys = ["state1", "state2", "absmax1", "absmax2"] if kind == "adamw_8bit" else ["exp_avg", "exp_avg_sq"]
                for key in keys:
                    if key in state:
                        golden[f"{prefix}.{key}"] = state[key].clone()
    save_file(golden, path)


main(sys.argv[1])
