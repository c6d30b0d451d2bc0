// The prompt template of the article, one string for training texts and one for the prompt of a new question.

/** Three places: question, chain of thought, response. */
export const trainPromptStyle = `Below is an instruction that describes a task, paired with an input that provides further context.
Write a response that appropriately completes the request.
Before answering, think carefully about the question and create a step-by-step chain of thoughts to ensure a logical and accurate response.

### Instruction:
You are a medical expert with specialized expertise in clinical reasoning, diagnostics, and treatment planning. Please answer the following medical question.

### Question:
{}

### Response:
{}
{}`;

/** A row of the question data: the article's schema. */
export interface MedicalRow {
  readonly Question: string;
  readonly Complex_CoT: string;
  readonly Response: string;
}

/** Fills the places of a template in order, as Python's str.format does. */
export function fill(template: string, ...values: readonly string[]): string {
  let next = 0;
  return template.replace(/\{\}/g, () => values[next++] ?? "");
}

/** The whole training text of a row, without the end-of-text token. */
export function trainingText(row: MedicalRow): string {
  return fill(trainPromptStyle, row.Question, row.Complex_CoT, row.Response);
}

/** The prompt of a question: the template up to the line after "### Response:". */
export function promptFor(question: string): string {
  return fill(trainPromptStyle.slice(0, trainPromptStyle.indexOf("{}\n{}")), question);
}
