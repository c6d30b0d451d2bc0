/** The whole way of the backend "cuda", from fromPretrained to a saved adapter, over CPU ops; on a GPU see tests/gpu. */
import { libraryCases } from "../../../gpu/libraryCases.js";
import { registerFakeCuda } from "./register.js";

describe("the library on cuda, over CPU ops", function () {
  this.timeout(300_000);
  before(() => registerFakeCuda());
  libraryCases({ steps: 2, questions: 0, note: () => undefined });
});
