/** @param {{ modelName: string }} options */
export async function load({ modelName }) {
  return { model: { layers: modelName.length }, tokenizer: (/** @type {string} */ text) => text.split(" ") };
}

export function summarize() {
  return { lines: 3 };
}
