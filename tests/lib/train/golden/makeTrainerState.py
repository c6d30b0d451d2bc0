"""Golden trainer_state.json, written by transformers itself.

    pip install torch transformers==5.17.0
    python makeTrainerState.py trainer_state.txt
"""

import sys

from transformers.trainer_callback import EarlyStoppingCallback, TrainerState

early = EarlyStoppingCallback(early_stopping_patience=3)
early.early_stopping_patience_counter = 1
TrainerState(
    epoch=0.96,
    global_step=60,
    max_steps=60,
    logging_steps=10,
    train_batch_size=2,
    num_train_epochs=1,
    total_flos=3.404752748660736e16,
    log_history=[{"loss": 1.838, "grad_norm": 0.5, "learning_rate": 2e-5, "epoch": 0.16, "step": 10}],
    stateful_callbacks=[early],
).save_to_json(sys.argv[1])
