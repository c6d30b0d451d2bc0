// Choosing the next token of every row of logits, and what that changes in the rows' state; all on the device.
#pragma once
#include <cstdint>

#include "cuda/decode_attention.h"

namespace tunelab::cuda {

// Largest topK that is drawn from here.
constexpr int chooseMaxTopK = 1024;

struct ChooseOptions {
  bool doSample;
  float temperature, topP, repetitionPenalty;
  int topK;  // 1 to chooseMaxTopK, when doSample
  int minNewTokens, maxNewTokens, padToken;
  const int32_t* eosTokens;
  int eosCount;
};
// One element a row, save where it says so.
struct ChooseState {
  int32_t* tokens;    // the token chosen last
  DecodeItem* items;  // `keys` grows with each token
  int32_t* produced;  // tokens chosen so far
  int32_t* finished;
  uint32_t* seen;         // bits of the tokens that are there already, [rows, seenWords]; used with a penalty
  const float* uniforms;  // draws in [0, 1), [rows, maxNewTokens]; used when doSample
  int seenWords;
};

// Rows that are finished get padToken and keep their state. Overwrites the logits [rows, vocabulary].
void chooseTokens(float* logits, int rows, int vocabulary, const ChooseOptions& options, const ChooseState& state);

}  // namespace tunelab::cuda
