/** tfjs greets the first user of its backend "cpu" with an advertisement for a Node binding that would be of no use here. */
import * as tf from "@tensorflow/tfjs";

/** As tfjs registers it: whatever else is there comes first. */
const PRIORITY = 1;

const makeCpu = tf.findBackendFactory("cpu");
tf.removeBackend("cpu");
tf.registerBackend("cpu", () => Object.assign(makeCpu(), { firstUse: false }), PRIORITY);
