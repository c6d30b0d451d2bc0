/**
 * Declarations of the widgets and of `comms` for cells. Written out, since what a cell infers is kept as text, and in
 * that text a global class goes by its name.
 */
export const WIDGETS_DECLARATION = `
interface CommMessage {
  data: Record<string, unknown>;
  metadata: Record<string, unknown>;
  buffers: Uint8Array[];
}
interface CommOptions {
  metadata?: Record<string, unknown>;
  buffers?: readonly Uint8Array[];
}
/** A channel to code in the front end. */
interface Comm {
  readonly id: string;
  readonly target: string;
  send(data: Record<string, unknown>, options?: CommOptions): void;
  close(data?: Record<string, unknown>, options?: CommOptions): void;
  /** Calls the handler with each message, also while a cell awaits; returns a function that ends that. */
  onMessage(handler: (message: CommMessage) => unknown): () => void;
  onClose(handler: (message: CommMessage) => unknown): () => void;
}
/** Named channels to code in the front end. */
declare const comms: {
  open(target: string, data?: Record<string, unknown>, options?: CommOptions): Comm;
  /** Calls the handler when a front end opens a comm of that target. */
  register(target: string, handler: (comm: Comm, message: CommMessage) => unknown): () => void;
};
interface WidgetOptions {
  description?: string;
  /** CSS width of the description, or "initial" for as much as it needs. */
  descriptionWidth?: string;
  disabled?: boolean;
  tooltip?: string;
  /** CSS properties of the widget's box in camelCase, such as width or margin. */
  layout?: Record<string, string>;
}
interface NumberWidgetOptions extends WidgetOptions {
  value?: number;
  min?: number;
  max?: number;
  orientation?: "horizontal" | "vertical";
}
interface SliderOptions extends NumberWidgetOptions {
  step?: number;
  /** Whether each move sends a value, or only the end of one; true by default. */
  continuousUpdate?: boolean;
  readout?: boolean;
  /** In d3's notation, such as ".2f". */
  readoutFormat?: string;
}
interface ProgressOptions extends NumberWidgetOptions {
  barStyle?: "" | "success" | "info" | "warning" | "danger";
}
/** What every widget has. */
interface Widget {
  readonly modelId: string;
  description: string;
  disabled: boolean;
  /** Takes the widget off every page. */
  close(): void;
}
interface NumberWidget extends Widget {
  value: number;
  min: number;
  max: number;
  /** Calls the listener with each new value; returns a function that ends that. */
  onChange(listener: (value: number) => unknown): () => void;
}
/** A slider over whole numbers, 0 to 100 by default. */
declare class IntSlider { constructor(options?: SliderOptions); }
interface IntSlider extends NumberWidget {}
/** A slider over numbers, 0 to 10 by default. */
declare class FloatSlider { constructor(options?: SliderOptions); }
interface FloatSlider extends NumberWidget {}
/** A progress bar, 0 to 100 by default. */
declare class IntProgress { constructor(options?: ProgressOptions); }
interface IntProgress extends NumberWidget {}
/** A progress bar, 0 to 100 by default. */
declare class FloatProgress { constructor(options?: ProgressOptions); }
interface FloatProgress extends NumberWidget {}
/** A button; clicks are heard while a cell awaits. */
declare class Button {
  constructor(options?: WidgetOptions & {
    buttonStyle?: "" | "primary" | "success" | "info" | "warning" | "danger";
    /** Name of a Font Awesome icon, such as "stop". */
    icon?: string;
  });
  onClick(listener: () => unknown): () => void;
}
interface Button extends Widget {}
/** A line of text. */
declare class Text {
  constructor(options?: WidgetOptions & { value?: string; placeholder?: string; continuousUpdate?: boolean });
  value: string;
  onChange(listener: (value: string) => unknown): () => void;
  /** Calls the listener when Enter is pressed. */
  onSubmit(listener: (value: string) => unknown): () => void;
}
interface Text extends Widget {}
/** Text that the notebook shows. */
declare class Label {
  constructor(options?: WidgetOptions & { value?: string });
  value: string;
}
interface Label extends Widget {}
/** HTML that the notebook shows. */
declare class HTML {
  constructor(options?: WidgetOptions & { value?: string });
  value: string;
}
interface HTML extends Widget {}
/** Yes or no. */
declare class Checkbox {
  constructor(options?: WidgetOptions & { value?: boolean; indent?: boolean });
  value: boolean;
  onChange(listener: (value: boolean) => unknown): () => void;
}
interface Checkbox extends Widget {}
/** One of several values, the first by default. */
declare class Dropdown<Value = string> {
  constructor(options: WidgetOptions & {
    /** Values, shown as text; or an object from what is shown to the value. */
    options: readonly Value[] | Readonly<Record<string, Value>>;
    value?: Value;
  });
  value: Value | null;
  onChange(listener: (value: Value | null) => unknown): () => void;
}
interface Dropdown<Value> extends Widget {}
/** Widgets side by side. */
declare class HBox {
  constructor(children?: readonly Widget[], options?: WidgetOptions);
  children: readonly Widget[];
}
interface HBox extends Widget {}
/** Widgets one below the other. */
declare class VBox {
  constructor(children?: readonly Widget[], options?: WidgetOptions);
  children: readonly Widget[];
}
interface VBox extends Widget {}
/** An output area that any cell or handler can write into. */
declare class Output {
  constructor(options?: WidgetOptions);
  appendStdout(text: string): void;
  appendStderr(text: string): void;
  /** Adds what display would show. */
  appendDisplayData(value: unknown): Promise<void>;
  clearOutput(): void;
}
interface Output extends Widget {}
`;
