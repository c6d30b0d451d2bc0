/** mocha's own report and, as the very last line, the counts in one form that a machine can read. */
import mocha from "mocha";

export default class CountingReporter extends mocha.reporters.Spec {
  /** @override */
  epilogue() {
    super.epilogue();
    const { passes = 0, failures = 0, pending = 0 } = this.stats ?? {};
    console.log(`${passes} passed, ${failures} failed${pending > 0 ? `, ${pending} skipped` : ""}`);
  }
}
