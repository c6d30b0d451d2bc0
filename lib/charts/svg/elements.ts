/** SVG text, element by element. */

/** A rectangle in pixels. */
export interface Box {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

export type Attributes = Readonly<Record<string, string | number | undefined>>;

/** `<name attributes>children</name>`; numbers are rounded to hundredths of a pixel. */
export function element(name: string, attributes: Attributes, ...children: readonly string[]): string {
  const written = Object.entries(attributes)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ` ${key}="${typeof value === "number" ? short(value) : escapeXml(String(value))}"`)
    .join("");
  return children.length === 0 ? `<${name}${written}/>` : `<${name}${written}>${children.join("")}</${name}>`;
}

export function text(content: string, attributes: Attributes): string {
  return element("text", attributes, escapeXml(content));
}

export function escapeXml(value: string): string {
  const entities: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
  return (
    value
      .replaceAll(/[&<>"']/g, (character) => entities[character] as string)
      // biome-ignore lint/suspicious/noControlCharactersInRegex: XML 1.0 forbids these characters even as references.
      .replaceAll(/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/g, "\ufffd")
  );
}

/** A number with at most two digits after the point. */
export function short(value: number): string {
  return String(Math.round(value * 100) / 100);
}

/** Width that text takes in a sans-serif face, in pixels: near enough to lay out a legend or a margin. */
export function textWidth(content: string, fontSize: number): number {
  let width = 0;
  for (const character of content)
    width += /[iljtfI.,:;'|! ]/.test(character) ? 0.33 : /[mwMW@%]/.test(character) ? 0.9 : 0.6;
  return width * fontSize;
}
