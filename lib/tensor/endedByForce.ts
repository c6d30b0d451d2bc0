/**
 * Puts TensorFlow.js in order after the kernel has ended code by force, which runs no `finally`: the engine would count
 * calls that never returned for good, record no gradients any more, and keep what open scopes hold.
 */
import * as tf from "@tensorflow/tfjs";

/** Ends what the engine believes to be under way. To be called when nothing of it is on the stack. */
export function restoreEngine(): void {
  const engine = tf.engine();
  const { state } = engine;
  state.kernelDepth = 0;
  state.gradientDepth = 0;
  state.numDataMovesStack = [];
  Object.assign(state, { activeTape: null });
  while (state.scopeStack.length > 0) engine.endScope();
}

interface InterruptHub {
  /** Calls `callback` after code was ended by force. */
  onEndedByForce?(callback: () => void): void;
}

const hub = (globalThis as Record<symbol, unknown>)[Symbol.for("tunelab.interrupt")] as InterruptHub | undefined;
hub?.onEndedByForce?.(restoreEngine);
