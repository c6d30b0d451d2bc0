/** Declarations of what the runner puts on globalThis, and of `import "tslab"`. */
import { WIDGETS_DECLARATION } from "../runner/widgets/declaration.js";
import { WEB_ASSEMBLY_DECLARATION } from "./webAssembly.js";

export const GLOBALS_DECLARATION = `
${WIDGETS_DECLARATION}${WEB_ASSEMBLY_DECLARATION}
interface DisplayOptions {
  /** Name of the output, for later updates. */
  displayId?: string;
  /** Replace the output of that name instead of adding one. */
  update?: boolean;
  metadata?: Record<string, unknown>;
  /** The value is already a MIME bundle such as { "text/html": "<b>x</b>" }. */
  raw?: boolean;
}
/** Shows a value in the output of the running cell: a chart, a table, a MIME bundle, anything. */
declare function display(value: unknown, options?: DisplayOptions): void;
/** Empties the output of the running cell; with wait, only when the next output comes. */
declare function clearOutput(wait?: boolean): void;
/** Shows text in the front end's pager. */
declare function page(text: string): void;
/** Asks for a line of text; null when the person gives none. */
declare function prompt(message?: string, defaultValue?: string): string | null;
/** Asks a yes/no question. */
declare function confirm(message?: string): boolean;
/** Asks for a line of text that is not shown while it is typed. */
declare function password(message?: string): string;
declare module "tslab" {
  interface Display {
    javascript(text: string): void;
    html(text: string): void;
    markdown(text: string): void;
    latex(text: string): void;
    svg(text: string): void;
    png(bytes: Uint8Array): void;
    jpeg(bytes: Uint8Array): void;
    gif(bytes: Uint8Array): void;
    pdf(bytes: Uint8Array): void;
    text(text: string): void;
    raw(contentType: string, data: string | Uint8Array | object): void;
  }
  const display: Display;
  function newDisplay(): Display;
  const versions: { tslab: string; typescript: string; node: string };
}
`;
