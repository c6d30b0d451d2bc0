/** Memory that ran out, as one error that says who holds it and what can be changed. */
import { fail } from "../errors.js";

/** Where memory ran out, and the way out: sentences. */
export interface MemoryAdvice {
  readonly where: string;
  readonly hint: string;
}

/** Whether an op of the native backend found no memory. */
function isOutOfMemory(error: unknown): error is Error {
  return error instanceof Error && (error as { code?: unknown }).code === "TUNELAB_OUT_OF_MEMORY";
}

/** Throws a memory error again with what helps against it, and any other as it is. */
export function adviseOnMemory(error: unknown, { where, hint }: MemoryAdvice): never {
  if (!isOutOfMemory(error)) throw error;
  fail(`${error.message}\n${where}`, { hint, cause: error });
}

/**
 * Runs something that may need much memory.
 *
 * @param advice asked for when something failed
 * @throws TunelabError with the backend's table of who holds what, and the advice
 */
export async function withMemoryAdvice<T>(advice: () => MemoryAdvice, run: () => T | Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    return adviseOnMemory(error, advice());
  }
}

/** Runs what pins memory of the host for a training pass. */
export function pinning<T>(run: () => T): T {
  try {
    return run();
  } catch (error) {
    return adviseOnMemory(error, {
      where: "It was for what training keeps outside of the GPU.",
      hint:
        "Set useGradientCheckpointing: true in getPeftModel, which keeps it on the GPU, or lower maxTokensPerForward in " +
        "TrainingArguments.",
    });
  }
}
