/** Shows on a terminal how a notebook's execution goes: one line a section, the running cell's latest words below. */
import type { WriteStream } from "node:tty";
import type { NotebookEvent } from "./events.js";

/** As much of a terminal as progress needs; `isTTY` decides whether a line may be written over. */
export type Terminal = Pick<WriteStream, "write"> & { isTTY?: boolean; columns?: number };

/** Without a terminal the running cell's words come at most this often. */
const quietMilliseconds = 10_000;

export class Progress {
  private cells = 0;
  private section = "";
  private sectionStart = 0;
  private latest = "";
  private lastQuiet = 0;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly terminal: Terminal,
    private readonly now: () => number = () => performance.now(),
  ) {}

  handle(event: NotebookEvent): void {
    switch (event.event) {
      case "start":
        this.cells = event.cells;
        break;
      case "cell":
        this.enter(event.heading || `Cell ${event.number}`, event.number);
        break;
      case "stream":
        if (event.name === "stdout") this.tell(event.text);
        break;
      case "display":
        if (event.update) this.tell(event.text);
        break;
      case "stopping":
        this.line("  Stopping at the end of this step; Ctrl-C again ends at once.");
        break;
      case "error":
      case "fatal":
        this.close("failed");
        break;
      case "saved":
        this.close();
        break;
      case "done":
        break;
    }
  }

  /** Ends the section that runs, if any. */
  close(outcome = ""): void {
    clearInterval(this.timer);
    if (this.section === "") return;
    const seconds = ((this.now() - this.sectionStart) / 1000).toFixed(1);
    this.line(`  ${this.section.padEnd(58)} ${seconds.padStart(6)} s${outcome === "" ? "" : `  ${outcome}`}`);
    this.section = "";
  }

  private enter(heading: string, number: number): void {
    this.latest = "";
    if (heading !== this.section) {
      this.close();
      this.section = heading;
      this.sectionStart = this.now();
    }
    this.position = `${number}/${this.cells}`;
    if (!this.terminal.isTTY) return;
    clearInterval(this.timer);
    this.timer = setInterval(() => this.redraw(), 500).unref();
    this.redraw();
  }

  private position = "";

  /** The last line that is not empty is what a person wants to see of a cell that runs. */
  private tell(text: string): void {
    const line = text
      .split(/[\r\n]/)
      .filter((part) => part.trim() !== "")
      .at(-1);
    if (line === undefined) return;
    this.latest = line.trim();
    if (this.terminal.isTTY) {
      this.redraw();
    } else if (this.now() - this.lastQuiet > quietMilliseconds && this.now() - this.sectionStart > quietMilliseconds) {
      this.lastQuiet = this.now();
      this.line(`    ${this.latest}`);
    }
  }

  private redraw(): void {
    const seconds = Math.round((this.now() - this.sectionStart) / 1000);
    const words = [this.section, `cell ${this.position}`, `${seconds} s`, this.latest].filter((word) => word !== "");
    this.terminal.write(`\r\x1b[2K  ${words.join("  ").slice(0, Math.max(20, (this.terminal.columns || 80) - 3))}`);
  }

  private line(text: string): void {
    this.terminal.write(`${this.terminal.isTTY ? "\r\x1b[2K" : ""}${text}\n`);
  }
}
