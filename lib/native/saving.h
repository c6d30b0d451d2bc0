// What a decoder layer keeps between its forward and its backward pass, by the names of lib/tensor/layers.ts.
#pragma once
#include <napi.h>

namespace tunelab {

// Parts that forward keeps, beside the input that the caller keeps; backward makes the others again.
struct Keep {
  bool norms = false;      // both normalised inputs, with 1 / rms
  bool attention = false;  // q, k, v and the output of attention, and what its projection makes of it
  bool gateUp = false;     // both halves of the feed-forward part, with biases
  bool act = false;        // silu(gate) up
};

// "all"; "selected": what matrix products and attention made, for norms and SwiGLU are one pass over memory each; "none".
Keep keepFor(const Napi::Value& saving);

}  // namespace tunelab
