"""Parameters for TypeScript notebooks in papermill: `papermill in.ipynb out.ipynb -p maxSteps 30`.

papermill knows a list of languages, to which a package can add its own only while papermill imports it. It imports the
engines that packages offer: this module offers papermill's own engine once more, and brings the language along.
"""

import json
import math
import re

from papermill.engines import NBClientEngine  # noqa: F401, the entry point
from papermill.models import Parameter
from papermill.translators import Translator, papermill_translators

# One declaration at the head of a line, with what stands behind it: `let rate: number = 2e-4; // of the optimizer`.
DECLARATION = re.compile(
    r"^(?P<head>(?:export\s+)?(?:const|let|var)\s+(?P<name>[\w$]+)(?:\s*:\s*(?P<type>[^=\n]*[^=\s]))?)\s*="
    r"\s*(?P<value>(?:\"[^\"\n]*\"|'[^'\n]*'|`[^`\n]*`|/(?!/)|[^/\"'`\n])*?);?[ \t]*(?://[ \t]*(?P<help>.*))?$",
    re.MULTILINE,
)
LARGEST_SAFE_INTEGER = 2**53 - 1


class TypeScriptTranslator(Translator):
    """Declares each parameter as the notebook's own cell does, `const` or `let`, with its type, and the new value."""

    heads = {}

    @classmethod
    def inspect(cls, parameters_cell):
        """papermill calls this with the cell tagged `parameters` before it asks for the code of the new one."""
        found = list(DECLARATION.finditer(parameters_cell["source"]))
        cls.heads = {match["name"]: match["head"] for match in found}
        return [
            Parameter(
                name=match["name"],
                inferred_type_name=match["type"] or "None",
                default=match["value"],
                help=match["help"] or "",
            )
            for match in found
        ]

    @classmethod
    def codify(cls, parameters, comment="Parameters"):
        code = super().codify(parameters, comment)
        cls.heads = {}
        return code

    @classmethod
    def assign(cls, name, str_val):
        return f"{cls.heads.get(name, f'let {name}')} = {str_val};"

    @classmethod
    def comment(cls, cmt_str):
        return f"// {cmt_str}"

    @classmethod
    def translate_escaped_str(cls, str_val):
        return json.dumps(str(str_val), ensure_ascii=False)

    @classmethod
    def translate_none(cls, val):
        return "null"

    @classmethod
    def translate_int(cls, val):
        return str(val) if abs(val) <= LARGEST_SAFE_INTEGER else f"{val}n"

    @classmethod
    def translate_float(cls, val):
        if math.isnan(val):
            return "NaN"
        return str(val) if math.isfinite(val) else ("Infinity" if val > 0 else "-Infinity")

    @classmethod
    def translate_list(cls, val):
        return f"[{', '.join(cls.translate(one) for one in val)}]"

    @classmethod
    def translate_dict(cls, val):
        pairs = (f"{cls.translate_str(key)}: {cls.translate(one)}" for key, one in val.items())
        return f"{{ {', '.join(pairs)} }}" if val else "{}"


papermill_translators.register("typescript", TypeScriptTranslator)
