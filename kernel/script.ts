/**
 * What cells have as globals, for a script that was exported from a notebook: `import { display } from "tunelab/script"`.
 * A chart or a page of HTML becomes a file beside the script, everything else text on the terminal.
 */
import { writeFileSync } from "node:fs";
import { join, parse } from "node:path";

/** MIME type to content, as Jupyter shows it. */
type Bundle = Record<string, unknown>;

const inline = /src="data:image\/svg\+xml;base64,([^"]+)"/;
let charts = 0;
let pages = 0;

/**
 * Shows a value: its text, and for a chart, or HTML without text, the name of the file that it was written to. Nothing
 * for undefined.
 * @param options accepted as in a notebook, without effect
 */
export function display(value: unknown, options: { raw?: boolean; displayId?: string; update?: boolean } = {}): void {
  if (value === undefined) return;
  const bundle = options.raw ? (value as Bundle) : bundleOf(value);
  if (bundle === undefined) {
    console.log(value);
    return;
  }
  const chart = picture(bundle);
  const text = String(bundle["text/plain"] ?? bundle["text/markdown"] ?? "");
  if (text !== "") console.log(text);
  const html = bundle["text/html"];
  if (chart !== undefined) console.log(`Chart: ${write("chart", ++charts, "svg", chart)}`);
  else if (text === "" && typeof html === "string") console.log(`Page: ${write("page", ++pages, "html", html)}`);
}

/** In a terminal nothing is taken back. */
export function clearOutput(): void {}

/** Shows a text that a notebook would put into its pager. */
export function page(text: string): void {
  console.log(text);
}

/** What a value's own `Symbol.for("Jupyter.display")` gives, the convention of notebook kernels. */
function bundleOf(value: unknown): Bundle | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const show = (value as { [key: symbol]: unknown })[Symbol.for("Jupyter.display")];
  const bundle: unknown = typeof show === "function" ? show.call(value) : undefined;
  return typeof bundle === "object" && bundle !== null ? (bundle as Bundle) : undefined;
}

function picture(bundle: Bundle): string | undefined {
  if (typeof bundle["image/svg+xml"] === "string") return bundle["image/svg+xml"];
  const [, encoded] = inline.exec(String(bundle["text/html"] ?? "")) ?? [];
  return encoded === undefined ? undefined : Buffer.from(encoded, "base64").toString("utf8");
}

function write(what: string, number: number, extension: string, content: string): string {
  const script = parse(process.argv[1] ?? "script");
  const path = join(script.dir, `${script.name}-${what}-${number}.${extension}`);
  writeFileSync(path, content);
  return path;
}
