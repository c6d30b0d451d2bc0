"""The Jupyter project's own conformance suite, run against this kernel. Its name comes from KERNEL_NAME."""

import os
import unittest

import jupyter_kernel_test as jkt

KERNEL = os.environ["KERNEL_NAME"]
# A package of the directory in which this runs, if there is one.
PACKAGE = os.environ.get("PROJECT_PACKAGE")


class KernelTests(jkt.KernelTests):
    kernel_name = KERNEL
    language_name = "typescript"
    file_extension = ".ts"
    code_hello_world = "console.log('hello, world')"
    code_stderr = "console.error('oops')"
    completion_samples = [{"text": "parseI", "matches": {"parseInt"}}]
    complete_code_samples = ["1", "console.log('hello, world')", "function f(x: number) { return x * 2 }"]
    incomplete_code_samples = ["function f(x) {", "const a = [1,"]
    invalid_code_samples = ["const = 7q"]
    code_page_something = "page('help')"
    code_generate_error = "throw new Error('x')"
    code_execute_result = [
        {"code": "1+2+3", "result": "6"},
        {"code": "[1, 2, 3].map((n) => n * n)", "result": "[ 1, 4, 9 ]"},
    ]
    if PACKAGE:
        code_hello_world = f"import {{ hello }} from '{PACKAGE}'; console.log(hello('world'))"
        code_execute_result.append(
            {"code": f"import {{ hello }} from '{PACKAGE}'; hello('you').length", "result": "10"}
        )
        completion_samples = [
            *completion_samples,
            {"text": f"import {{ hello }} from '{PACKAGE[:-1]}", "matches": {PACKAGE}},
        ]
    code_display_data = [{"code": "display({ 'text/html': '<b>x</b>' })", "mime": "text/html"}]
    code_history_pattern = "1?2*"
    supported_history_operations = ("tail", "search", "range")
    code_inspect_sample = "parseInt"
    code_clear_output = "clearOutput()"


class WelcomeTests(jkt.IopubWelcomeTests):
    kernel_name = KERNEL
    support_iopub_welcome = True


if __name__ == "__main__":
    unittest.main()
