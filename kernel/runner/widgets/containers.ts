/** Widgets that hold others, and one that holds outputs. */
import type { JsonObject, MimeBundle } from "../../protocol/messages.js";
import { toBundle } from "../mime.js";
import { type DomOptions, DomWidget } from "./domWidget.js";
import type { Widget } from "./widget.js";

class Box extends DomWidget {
  #children: readonly Widget[];

  constructor(name: string, children: readonly Widget[], options: DomOptions) {
    super({ name }, options, { children: references(children) });
    this.#children = children;
  }

  get children(): readonly Widget[] {
    return this.#children;
  }

  set children(children: readonly Widget[]) {
    this.#children = children;
    this.set("children", references(children));
  }

  override toString(): string {
    return `${this.constructor.name}([${this.#children.join(", ")}])`;
  }
}

export class HBox extends Box {
  constructor(children: readonly Widget[] = [], options: DomOptions = {}) {
    super("HBox", children, options);
  }
}

export class VBox extends Box {
  constructor(children: readonly Widget[] = [], options: DomOptions = {}) {
    super("VBox", children, options);
  }
}

/** An output area that any cell or handler can write into. */
export class Output extends DomWidget {
  constructor(options: DomOptions = {}) {
    super({ name: "Output", module: "@jupyter-widgets/output" }, options, { msg_id: "", outputs: [] });
  }

  appendStdout(text: string): void {
    this.#appendText("stdout", text);
  }

  appendStderr(text: string): void {
    this.#appendText("stderr", text);
  }

  /** Adds what `display` would show. */
  async appendDisplayData(value: unknown): Promise<void> {
    const data: MimeBundle = await toBundle(value);
    this.set("outputs", [...this.#outputs, { output_type: "display_data", data, metadata: {} }]);
  }

  clearOutput(): void {
    this.set("outputs", []);
  }

  get #outputs(): JsonObject[] {
    return this.get("outputs") as JsonObject[];
  }

  #appendText(name: string, text: string): void {
    const outputs = this.#outputs;
    const last = outputs.at(-1);
    this.set(
      "outputs",
      last?.output_type === "stream" && last.name === name
        ? [...outputs.slice(0, -1), { ...last, text: `${last.text}${text}` }]
        : [...outputs, { output_type: "stream", name, text }],
    );
  }
}

function references(children: readonly Widget[]): string[] {
  return children.map(({ reference }) => reference);
}
