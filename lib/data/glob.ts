/** File patterns as data-set cards write them: `data/train-*.parquet`, `**` for any folders, `[0-9]`, `{a,b}`. */

/** The paths that match `pattern`; a pattern without wildcards matches itself, or the files of the folder it names. */
export function matchPaths(pattern: string, paths: readonly string[]): string[] {
  const cleaned = pattern.replace(/^\.?\//, "").replace(/\/$/, "");
  if (!/[*?[\]{}]/.test(cleaned)) {
    return paths.filter((path) => path === cleaned || path.startsWith(`${cleaned}/`));
  }
  const expression = new RegExp(`^${translate(cleaned)}$`);
  return paths.filter((path) => expression.test(path));
}

function translate(pattern: string): string {
  return pattern.replaceAll(/\*\*\/|\*\*|\*|\?|\[[^\]]+\]|\{[^}]*\}|[\\^$+.()|[\]{}]/g, (token) => {
    if (token === "**/") return "(?:.*/)?";
    if (token === "**") return ".*";
    if (token === "*") return "[^/]*";
    if (token === "?") return "[^/]";
    if (/^\[.+\]$/.test(token)) return token.replace(/^\[!/, "[^");
    if (/^\{.*\}$/.test(token)) return `(?:${token.slice(1, -1).split(",").map(translate).join("|")})`;
    return `\\${token}`;
  });
}
