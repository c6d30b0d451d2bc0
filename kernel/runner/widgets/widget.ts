/**
 * What every widget is: a state that cell and front end share over a comm, by the protocol of ipywidgets 8
 * (base and controls 2.0). The front end's extension draws it and sends back what a person does.
 */
import { inspect } from "node:util";
import type { Json, JsonObject, MimeBundle } from "../../protocol/messages.js";
import { type Comm, type CommMessage, comms, inItsCell } from "../comms.js";
import { runIn } from "../running.js";

export interface Model {
  /** "Button" for ButtonModel. */
  name: string;
  /** When it is not `${name}View`; null when the model is not shown. */
  view?: string | null;
  module?: keyof typeof VERSIONS;
}

const VERSIONS = {
  "@jupyter-widgets/base": "2.0.0",
  "@jupyter-widgets/controls": "2.0.0",
  "@jupyter-widgets/output": "1.0.0",
};
const PROTOCOL = { version: "2.1.0" };
/** A loop that sets a value at each turn must not send a message at each turn. */
const UPDATE_MS = 50;

const widgets = new Map<string, Widget>();
type Listener = (value: Json | undefined) => void;

export class Widget {
  readonly #comm: Comm;
  readonly #state: JsonObject;
  readonly #listeners = new Map<string, Set<Listener>>();
  readonly #customListeners = new Set<(content: JsonObject) => void>();
  readonly #changed = new Set<string>();
  #sentAt = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;

  constructor({ name, view = `${name}View`, module = "@jupyter-widgets/controls" }: Model, state: JsonObject) {
    const version = VERSIONS[module];
    const kind: JsonObject = {
      _model_module: module,
      _model_module_version: version,
      _model_name: `${name}Model`,
      _view_module: module,
      _view_module_version: version,
      _view_name: view,
    };
    this.#state = { ...kind, ...state };
    this.#comm = comms.open("jupyter.widget", { state: this.#state, buffer_paths: [] }, { metadata: PROTOCOL });
    this.#comm.onMessage((message) => this.#receive(message));
    widgets.set(this.modelId, this);
  }

  get modelId(): string {
    return this.#comm.id;
  }

  /** The form in which other widgets refer to this one. */
  get reference(): string {
    return `IPY_MODEL_${this.modelId}`;
  }

  /** Takes the widget off every page. */
  close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    widgets.delete(this.modelId);
    this.#comm.close();
  }

  /** All of the state, as a front end asks for it that comes later. */
  snapshot(): JsonObject {
    const { _model_name, _model_module, _model_module_version } = this.#state;
    return {
      model_name: _model_name,
      model_module: _model_module,
      model_module_version: _model_module_version,
      state: this.#state,
    };
  }

  [Symbol.for("Jupyter.display")](): MimeBundle {
    return {
      "application/vnd.jupyter.widget-view+json": { version_major: 2, version_minor: 0, model_id: this.modelId },
      "text/plain": this.toString(),
    };
  }

  toString(): string {
    const shown = ["description", "value", "min", "max"].filter((name) => this.#state[name] !== undefined);
    return `${this.constructor.name}(${shown.map((name) => `${name}: ${inspect(this.#state[name])}`).join(", ")})`;
  }

  protected get(name: string): Json | undefined {
    return this.#state[name];
  }

  protected set(name: string, value: Json): void {
    if (this.#state[name] === value) return;
    this.#state[name] = value;
    this.#changed.add(name);
    this.#sendChanges();
    this.#tell(name);
  }

  protected listen(name: string, listener: Listener): () => void {
    const listeners = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, listeners);
    return add(listeners, listener);
  }

  /** Calls `listener` with messages that are no state, such as a click. */
  protected listenToCustom(listener: (content: JsonObject) => void): () => void {
    return add(this.#customListeners, listener);
  }

  #receive({ data }: CommMessage): void {
    if (data.method === "request_state") {
      this.#comm.send({ method: "update", state: this.#state, buffer_paths: [] });
    } else if (data.method === "custom") {
      for (const listener of this.#customListeners) listener(data.content as JsonObject);
    } else if (data.method === "update") {
      const state = data.state as JsonObject;
      const changed = Object.keys(state).filter((name) => this.#state[name] !== state[name]);
      Object.assign(this.#state, state);
      for (const name of Object.keys(state)) this.#changed.delete(name);
      // Other pages of the notebook, and pages that filter answers to messages that are older than their own.
      this.#comm.send({ method: "echo_update", state, buffer_paths: [] });
      for (const name of changed) this.#tell(name);
    }
  }

  #tell(name: string): void {
    for (const listener of this.#listeners.get(name) ?? []) listener(this.#state[name]);
  }

  #sendChanges(): void {
    if (performance.now() - this.#sentAt >= UPDATE_MS) {
      this.#flush();
      return;
    }
    // For no cell: the timers of an interrupted one do not fire, and its last value is still to be seen.
    runIn(undefined, () => {
      this.#timer ??= setTimeout(() => this.#flush(), UPDATE_MS);
    });
  }

  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#changed.size === 0 || !widgets.has(this.modelId)) return;
    this.#sentAt = performance.now();
    const state: JsonObject = {};
    for (const name of this.#changed) state[name] = this.#state[name];
    this.#changed.clear();
    this.#comm.send({ method: "update", state, buffer_paths: [] });
  }
}

function add<Value>(listeners: Set<(value: Value) => void>, listener: (value: Value) => void): () => void {
  const bound = inItsCell(listener);
  listeners.add(bound);
  return () => listeners.delete(bound);
}

comms.register("jupyter.widget.control", (comm) => {
  comm.onMessage(({ data }) => {
    if (data.method !== "request_states") return;
    const states: JsonObject = {};
    for (const [id, widget] of widgets) states[id] = widget.snapshot();
    comm.send({ method: "update_states", states, buffer_paths: [] });
  });
});
