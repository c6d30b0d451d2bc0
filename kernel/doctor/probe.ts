/** Run by the doctor in a process of its own: tries one part of the library and prints what it found as JSON. */
import { currentProfile } from "../../lib/profile.js";
import { backendReport, initBackend } from "../../lib/tensor/backend.js";

/** What a part of the library said of itself. */
export interface ProbeAnswer {
  text: string;
  /** The backend that computes. */
  backend: string;
}

async function probe(part: string | undefined): Promise<ProbeAnswer> {
  const backend = await initBackend();
  if (part === "profile") {
    const { name, reason } = await currentProfile();
    return { text: `${name}. ${reason}`, backend };
  }
  const report = backendReport();
  const threads =
    report === null ? "" : `, ${report.threads} thread${report.threads === 1 ? "" : "s"}. ${report.reason}`;
  return { text: `${backend}${threads}`, backend };
}

process.stdout.write(`\n${JSON.stringify(await probe(process.argv[2]))}\n`);
