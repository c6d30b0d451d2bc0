/** What a notebook shows, in a terminal: text is printed, a picture or a page becomes a file beside the script. */
import { writeFileSync } from "node:fs";
import { join, parse } from "node:path";
import type { MimeBundle } from "../protocol/messages.js";

export interface ShowOptions {
  /** Name of what is shown, under which it may be shown again. */
  displayId?: string;
  /** It was shown before under that name. */
  update?: boolean;
}

interface Picture {
  extension: string;
  content: string | Buffer;
}

const TEXTS = ["text/plain", "text/markdown", "text/latex"];
const BINARY = { "image/png": "png", "image/jpeg": "jpg", "image/gif": "gif", "application/pdf": "pdf" };
const INLINE_SVG = /src="data:image\/svg\+xml;base64,([^"]+)"/;

const counts = { chart: 0, page: 0 };
/** The file of each name. */
const files = new Map<string, string>();

/**
 * Prints a bundle's text, and for a picture, or HTML without text, the file that it was written to. A picture that is
 * shown again changes in its file and is not spoken of: a training does so four times a second.
 */
export function showBundle(bundle: MimeBundle, { displayId, update = false }: ShowOptions = {}): void {
  const picture = pictureOf(bundle);
  const known = displayId === undefined ? undefined : files.get(displayId);
  if (update && picture !== undefined && known !== undefined) {
    writeFileSync(known, picture.content);
    return;
  }
  const text = TEXTS.map((type) => bundle[type]).find((one) => one !== undefined && one !== "");
  if (text !== undefined) console.log(String(text));
  if (picture !== undefined) {
    const file = write("chart", picture);
    if (displayId !== undefined) files.set(displayId, file);
    console.log(`Chart: ${file}`);
  } else if (text === undefined && typeof bundle["text/html"] === "string") {
    console.log(`Page: ${write("page", { extension: "html", content: bundle["text/html"] })}`);
  }
}

function pictureOf(bundle: MimeBundle): Picture | undefined {
  if (typeof bundle["image/svg+xml"] === "string") return { extension: "svg", content: bundle["image/svg+xml"] };
  for (const [type, extension] of Object.entries(BINARY)) {
    const content = bundle[type];
    if (typeof content === "string") return { extension, content: Buffer.from(content, "base64") };
  }
  const [, encoded] = INLINE_SVG.exec(String(bundle["text/html"] ?? "")) ?? [];
  return encoded === undefined ? undefined : { extension: "svg", content: Buffer.from(encoded, "base64") };
}

function write(what: keyof typeof counts, { extension, content }: Picture): string {
  const script = parse(process.argv[1] ?? "script");
  const path = join(script.dir, `${script.name}-${what}-${++counts[what]}.${extension}`);
  writeFileSync(path, content);
  return path;
}
