/** Makes tfjs' own backend "cpu" one that greets nobody: a Node binding would be of no use here. */
import * as tf from "@tensorflow/tfjs";
import { quiet } from "./backend/quiet.js";

/** As tfjs registers it: whatever else is there comes first. */
const PRIORITY = 1;

if (Object.hasOwn(tf.engine().registry, "cpu")) {
  // It computes already, and would not be the chosen one any more if it were taken away.
  quiet(tf.findBackend("cpu"));
} else {
  const makeCpu = tf.findBackendFactory("cpu");
  tf.removeBackend("cpu");
  tf.registerBackend("cpu", () => quiet(makeCpu()), PRIORITY);
}
