"""File > Save and Export Notebook As > Executable Script for notebooks of the tunelab kernel: what `tunelab export` writes.

nbconvert asks by the language, so notebooks of other TypeScript kernels come here too; they get nbconvert's own script.
"""

import os
import subprocess
import tempfile

import nbformat
from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel
from nbconvert.exporters import ScriptExporter, TemplateExporter
from nbconvert.utils.exceptions import ConversionException


class TypeScriptExporter(ScriptExporter):
    """Delegates to the command line of the kernel that the notebook names."""

    export_from_notebook = None

    def from_notebook_node(self, nb, resources=None, **kw):
        command = export_command(nb.metadata.get("kernelspec", {}).get("name", ""))
        if command is None:
            self.file_extension = ".ts"
            return TemplateExporter.from_notebook_node(self, nb, resources, **kw)
        nb, resources = self._preprocess(nb, self._init_resources(resources))
        # Wherever it is saved, by this name it is a module.
        resources["output_extension"] = ".mts"
        with tempfile.TemporaryDirectory() as folder:
            notebook = os.path.join(folder, "notebook.ipynb")
            nbformat.write(nb, notebook)
            script = os.path.join(folder, "notebook.mts")
            done = subprocess.run([*command, notebook, "-o", script], capture_output=True, encoding="utf-8", check=False)
            if done.returncode != 0:
                raise ConversionException(done.stderr.strip() or "tunelab export failed.")
            with open(script, encoding="utf-8") as file:
                return file.read(), resources


def export_command(kernel):
    """`tunelab export` of the installed kernel of that name; None when it is not tunelab's."""
    try:
        node, main, *_ = KernelSpecManager().get_kernel_spec(kernel).argv
    except (NoSuchKernel, ValueError):
        return None
    cli = os.path.join(os.path.dirname(main), "cli.js")
    is_ours = os.path.basename(os.path.dirname(main)) == "kernel" and os.path.isfile(cli)
    return [node, cli, "export"] if is_ours else None
