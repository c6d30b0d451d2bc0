/** Buttons, texts, choices. */
import { inspect } from "node:util";
import { type DomOptions, DomWidget } from "./domWidget.js";

interface ButtonOptions extends DomOptions {
  buttonStyle?: "" | "primary" | "success" | "info" | "warning" | "danger";
  /** Name of a Font Awesome icon, such as "stop". */
  icon?: string;
}

interface TextOptions extends DomOptions {
  value?: string;
  placeholder?: string;
  /** Whether each key sends the text, or only Enter and leaving the field. */
  continuousUpdate?: boolean;
}

interface CheckboxOptions extends DomOptions {
  value?: boolean;
  indent?: boolean;
}

interface DropdownOptions<Value> extends DomOptions {
  /** Values, shown as text; or an object from what is shown to the value. */
  options: readonly Value[] | Readonly<Record<string, Value>>;
  value?: Value;
}

export class Button extends DomWidget {
  constructor(options: ButtonOptions = {}) {
    super({ name: "Button" }, options, { button_style: options.buttonStyle ?? "", icon: options.icon ?? "" });
  }

  onClick(listener: () => unknown): () => void {
    return this.listenToCustom((content) => (content.event === "click" ? listener() : undefined));
  }
}

class TextValue extends DomWidget {
  get value(): string {
    return String(this.get("value"));
  }

  set value(text: string) {
    this.set("value", text);
  }
}

export class Text extends TextValue {
  constructor(options: TextOptions = {}) {
    const { value = "", placeholder = "", continuousUpdate = true } = options;
    super({ name: "Text" }, options, { value, placeholder, continuous_update: continuousUpdate });
  }

  onChange(listener: (value: string) => unknown): () => void {
    return this.listen("value", (value) => listener(String(value)));
  }

  /** Calls `listener` when Enter is pressed. */
  onSubmit(listener: (value: string) => unknown): () => void {
    return this.listenToCustom((content) => (content.event === "submit" ? listener(this.value) : undefined));
  }
}

export class Label extends TextValue {
  constructor(options: DomOptions & { value?: string } = {}) {
    super({ name: "Label" }, options, { value: options.value ?? "" });
  }
}

export class HTML extends TextValue {
  constructor(options: DomOptions & { value?: string } = {}) {
    super({ name: "HTML" }, options, { value: options.value ?? "" });
  }
}

export class Checkbox extends DomWidget {
  constructor(options: CheckboxOptions = {}) {
    super({ name: "Checkbox" }, options, { value: options.value ?? false, indent: options.indent ?? true });
  }

  get value(): boolean {
    return this.get("value") === true;
  }

  set value(value: boolean) {
    this.set("value", value);
  }

  onChange(listener: (value: boolean) => unknown): () => void {
    return this.listen("value", (value) => listener(value === true));
  }
}

export class Dropdown<Value = string> extends DomWidget {
  readonly #values: readonly Value[];

  constructor(options: DropdownOptions<Value>) {
    const { options: given, value } = options;
    const pairs: [string, Value][] = Array.isArray(given)
      ? given.map((one: Value) => [String(one), one])
      : Object.entries(given as Readonly<Record<string, Value>>);
    const values = pairs.map(([, one]) => one);
    const index = value === undefined ? 0 : values.indexOf(value);
    super({ name: "Dropdown" }, options, {
      _options_labels: pairs.map(([label]) => label),
      index: values.length === 0 || index < 0 ? null : index,
    });
    this.#values = values;
  }

  /** The chosen value; null when none is. */
  get value(): Value | null {
    const index = this.get("index");
    return typeof index === "number" ? (this.#values[index] ?? null) : null;
  }

  set value(value: Value | null) {
    const index = value === null ? -1 : this.#values.indexOf(value);
    this.set("index", index < 0 ? null : index);
  }

  override toString(): string {
    return `Dropdown(description: ${inspect(this.description)}, value: ${inspect(this.value)})`;
  }

  onChange(listener: (value: Value | null) => unknown): () => void {
    return this.listen("index", () => listener(this.value));
  }
}
