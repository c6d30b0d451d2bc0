/** JSON as Python's json.dumps(value, indent=2, sort_keys=True) writes it, so that files compare equal byte for byte; and read. */

/** A value that Python holds as a float: 1 is written as 1.0. */
export class PythonFloat {
  constructor(readonly value: number) {}
}

/** Python's repr of a float: shortest digits that read back the same, exponent below 1e-4 and from 1e16 on. */
export function pythonFloat(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "Infinity" : "-Infinity";
  if (Object.is(value, -0)) return "-0.0";
  if (value === 0) return "0.0";
  const [mantissa = "", exponentText = "0"] = value.toExponential().split("e");
  const exponent = Number(exponentText);
  if (exponent < -4 || exponent >= 16) {
    const sign = exponent < 0 ? "-" : "+";
    return `${mantissa}e${sign}${String(Math.abs(exponent)).padStart(2, "0")}`;
  }
  const plain = exponent < 0 ? value.toFixed(mantissa.replaceAll(/[-.]/g, "").length - 1 - exponent) : String(value);
  return plain.includes(".") ? plain : `${plain}.0`;
}

export function pythonJson(value: unknown, indent = ""): string {
  if (value instanceof PythonFloat) return pythonFloat(value.value);
  if (typeof value === "string") return asciiString(value);
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const inner = `${indent}  `;
  if (Array.isArray(value)) {
    const items = value.map((item) => `${inner}${pythonJson(item, inner)}`);
    return items.length === 0 ? "[]" : `[\n${items.join(",\n")}\n${indent}]`;
  }
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  const lines = entries.map(([key, item]) => `${inner}${asciiString(key)}: ${pythonJson(item, inner)}`);
  return lines.length === 0 ? "{}" : `{\n${lines.join(",\n")}\n${indent}}`;
}

function asciiString(text: string): string {
  return JSON.stringify(text).replaceAll(
    /[\u007f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

const NOT_A_NUMBER = "\u0000NaN";

/** Reads JSON whose numbers may be NaN, Infinity and -Infinity, as Python writes and reads it. */
export function parsePythonJson(text: string): unknown {
  // Strings are matched as well, so that such words in them stay what they are.
  const standard = text.replaceAll(/"(?:[^"\\]|\\.)*"|-?Infinity|NaN/g, (token) => {
    if (token.startsWith('"')) return token;
    return token === "NaN" ? JSON.stringify(NOT_A_NUMBER) : token.replace("Infinity", "1e999");
  });
  return JSON.parse(standard, (_, value) => (value === NOT_A_NUMBER ? Number.NaN : value));
}
