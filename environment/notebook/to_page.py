"""Writes a notebook as one HTML file that opens offline: no address outside the file, charts included.

A chart is drawn by plotly.js, which is put into the file once; where scripts are off, and on paper, its picture stays.
"""

import argparse
import html
import json
import os
import re

import latex2mathml.converter
import nbformat
from nbconvert import HTMLExporter
from widgets import widgets_as_html

PLOTLY = "application/vnd.plotly.v1+json"

HYDRATE = """
for (const chart of document.querySelectorAll(".tunelab-chart")) {
  const { data, layout, config } = JSON.parse(chart.querySelector("script").textContent);
  const target = document.createElement("div");
  chart.append(target);
  Plotly.newPlot(target, data, layout, { responsive: true, ...config }).then(() => chart.classList.add("drawn"));
}
"""

# A drawn chart has the width of the window and would be cut by the edge of a sheet.
STYLE = """
@media screen { .tunelab-chart.drawn > .picture { display: none; } }
@media print { .tunelab-chart > .js-plotly-plot { display: none; } }
"""


def in_script(text):
    """A script element ends at the first closing tag, even inside a string."""
    return text.replace("</script", "<\\/script")


def picture(data):
    """What stands in a chart's place until it is drawn, as HTML."""
    if "text/html" in data:
        return data["text/html"]
    if "image/png" in data:
        return f'<img alt="chart" src="data:image/png;base64,{data["image/png"]}">'
    return f"<pre>{html.escape(str(data.get('text/plain', '')))}</pre>"


def charts_as_html(notebook):
    """Turns the Plotly outputs into HTML with their figure in it and says how many there are."""
    count = 0
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if PLOTLY in data:
                count += 1
                figure = in_script(json.dumps(data[PLOTLY]))
                data["text/html"] = (
                    f'<div class="tunelab-chart"><div class="picture">{picture(data)}</div>'
                    f'<script type="application/json">{figure}</script></div>'
                )
    return count


FORMULA = re.compile(r"(```.*?```|`[^`\n]*`)|\$\$(.+?)\$\$|\$(?!\s)([^$\n]+?)(?<!\s)\$(?!\d)", re.DOTALL)


def take_formulas(notebook):
    """Puts marks in the place of the prose's formulas and gives them as MathML, which browsers draw by themselves."""
    found = []

    def mark(match):
        if match[1] is not None:
            return match[0]
        display = "block" if match[2] is not None else "inline"
        found.append(latex2mathml.converter.convert(match[2] or match[3], display=display))
        return f"\ue000{len(found) - 1}\ue000"

    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = FORMULA.sub(mark, cell.source)
    return found


def convert(notebook, name, plotly):
    """The whole page. `plotly` is the path of plotly.min.js."""
    widgets_as_html(notebook)
    count = charts_as_html(notebook)
    formulas = take_formulas(notebook)
    exporter = HTMLExporter(
        template_name="template",
        extra_template_basedirs=[os.path.dirname(os.path.abspath(__file__))],
        exclude_anchor_links=True,
        embed_images=True,
    )
    page, _ = exporter.from_notebook_node(notebook, {"metadata": {"name": name}})
    # After the conversion, which would take the formulas' elements apart.
    page = re.sub("\ue000(\\d+)\ue000", lambda match: formulas[int(match[1])], page)
    if count > 0:
        with open(plotly, encoding="utf-8") as file:
            script = in_script(file.read())
        # After the conversion: it parses the page, which 5 MB of script would only slow down.
        head, end, tail = page.rpartition("</body>")
        page = f"{head}<style>{STYLE}</style><script>{script}</script><script>{HYDRATE}</script>{end}{tail}"
    return page


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("notebook")
    parser.add_argument("output")
    parser.add_argument("--plotly", required=True, help="path of plotly.min.js")
    arguments = parser.parse_args()
    notebook = nbformat.read(arguments.notebook, as_version=4)
    name = os.path.splitext(os.path.basename(arguments.notebook))[0]
    page = convert(notebook, name, arguments.plotly)
    temporary = f"{arguments.output}.tmp"
    with open(temporary, "w", encoding="utf-8") as file:
        file.write(page)
    os.replace(temporary, arguments.output)


if __name__ == "__main__":
    main()
