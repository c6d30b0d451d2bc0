/**
 * tfjs' conformance suite on the backend "cuda" of a GPU, which computes all that it has kernels for: `node conformance.mjs`
 * beside the bundled suite, with the addon's file in CONFORMANCE_ADDON. Without a GPU tests/lib/tensor/conformance.test.ts runs it over CPU ops.
 */
import { createRequire } from "node:module";
import { join } from "node:path";

interface Result {
  readonly fullName: string;
  readonly status: string;
  readonly failedExpectations: readonly { readonly message: string }[];
}
interface Environment {
  configure(options: { random: boolean }): void;
  addReporter(reporter: { specDone(result: Result): void; jasmineDone(): void }): void;
  execute(): unknown;
}

const require = createRequire(import.meta.url);
const core = require("jasmine-core") as { boot(core: unknown): { getEnv(): Environment } };
const environment = core.boot(core).getEnv();
const print = process.stdout.write.bind(process.stdout);
process.env.CONFORMANCE_BACKEND = "cuda";

let specs = 0;
const failures: string[] = [];
environment.configure({ random: false });
environment.addReporter({
  specDone({ fullName, status, failedExpectations }) {
    if (status === "passed" || status === "failed") specs++;
    if (status === "failed") failures.push(`${fullName}: ${failedExpectations[0]?.message ?? ""}`);
  },
  jasmineDone() {
    const seen = (globalThis as unknown as { conformance: { specs: object; cudaCalls: number } }).conformance;
    const list = failures.map((line) => `FAIL ${line}\n`).join("");
    const code = failures.length > 0 || specs < 4200 || seen.cudaCalls < 10_000 ? 1 : 0;
    const ran = `${specs} specs, ${failures.length} failures, ${seen.cudaCalls} ops on the GPU`;
    print(`${list}tfjs conformance: ${ran}, ${JSON.stringify(seen.specs)}\n`, () => process.exit(code));
  },
});
require(join(import.meta.dirname, "conformance-suite.cjs"));
environment.execute();
