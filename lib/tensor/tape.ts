/** What the library asks of tfjs' gradient tape; the one file that touches the engine's internal state. */
import * as tf from "@tensorflow/tfjs";

/** Whether the next op will be recorded for a backward pass, so that work for gradients is not done in vain. */
export function isRecording(): boolean {
  const { gradientDepth, kernelDepth } = tf.engine().state;
  return gradientDepth > 0 && kernelDepth === 0;
}
