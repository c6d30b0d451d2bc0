/** Sliders and progress bars: a number between two bounds. */
import type { JsonObject } from "../../protocol/messages.js";
import { type DomOptions, DomWidget } from "./domWidget.js";

interface BoundedOptions extends DomOptions {
  value?: number;
  min?: number;
  max?: number;
  orientation?: "horizontal" | "vertical";
}

interface SliderOptions extends BoundedOptions {
  step?: number;
  /** Whether each move sends a value, or only the end of one. */
  continuousUpdate?: boolean;
  readout?: boolean;
  /** In d3's notation. */
  readoutFormat?: string;
}

interface ProgressOptions extends BoundedOptions {
  barStyle?: "" | "success" | "info" | "warning" | "danger";
}

class Bounded extends DomWidget {
  constructor(name: string, options: BoundedOptions, max: number, state: JsonObject) {
    const bounds = { min: options.min ?? 0, max: options.max ?? max };
    super({ name, ...(name.endsWith("Progress") && { view: "ProgressView" }) }, options, {
      ...bounds,
      value: clamp(options.value ?? bounds.min, bounds),
      orientation: options.orientation ?? "horizontal",
      ...state,
    });
  }

  get value(): number {
    return Number(this.get("value"));
  }

  set value(value: number) {
    this.set("value", clamp(value, this));
  }

  get min(): number {
    return Number(this.get("min"));
  }

  set min(min: number) {
    this.set("min", min);
  }

  get max(): number {
    return Number(this.get("max"));
  }

  set max(max: number) {
    this.set("max", max);
  }

  onChange(listener: (value: number) => unknown): () => void {
    return this.listen("value", (value) => listener(Number(value)));
  }
}

export class IntSlider extends Bounded {
  constructor(options: SliderOptions = {}) {
    super("IntSlider", options, 100, sliderState(options, 1, "d"));
  }
}

export class FloatSlider extends Bounded {
  constructor(options: SliderOptions = {}) {
    super("FloatSlider", options, 10, sliderState(options, 0.1, ".2f"));
  }
}

export class IntProgress extends Bounded {
  constructor(options: ProgressOptions = {}) {
    super("IntProgress", options, 100, { bar_style: options.barStyle ?? "" });
  }
}

export class FloatProgress extends Bounded {
  constructor(options: ProgressOptions = {}) {
    super("FloatProgress", options, 100, { bar_style: options.barStyle ?? "" });
  }
}

function sliderState(options: SliderOptions, step: number, format: string): JsonObject {
  return {
    step: options.step ?? step,
    continuous_update: options.continuousUpdate ?? true,
    readout: options.readout ?? true,
    readout_format: options.readoutFormat ?? format,
  };
}

function clamp(value: number, { min, max }: { min: number; max: number }): number {
  return Math.min(max, Math.max(min, value));
}
