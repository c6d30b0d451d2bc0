/** A browser for tests: the machine's own Chromium, driven by playwright-core. */
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { type Browser, chromium } from "playwright-core";

const names = ["chromium", "chromium-browser", "google-chrome"];

/** Where Chromium is, by TUNELAB_CHROMIUM or on PATH. */
function findChromium(): string | undefined {
  const folders = (process.env.PATH ?? "").split(delimiter);
  const candidates = folders.flatMap((folder) => names.map((name) => join(folder, name)));
  return process.env.TUNELAB_CHROMIUM || candidates.find((path) => existsSync(path));
}

export function openChromium(executablePath = findChromium()): Promise<Browser> {
  // Containers have one user, and as root Chromium's own sandbox does not start.
  const args = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
  return chromium.launch({ ...(executablePath !== undefined && { executablePath }), args });
}

/** Declares tests that need a browser; where there is none, says so instead. */
export function describeInBrowser(title: string, tests: (open: () => Promise<Browser>) => void): void {
  const executablePath = findChromium();
  if (executablePath === undefined) {
    console.log(`Not run, since no Chromium is on PATH (apt install chromium): ${title}`);
    return;
  }
  describe(title, () => tests(() => openChromium(executablePath)));
}
