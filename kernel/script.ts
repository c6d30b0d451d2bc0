/**
 * What cells have as globals, for a script that was exported from a notebook: `import { display } from "tunelab/script"`.
 * A chart or a page of HTML becomes a file beside the script, everything else text on the terminal. Questions are asked
 * there. Widgets keep the values that the code gives them, since nobody moves or presses them.
 */
import type { MimeBundle } from "./protocol/messages.js";
import { completeEs2024 } from "./runner/es2024.js";
import { bundleOf, isBundle } from "./runner/mime.js";
import { portable } from "./runner/portable.js";
import { questions } from "./runner/questions.js";
import { Output as NotebookOutput } from "./runner/widgets/index.js";
import { type ShowOptions, showBundle } from "./script/show.js";
import { ask } from "./script/terminal.js";

export {
  Button,
  Checkbox,
  Dropdown,
  FloatProgress,
  FloatSlider,
  HBox,
  HTML,
  IntProgress,
  IntSlider,
  Label,
  Text,
  VBox,
} from "./runner/widgets/index.js";

/** Shows a value as a cell does: its text, and for a picture, or HTML without text, the file that it was written to. */
export function display(value: unknown, options: ShowOptions & { raw?: boolean; metadata?: object } = {}): void {
  if (value === undefined) return;
  const bundle = options.raw || isBundle(value) ? portable(value as MimeBundle) : bundleOf(value);
  if (bundle instanceof Promise) void bundle.then((shown) => showBundle(shown, options));
  else showBundle(bundle, options);
}

/** In a terminal nothing is taken back. */
export function clearOutput(_wait?: boolean): void {}

/** Shows a text that a notebook would put into its pager. */
export function page(text: string): void {
  console.log(text);
}

const terminal = questions(ask);
export const prompt = terminal.prompt;
export const confirm = terminal.confirm;
export const password = terminal.password;

/** What is written into it comes to the terminal at once. */
export class Output extends NotebookOutput {
  override appendStdout(text: string): void {
    super.appendStdout(text);
    process.stdout.write(text);
  }

  override appendStderr(text: string): void {
    super.appendStderr(text);
    process.stderr.write(text);
  }

  override async appendDisplayData(value: unknown): Promise<void> {
    await super.appendDisplayData(value);
    display(value);
  }
}

completeEs2024();

/** How the library shows a training's chart, which becomes a file beside the lines that it prints in a terminal. */
const hook = (bundle: { data: MimeBundle }, options?: ShowOptions): void => showBundle(bundle.data, options);
Object.defineProperty(globalThis, Symbol.for("tunelab.display"), {
  value: Object.assign(hook, { inTerminal: true }),
  configurable: true,
});
