/** The addon under test; the tests need it built. */
import { loadAddon } from "../../../../lib/native/addon.js";

const loaded = loadAddon();
if (!loaded.addon) throw new Error(loaded.reason);

export const { addon } = loaded;
export const { cpu } = addon;
