/** What environment/notebook/execute.py tells while it executes a notebook, one JSON object a line. */
export type NotebookEvent =
  | { event: "start"; cells: number }
  | { event: "cell"; number: number; heading: string }
  | { event: "stream"; name: "stdout" | "stderr"; text: string }
  | { event: "display"; text: string; update: boolean }
  | { event: "done"; seconds: number }
  | ({ event: "error" } & CellFailure)
  | { event: "fatal"; message: string }
  | { event: "stopping" }
  | { event: "saved"; path: string };

/** The cell that failed and how. */
export interface CellFailure {
  /** Which code cell, counted from 1. */
  number: number;
  /** The markdown heading above it. */
  heading: string;
  source: string;
  ename: string;
  evalue: string;
  traceback: string[];
}
