"""Widgets as they stood when a notebook was saved, in HTML that needs no script: on a page nobody answers to them."""

import html

STATE = "application/vnd.jupyter.widget-state+json"
VIEW = "application/vnd.jupyter.widget-view+json"


def widgets_as_html(notebook):
    """Puts stills in the place of widgets; where none can be made, an output's text stays."""
    models = notebook.metadata.get("widgets", {}).get(STATE, {}).get("state", {})
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if VIEW in data:
                view = data.pop(VIEW)
                picture = still(view["model_id"], models)
                if picture is not None:
                    data["text/html"] = picture
    notebook.metadata.pop("widgets", None)


def still(identity, models):
    """The HTML of one widget, None for one that was not saved or is of another kind."""
    model = models.get(identity.removeprefix("IPY_MODEL_"))
    make = STILLS.get(model["model_name"].removesuffix("Model")) if model is not None else None
    return make(model["state"], models) if make is not None else None


def labelled(element, state, after=""):
    return f"<label>{text(state, 'description')} {element} {after}</label>"


def slider(state, models):
    bounds = "".join(f' {name}="{attribute(state, name)}"' for name in ("min", "max", "step", "value"))
    return labelled(f'<input type="range" disabled{bounds}>', state, text(state, "value"))


def progress(state, models):
    # HTML's bars begin at 0.
    least = state.get("min", 0)
    size, value = state["max"] - least, state["value"] - least
    return labelled(f'<progress max="{size}" value="{value}"></progress>', state)


def dropdown(state, models):
    labels, index = state.get("_options_labels", []), state.get("index")
    chosen = html.escape(labels[index]) if index is not None else ""
    return labelled(f"<select disabled><option>{chosen}</option></select>", state)


def checkbox(state, models):
    checked = " checked" if state.get("value") else ""
    return f'<label><input type="checkbox" disabled{checked}> {text(state, "description")}</label>'


def box(direction):
    def make(state, models):
        children = [still(child, models) or "" for child in state.get("children", [])]
        return f'<div style="display:flex;flex-direction:{direction};gap:8px">{"".join(children)}</div>'

    return make


def output(state, models):
    parts = []
    for one in state.get("outputs", []):
        data = one.get("data", {"text/plain": one.get("text", "")})
        parts.append(data.get("text/html") or f"<pre>{html.escape(str(data.get('text/plain', '')))}</pre>")
    return f"<div>{''.join(parts)}</div>"


def text(state, name):
    return html.escape(str(state.get(name, "")))


def attribute(state, name):
    return html.escape(str(state.get(name, "")), quote=True)


STILLS = {
    "IntSlider": slider,
    "FloatSlider": slider,
    "IntProgress": progress,
    "FloatProgress": progress,
    "Button": lambda state, models: f"<button disabled>{text(state, 'description')}</button>",
    "Text": lambda state, models: labelled(f'<input disabled value="{attribute(state, "value")}">', state),
    "Label": lambda state, models: f"<span>{text(state, 'value')}</span>",
    "HTML": lambda state, models: f"<div>{state.get('value', '')}</div>",
    "Checkbox": checkbox,
    "Dropdown": dropdown,
    "HBox": box("row"),
    "VBox": box("column"),
    "Output": output,
}
