/**
 * `tf.setBackend` with a name that tfjs does not know yet: tunelab's backends are started when somebody asks for one, and
 * what does not start here says why.
 */
import * as tf from "@tensorflow/tfjs";

const engine = tf.engine();
const { setBackend } = engine;

engine.setBackend = (name) => {
  // tfjs counts on it that what is there becomes the active one at once.
  return tf.findBackendFactory(name) === null ? startAndSet(name) : setBackend.call(engine, name);
};

async function startAndSet(name: string): Promise<boolean> {
  const { startBackend } = await import("./backend.js");
  await startBackend(name);
  return await setBackend.call(engine, name);
}
