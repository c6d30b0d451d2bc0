/** One line of the doctor's report. */
export interface Finding {
  name: string;
  /** "missing" stops tunelab from working, "optional" only makes it slower or smaller. */
  state: "ok" | "optional" | "missing";
  detail: string;
  /** How to get what is not there. */
  hint?: string;
}
