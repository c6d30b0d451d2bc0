/** The shape of DeepSeek-R1-Distill-Qwen-14B's passes with the article's adapter, in bfloat16. */
import type { PassShape } from "../../../lib/models/passMemory.js";

const expanded = true;

export const ARTICLE_SHAPE: PassShape = {
  geometry: {
    hiddenSize: 5120,
    intermediateSize: 13824,
    numHeads: 40,
    numKvHeads: 8,
    headDim: 128,
    rmsNormEps: 1e-5,
    ropeTheta: 1e6,
  },
  numLayers: 48,
  vocabSize: 152064,
  elementBytes: 2,
  groups: {
    qkv: { rank: 48, expanded },
    o: { rank: 16, expanded },
    gateUp: { rank: 32, expanded },
    down: { rank: 16, expanded },
  },
  headExpanded: false,
  dropout: false,
};
