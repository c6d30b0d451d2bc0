/** Who this kernel is: constants, so that kernel_info is answered before anything is loaded. */
import { createRequire } from "node:module";
import { packageRoot } from "../preload.js";
import type { JsonObject, LanguageInfo } from "../protocol/messages.js";
import { PROTOCOL_VERSION } from "../protocol/messages.js";

const require = createRequire(import.meta.url);
const { version } = require(`${packageRoot}/package.json`) as { version: string };
const typescript = require("typescript/package.json") as { version: string };

export const LANGUAGE_INFO: LanguageInfo = {
  name: "typescript",
  version: typescript.version,
  mimetype: "application/typescript",
  file_extension: ".ts",
  pygments_lexer: "typescript",
  // By this name CodeMirror 6 has a language of its own; as a mode of JavaScript it would know no types.
  codemirror_mode: "typescript",
  nbconvert_exporter: "script",
};

export const KERNEL_INFO: JsonObject = {
  status: "ok",
  protocol_version: PROTOCOL_VERSION,
  implementation: "tunelab",
  implementation_version: version,
  language_info: LANGUAGE_INFO,
  banner: `tunelab ${version}: TypeScript ${typescript.version} on Node ${process.version}`,
  help_links: [{ text: "TypeScript", url: "https://www.typescriptlang.org/docs/" }],
  debugger: true,
  supported_features: ["debugger"],
};
