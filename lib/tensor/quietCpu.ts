/** tfjs greets the first user of its backend "cpu" with an advertisement for a Node binding that would be of no use here. */
import * as tf from "@tensorflow/tfjs";

/** As tfjs registers it: whatever else is there comes first. */
const PRIORITY = 1;
const QUIET = { firstUse: false };

if (Object.hasOwn(tf.engine().registry, "cpu")) {
  // It computes already, and would not be the chosen one any more if it were taken away.
  Object.assign(tf.findBackend("cpu"), QUIET);
} else {
  const makeCpu = tf.findBackendFactory("cpu");
  tf.removeBackend("cpu");
  tf.registerBackend("cpu", () => Object.assign(makeCpu(), QUIET), PRIORITY);
}
