"""Writes small.safetensors and halves.json with safetensors 0.8.0 and torch 2.13.0 (CPU).

Run: python tests/lib/formats/golden/make.py
"""

import base64
import json
import pathlib

import numpy as np
import torch
from safetensors.torch import save_file

here = pathlib.Path(__file__).parent

save_file(
    {
        "model.norm.weight": torch.arange(5, dtype=torch.float32) / 4,
        "b.bf16": torch.tensor([[1.5, -2.0, 3.140625]], dtype=torch.bfloat16),
        "a.bf16": torch.tensor([0.1], dtype=torch.bfloat16),
        "half": torch.tensor([65504.0, 6e-8, -0.0], dtype=torch.float16),
        "wide": torch.tensor([1 / 3], dtype=torch.float64),
        "ids": torch.tensor([1, -1], dtype=torch.int64),
        "bytes": torch.tensor([[1], [255]], dtype=torch.uint8),
        "flag": torch.tensor([True, False, True]),
        "scalar": torch.tensor(7.0),
        "empty": torch.zeros(0, 4),
    },
    here / "small.safetensors",
    metadata={"format": "pt"},
)

words = np.array(
    [
        0x00000000, 0x80000000, 0x00000001, 0x007FFFFF, 0x3F800000, 0xBF800000, 0x3F808000, 0x3F818000, 0x3F807FFF,
        0x7F7FFFFF, 0x7F800000, 0xFF800000, 0x477FE000, 0x477FEFFF, 0x477FF000, 0x38800000, 0x387FFFFF, 0x387FE000,
        0x33000000, 0x33000001, 0x33800000, 0x33C00000, 0x34200000, 0x3F801000, 0x3F803000, 0x3F800FFF, 0x38802000,
    ],
    dtype=np.uint32,
)
rng = np.random.default_rng(7)
more = (rng.standard_normal(100) * 10.0 ** rng.integers(-8, 6, 100)).astype(np.float32)
values = torch.from_numpy(np.concatenate([words.view(np.float32), more]))
b64 = lambda array: base64.b64encode(array.tobytes()).decode()
(here / "halves.json").write_text(
    json.dumps(
        {
            "values": b64(values.numpy()),
            "bf16": b64(values.bfloat16().view(torch.uint16).numpy()),
            "f16": b64(values.half().view(torch.uint16).numpy()),
            "fromBf16": b64(values.bfloat16().float().numpy()),
            "fromF16": b64(values.half().float().numpy()),
        },
        indent=1,
    )
    + "\n"
)
