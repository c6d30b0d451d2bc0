import { setUp } from "../setup.mjs";

/** Sets up and does nothing else. */
export async function run() {
  await setUp();
  return 0;
}
