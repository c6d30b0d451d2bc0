/**
 * `tf.setBackend` with a name that tfjs does not know yet: tunelab's backends are started when somebody asks for one, and
 * what does not start here says why. What was asked for stays: the library does not choose another.
 */
import * as tf from "@tensorflow/tfjs";

const engine = tf.engine();
const { setBackend } = engine;

/** The backend that tf.setBackend was asked for last. */
export const asked: { backend?: string | undefined } = {};

engine.setBackend = async (name) => {
  const before = asked.backend;
  asked.backend = name;
  let done = false;
  try {
    // tfjs counts on it that what is there becomes the active one at once.
    done = await (tf.findBackendFactory(name) === null ? startAndSet(name) : setBackend.call(engine, name));
  } finally {
    if (!done) asked.backend = before;
  }
  return done;
};

async function startAndSet(name: string): Promise<boolean> {
  // The addon and the kernels of all backends: not before somebody wants one.
  const { namedBackend, startBackend } = await import("./startBackend.js");
  await startBackend(namedBackend(name));
  return await setBackend.call(engine, name);
}
