/** What `import "tslab"` gives: notebooks written for tslab show things through it. */
import { createRequire } from "node:module";
import type { Json, MimeBundle } from "../protocol/messages.js";

type Show = (data: string | Uint8Array | object) => void;
type ShowBundle = (bundle: MimeBundle, options: { displayId?: string; update?: boolean }) => void;

export interface TslabDisplay extends Record<keyof typeof TEXT_TYPES | keyof typeof BINARY_TYPES, Show> {
  raw(type: string, data: string | Uint8Array | object): void;
}

const TEXT_TYPES = {
  javascript: "application/javascript",
  html: "text/html",
  markdown: "text/markdown",
  latex: "text/latex",
  svg: "image/svg+xml",
  text: "text/plain",
} as const;
const BINARY_TYPES = { png: "image/png", jpeg: "image/jpeg", gif: "image/gif", pdf: "application/pdf" } as const;

let displays = 0;

function createDisplay(show: ShowBundle, displayId?: string): TslabDisplay {
  let shown = false;
  const raw = (type: string, data: string | Uint8Array | object) => {
    const value = data instanceof Uint8Array ? Buffer.from(data).toString("base64") : (data as Json);
    show({ [type]: value }, displayId === undefined ? {} : { displayId, update: shown });
    shown = true;
  };
  const methods: Record<string, Show> = {};
  for (const [name, type] of Object.entries({ ...TEXT_TYPES, ...BINARY_TYPES })) {
    methods[name] = (data) => raw(type, data);
  }
  return { ...methods, raw } as TslabDisplay;
}

/** @param show where what is displayed goes */
export function createTslab(show: ShowBundle) {
  return {
    __esModule: true,
    display: createDisplay(show),
    newDisplay: () => createDisplay(show, `tslab-${process.pid}-${++displays}`),
    versions: {
      tslab: "1.0.22",
      get typescript(): string {
        return (createRequire(import.meta.url)("typescript/package.json") as { version: string }).version;
      },
      node: process.version,
    },
  };
}
