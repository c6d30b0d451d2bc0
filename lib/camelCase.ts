/** A name of Python's libraries as it is here: "max_steps" is "maxSteps". */
export function toCamelCase(name: string): string {
  return name.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
