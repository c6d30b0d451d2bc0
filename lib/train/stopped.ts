/** The two ways in which training ends before its last step. Both keep the model and the trainer's state. */

/** Training was interrupted. The model holds what it learnt so far. */
export class TrainingInterrupted extends Error {
  override readonly name = "TrainingInterrupted";
  constructor(
    /** Updates done. */
    readonly globalStep: number,
    readonly maxSteps: number,
    /** The checkpoint to resume from, or null when no update was done. */
    readonly checkpoint: string | null,
  ) {
    const resume =
      checkpoint === null
        ? "No update was done yet; start again with trainer.train()."
        : "Go on with trainer.train({ resumeFromCheckpoint: true }); " +
          `the model keeps what it learnt so far, and it is saved in ${checkpoint}.`;
    super(`Training was interrupted after step ${globalStep} of ${maxSteps}. ${resume}`);
  }
}

/** The loss or the gradients stopped being numbers, or outgrew float16. The model is as it was after the last good update. */
export class TrainingDiverged extends Error {
  override readonly name = "TrainingDiverged";
  constructor(
    /** The update that was not done, from 1. */
    readonly step: number,
    what: string,
    /** Where the model of the last good update is saved, or null when there was none. */
    readonly checkpoint: string | null,
    advice = "Lower learningRate, or look for broken rows in the data.",
  ) {
    const kept =
      checkpoint === null
        ? "The model is unchanged."
        : `The model keeps what it learnt up to step ${step - 1}, and it is saved in ${checkpoint}.`;
    super(`${what} at step ${step}, so training stopped. ${kept} ${advice}`);
  }
}
