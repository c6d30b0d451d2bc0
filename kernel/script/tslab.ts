/** What `import "tslab"` gives to a script that was exported from a notebook. */
import { createTslab } from "../runner/tslabCompatibility.js";
import { showBundle } from "./show.js";

export const { display, newDisplay, versions } = createTslab(showBundle);
