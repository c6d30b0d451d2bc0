/** tfjs' own conformance suite on one backend: what conformance.test.ts bundles. */
import "./setup.js";
import "@tensorflow/tfjs-core/dist/tests.js";
