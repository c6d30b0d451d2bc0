/** What every visible widget takes: description, layout, whether it answers. */
import type { JsonObject } from "../../protocol/messages.js";
import { type Model, Widget } from "./widget.js";

export interface DomOptions {
  description?: string;
  /** CSS width of the description, or "initial" for as much as it needs. */
  descriptionWidth?: string;
  disabled?: boolean;
  tooltip?: string;
  /** CSS properties of the widget's box in camelCase, such as width or margin. */
  layout?: Record<string, string>;
}

export class DomWidget extends Widget {
  constructor(model: Model, options: DomOptions, state: JsonObject = {}) {
    const { description, descriptionWidth, disabled, tooltip, layout } = options;
    super(model, {
      ...(description !== undefined && { description }),
      ...(disabled !== undefined && { disabled }),
      ...(tooltip !== undefined && { tooltip }),
      layout: new Widget(
        { name: "Layout", view: "LayoutView", module: "@jupyter-widgets/base" },
        layoutState(layout ?? {}),
      ).reference,
      ...(descriptionWidth !== undefined && {
        style: new Widget(
          { name: "DescriptionStyle", view: "StyleView" },
          { _view_module: "@jupyter-widgets/base", description_width: descriptionWidth },
        ).reference,
      }),
      ...state,
    });
  }

  get description(): string {
    return String(this.get("description") ?? "");
  }

  set description(text: string) {
    this.set("description", text);
  }

  get disabled(): boolean {
    return this.get("disabled") === true;
  }

  set disabled(value: boolean) {
    this.set("disabled", value);
  }
}

/** The names of the layout model, which knows a border by its sides only. */
function layoutState(properties: Record<string, string>): JsonObject {
  const { border, ...rest } = properties;
  const state: JsonObject = {};
  if (border !== undefined) for (const side of ["top", "right", "bottom", "left"]) state[`border_${side}`] = border;
  for (const [name, value] of Object.entries(rest)) {
    state[name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)] = value;
  }
  return state;
}
