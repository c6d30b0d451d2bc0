/** The comment above a declaration: its text and tags, as plain text and as markdown. */
import type { TypeScript } from "./typescript.js";
import { ts } from "./typescript.js";

export interface Documentation {
  text: string;
  tags: { name: string; subject: string; text: string }[];
}

/** How tfjs sorts its manual. */
const HIDDEN_TAGS = new Set(["doc", "docalias"]);
const LINK = /\{@link\w*\s+([^\s|}]+)\s*\|?\s*([^}]*)\}/g;

/** The documentation of the first of these declarations that has any. Comments of libraries are read only here. */
export function documentationOf(declarations: readonly TypeScript.Declaration[]): Documentation | undefined {
  for (const declaration of declarations) {
    const comment = commentOf(declaration);
    if (comment !== undefined) return parse(comment);
  }
  return undefined;
}

export function toPlain({ text, tags }: Documentation): string {
  const lines = tags.map(({ name, subject, text }) => [`@${name}`, subject, text].filter(Boolean).join(" "));
  return [text, lines.join("\n")].filter(Boolean).join("\n\n");
}

export function toMarkdown({ text, tags }: Documentation): string {
  const paragraphs = tags.map(({ name, subject, text }) => {
    const head = [`*@${name}*`, subject && `\`${subject}\``].filter(Boolean).join(" ");
    if (text === "") return head;
    if (name === "example") return `${head}\n${text.includes("```") ? text : `\`\`\`typescript\n${text}\n\`\`\``}`;
    return `${head} — ${text}`;
  });
  return [text, ...paragraphs].filter(Boolean).join("\n\n");
}

function commentOf(declaration: TypeScript.Declaration): string | undefined {
  const { text } = declaration.getSourceFile();
  // The comment of `const x` stands before the whole statement.
  const node = ts.isVariableDeclaration(declaration) ? declaration.parent.parent : declaration;
  const start = node.getStart();
  // To TypeScript, one in the same line as what stands before, as in `{ /** How often. */ times: number }`, trails that.
  const inLine = ts
    .getTrailingCommentRanges(text, node.pos)
    ?.filter(({ end }) => !text.slice(end, start).includes("\n"));
  const comment = [...(inLine ?? []), ...(ts.getLeadingCommentRanges(text, node.pos) ?? [])].findLast(({ pos }) =>
    text.startsWith("/**", pos),
  );
  return comment && text.slice(comment.pos, comment.end);
}

function parse(comment: string): Documentation {
  const file = ts.createSourceFile("comment.ts", `${comment}\nlet x;`, ts.ScriptTarget.Latest, true);
  const documentation: Documentation = { text: "", tags: [] };
  for (const part of file.statements.flatMap((statement) => ts.getJSDocCommentsAndTags(statement))) {
    if (!ts.isJSDoc(part)) continue;
    documentation.text = textOf(part.comment);
    for (const tag of part.tags ?? []) {
      const name = tag.tagName.text;
      if (HIDDEN_TAGS.has(name)) continue;
      // The parser takes the beginning of an address for a name.
      const text = name === "see" ? withLinks(/^@see(.*)/.exec(tag.getText())?.[1] ?? "") : textOf(tag.comment);
      documentation.tags.push({ name, subject: subjectOf(tag), text });
    }
  }
  return documentation;
}

/** What a tag speaks of: a parameter's name, a type. */
function subjectOf(tag: TypeScript.JSDocTag): string {
  if (ts.isJSDocParameterTag(tag) || ts.isJSDocPropertyTag(tag)) return tag.name.getText();
  if (ts.isJSDocTemplateTag(tag)) return tag.typeParameters.map(({ name }) => name.text).join(", ");
  return ts.isJSDocThrowsTag(tag) ? (tag.typeExpression?.type.getText() ?? "") : "";
}

function textOf(comment: TypeScript.JSDoc["comment"]): string {
  return withLinks(ts.getTextOfJSDocComment(comment) ?? "").replace(/^-\s+/, "");
}

/** The text with its links as markdown has them: addresses as links, names as code. */
function withLinks(text: string): string {
  return text.trim().replaceAll(LINK, (_, target: string, shown: string) => {
    if (/^https?:/.test(target)) return shown === "" ? target : `[${shown.trim()}](${target})`;
    return shown === "" ? `\`${target}\`` : shown.trim();
  });
}
