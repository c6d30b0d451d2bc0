"""Executes a notebook in a Jupyter kernel and tells how it goes, one JSON object a line on standard output.

The notebook is saved with what it has, also when a cell fails or the run is interrupted. Exit code: 0 all cells ran,
1 a cell failed, 2 the kernel did not start or died, 130 interrupted.
"""

import argparse
import asyncio
import json
import os
import re
import signal
import sys
import time

import nbformat
from jupyter_client.kernelspec import NoSuchKernel
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError


def tell(event, **fields):
    """Writes one event; the reader is on the other end of a pipe."""
    sys.stdout.write(json.dumps({"event": event, **fields}) + "\n")
    sys.stdout.flush()


def save(notebook, path):
    """Writes to a temporary name first: a half-written notebook would not open."""
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    temporary = f"{path}.tmp"
    nbformat.write(notebook, temporary)
    os.replace(temporary, path)


def headings(notebook):
    """The markdown heading above each cell, by cell index."""
    current, found = "", []
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            for line in re.sub(r"```.*?```", "", cell.source, flags=re.S).splitlines():
                match = re.match(r"#{1,6}\s+(.*)", line)
                if match:
                    current = re.sub(r"[*`_]", "", match[1]).strip()
        found.append(current)
    return found


class Stopped(Exception):
    """The user asked to stop; the running cell has come to its end."""


class Client(NotebookClient):
    """nbclient, with every message told as it arrives and Ctrl-C turned into an interrupt of the kernel."""

    stopping = False

    def process_message(self, msg, cell, cell_index):
        content = msg.get("content", {})
        kind = msg["msg_type"]
        if kind == "stream":
            tell("stream", name=content["name"], text=content["text"])
        elif kind in ("display_data", "update_display_data", "execute_result"):
            text = content.get("data", {}).get("text/plain", "")
            tell("display", text=text, update=kind == "update_display_data")
        return super().process_message(msg, cell, cell_index)

    def listen_for_signals(self):
        """Takes the place of nbclient's own handlers, which kill the kernel at the first Ctrl-C."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            try:
                loop.add_signal_handler(number, self.stop)
            except NotImplementedError:  # Windows: Ctrl-C ends the run at once.
                return

    def stop(self):
        if self.stopping:
            raise SystemExit(130)
        self.stopping = True
        tell("stopping")
        self.interrupt = asyncio.ensure_future(self.km.interrupt_kernel())


async def execute(notebook, kernel, folder):
    """Runs all cells in order; raises what stopped it."""
    above = headings(notebook)
    code = [index for index, cell in enumerate(notebook.cells) if cell.cell_type == "code" and cell.source.strip()]
    started = {}

    def on_cell_start(cell, cell_index):
        if client.stopping:
            raise Stopped
        if cell_index in code:
            client.listen_for_signals()
            started[cell_index] = time.monotonic()
            tell("cell", number=code.index(cell_index) + 1, heading=above[cell_index])

    def on_cell_executed(cell, cell_index, execute_reply):
        if cell_index in started:
            tell("done", seconds=time.monotonic() - started[cell_index])

    def on_cell_error(cell, cell_index, execute_reply):
        if client.stopping:
            return
        content = execute_reply["content"]
        tell(
            "error",
            number=code.index(cell_index) + 1,
            heading=above[cell_index],
            source=cell.source,
            ename=content.get("ename", ""),
            evalue=content.get("evalue", ""),
            traceback=content.get("traceback", []),
        )

    client = Client(
        notebook,
        timeout=None,
        kernel_name=kernel,
        resources={"metadata": {"path": folder}},
        on_cell_start=on_cell_start,
        on_cell_executed=on_cell_executed,
        on_cell_error=on_cell_error,
    )
    tell("start", cells=len(code))
    try:
        await client.async_execute()
    except CellExecutionError:
        # An interrupted cell may end with an error that says so.
        if not client.stopping:
            raise
    if client.stopping:
        raise Stopped


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("notebook")
    parser.add_argument("output")
    parser.add_argument("--kernel", default="tunelab")
    parser.add_argument("--folder", required=True, help="working folder of the kernel")
    arguments = parser.parse_args()
    notebook = nbformat.read(arguments.notebook, as_version=4)
    code = 0
    try:
        asyncio.run(execute(notebook, arguments.kernel, arguments.folder))
    except CellExecutionError:
        code = 1
    except Stopped:
        code = 130
    except DeadKernelError:
        tell("fatal", message="The kernel died while a cell ran.")
        code = 2
    except NoSuchKernel:
        tell("fatal", message=f'There is no kernel named "{arguments.kernel}".')
        code = 2
    except RuntimeError as error:
        tell("fatal", message=f"The kernel did not start: {error}")
        code = 2
    finally:
        save(notebook, arguments.output)
        tell("saved", path=arguments.output)
    return code


if __name__ == "__main__":
    sys.exit(main())
