// Writing texts token by token on the device: every step runs the whole model on each text's last token and chooses the
// next one, with nothing read from the host. Steps are alike, so they are recorded once as a CUDA graph: lengths, positions
// and tokens are read from memory that the step itself advances. Weights are referred to, so changes in place are seen;
// updateDecoder takes a descriptor whose buffers are others.
#include <algorithm>

#include "cuda/check.h"
#include "cuda/choose.h"
#include "cuda/decode_group.h"
#include "cuda/decoder_layer.h"
#include "cuda/device.h"
#include "cuda/kv_cache.h"
#include "cuda/linear.h"
#include "cuda/staging.h"
#include "registrar.h"

namespace tunelab::cuda {

namespace {

// Copies: what they refer to stays, whatever happens to the handles.
struct LayerPlan {
  std::vector<Projection> projections;
  StoragePtr inputNorm, postAttentionNorm;
  DecodeGroup qkv, o, gateUp, down;
  void *keys, *values;
};

struct Plan {
  std::vector<LayerPlan> layers;
  std::vector<Projection> ends;  // embedding table, head
  StoragePtr norm;
  float normEps = 0, layerEps = 0;
  double ropeTheta = 0;
  DecodeGroup head;
  QkvShape shape{};
  Dtype dtype = Dtype::bf16;  // of activations, cache and dense weights
  int64_t hidden = 0, intermediate = 0, capacity = 0;
};

Plan readPlan(const Napi::Value& value, KvCache& cache) {
  Napi::Object model = object(value, "model");
  Napi::Array layers = array(model.Get("layers"), "model.layers");
  Plan plan;
  if (layers.Length() != cache.keys.size())
    refuse(value.Env(), "The cache has " + std::to_string(cache.keys.size()) + " layers, the model " + std::to_string(layers.Length()) + ".");
  plan.capacity = cache.capacity;
  plan.dtype = cache.dtype;
  plan.layers.resize(layers.Length());
  for (uint32_t i = 0; i < layers.Length(); i++) {
    const DecoderLayer& layer = fromHandle<DecoderLayer>(layers.Get(i));
    LayerPlan& to = plan.layers[i];
    for (const auto& projection : layer.projections) to.projections.push_back(*projection);
    const auto group = [&](std::initializer_list<int> members) {
      std::vector<const Projection*> pointers;
      for (int member : members) pointers.push_back(&to.projections[static_cast<size_t>(member)]);
      return decodeGroup(pointers, plan.dtype);
    };
    to.qkv = group({qProj, kProj, vProj});
    to.o = group({oProj});
    to.gateUp = group({gateProj, upProj});
    to.down = group({downProj});
    to.inputNorm = layer.inputNorm();
    to.postAttentionNorm = layer.postAttentionNorm();
    to.keys = cache.keys[i].data();
    to.values = cache.values[i].data();
    plan.shape = layer.shape;
    plan.hidden = layer.hiddenSize;
    plan.intermediate = layer.intermediateSize;
    plan.layerEps = layer.rmsNormEps;
    plan.ropeTheta = layer.ropeTheta;
  }
  plan.ends = {fromHandle<Linear>(model.Get("table")).projection, fromHandle<Linear>(model.Get("head")).projection};
  plan.head = decodeGroup({&plan.ends[1]}, plan.dtype);
  plan.norm = bufferOf(model.Get("norm"), Dtype::f32, "model.norm", static_cast<size_t>(plan.hidden));
  plan.normEps = static_cast<float>(number(model.Get("rmsNormEps"), "model.rmsNormEps"));
  if (plan.ends[0].in != plan.hidden || plan.ends[1].in != plan.hidden)
    refuse(value.Env(), "model.table and model.head must have rows of " + std::to_string(plan.hidden) + " elements.");
  return plan;
}

class Decoder : public HandleObject {
 public:
  static constexpr const char* kind = "decoder";
  Decoder(Plan plan, int rows, const Napi::Object& texts, StoragePtr tokens);
  ~Decoder() override { dropGraph(); }
  bool fits();
  void update(Plan plan) {
    plan_ = std::move(plan);
    dropGraph();
  }
  void choose(float* logits) { chooseTokens(logits, rows_, vocabulary(), options_, state_); }
  void step();
  int vocabulary() const { return plan_.head.out; }
  int rows() const { return rows_; }

 private:
  void dropGraph() {
    if (graph_) cudaGraphExecDestroy(graph_);
    graph_ = nullptr;
  }
  void queue(const RopeTable& rope);
  DecodeCall call(const void* x, int64_t width, const StoragePtr& norm, const void* base, void* y, int64_t widthOut, bool swiglu) const;
  void record(const RopeTable& rope);

  Plan plan_;
  int rows_;
  ChooseOptions options_{};
  ChooseState state_{};
  StoragePtr tokens_;
  Block items_, counts_, seen_, uniforms_, eos_;
  Block hidden_, qkv_, attention_, act_, logits_, t_, work_;
  bool useGraph_, warm_ = false;
  cudaGraphExec_t graph_ = nullptr;
  RopeTable recorded_;
};

// `texts`: see table.ts.
Decoder::Decoder(Plan plan, int rows, const Napi::Object& texts, StoragePtr tokens) : plan_(std::move(plan)), rows_(rows), tokens_(std::move(tokens)) {
  const auto count = [&](const char* key, int64_t least, int64_t most) { return static_cast<int>(integer(texts.Get(key), key, least, most)); };
  options_.doSample = boolean(texts.Get("doSample"), "doSample");
  options_.temperature = static_cast<float>(number(texts.Get("temperature"), "temperature"));
  options_.topP = static_cast<float>(number(texts.Get("topP"), "topP"));
  options_.repetitionPenalty = static_cast<float>(number(texts.Get("repetitionPenalty"), "repetitionPenalty"));
  options_.topK = options_.doSample ? count("topK", 1, chooseMaxTopK) : 1;
  options_.minNewTokens = count("minNewTokens", 0, INT32_MAX);
  options_.maxNewTokens = count("maxNewTokens", 1, INT32_MAX);
  options_.padToken = count("padTokenId", 0, vocabulary() - 1);
  useGraph_ = boolean(texts.Get("graph"), "graph");
  const Span<int32_t> lengths = ints(texts.Get("lengths"), "lengths", static_cast<size_t>(rows)), eos = ints(texts.Get("eosTokenIds"), "eosTokenIds");
  eos_ = uploadArray(eos.data, eos.size);
  options_.eosTokens = eos_.as<int32_t>();
  options_.eosCount = static_cast<int>(eos.size);

  std::vector<DecodeItem> items;
  for (int row = 0; row < rows; row++) {
    if (lengths[static_cast<size_t>(row)] < 1 || lengths[static_cast<size_t>(row)] + int64_t{options_.maxNewTokens} > plan_.capacity + 1)
      refuse(texts.Env(), "Row " + std::to_string(row) + " holds " + std::to_string(lengths[static_cast<size_t>(row)]) + " tokens; " +
                              std::to_string(options_.maxNewTokens) + " more do not fit the cache's capacity of " +
                              std::to_string(plan_.capacity) + ".");
    items.push_back({row, static_cast<int>(row * plan_.capacity), lengths[static_cast<size_t>(row)]});
  }
  items_ = uploadArray(items.data(), items.size());
  const std::vector<int32_t> zeros(2 * static_cast<size_t>(rows));
  counts_ = uploadArray(zeros.data(), zeros.size());
  state_.tokens = static_cast<int32_t*>(tokens_->data());
  state_.items = items_.as<DecodeItem>();
  state_.produced = counts_.as<int32_t>();
  state_.finished = state_.produced + rows;
  state_.seenWords = (vocabulary() + 31) / 32;
  if (options_.repetitionPenalty != 1) {
    const Span<int32_t> seen = ints(texts.Get("seen"), "seen", static_cast<size_t>(rows) * static_cast<size_t>(state_.seenWords));
    seen_ = uploadArray(seen.data, seen.size);
    state_.seen = seen_.as<uint32_t>();
  }
  if (options_.doSample) {
    const Span<float> uniforms = floats(texts.Get("uniforms"), "uniforms", static_cast<size_t>(rows) * static_cast<size_t>(options_.maxNewTokens));
    uniforms_ = uploadArray(uniforms.data, uniforms.size);
    state_.uniforms = uniforms_.as<float>();
  }
  const auto room = [&](int64_t width, Dtype dtype) { return Block(static_cast<size_t>(rows * width) * sizeOf(dtype), Owner::workspace); };
  int rank = plan_.head.rank;
  for (const LayerPlan& layer : plan_.layers)
    for (const DecodeGroup* group : {&layer.qkv, &layer.o, &layer.gateUp, &layer.down}) rank = std::max(rank, group->rank);
  const int64_t wide = plan_.shape.heads * plan_.shape.headDim;
  hidden_ = room(plan_.hidden, plan_.dtype);
  qkv_ = room(plan_.shape.width(), plan_.dtype);
  attention_ = room(wide, plan_.dtype);
  act_ = room(plan_.intermediate, plan_.dtype);
  logits_ = room(vocabulary(), Dtype::f32);
  t_ = room(std::max(rank, 1), Dtype::f32);
  work_ = Block(decodeAttentionBytes(plan_.shape, rows), Owner::workspace);
}

DecodeCall Decoder::call(const void* x, int64_t width, const StoragePtr& norm, const void* base, void* y, int64_t widthOut, bool swiglu) const {
  DecodeCall call{};
  call.dtype = plan_.dtype;
  call.x = x;
  call.strideX = width;
  call.rows = rows_;
  call.norm = floatsOf(norm);
  call.eps = norm == plan_.norm ? plan_.normEps : plan_.layerEps;
  call.t = t_.as<float>();
  call.base = base;
  call.y = y;
  call.strideY = widthOut;
  call.outputType = y == logits_.data() ? Dtype::f32 : plan_.dtype;
  call.swiglu = swiglu;
  return call;
}

// Whether there are kernels for all of the model.
bool Decoder::fits() {
  const auto good = [&](const DecodeGroup& group, int64_t width, bool swiglu) {
    return decodeLinearFits(group, call(hidden_.data(), width, nullptr, nullptr, nullptr, group.out, swiglu));
  };
  if (!decodeFits(plan_.shape, plan_.dtype) || !good(plan_.head, plan_.hidden, false)) return false;
  return std::all_of(plan_.layers.begin(), plan_.layers.end(), [&](const LayerPlan& layer) {
    return good(layer.qkv, layer.qkv.in, false) && good(layer.o, layer.o.in, false) && good(layer.gateUp, layer.gateUp.in, true) &&
           good(layer.down, layer.down.in, false);
  });
}

void Decoder::queue(const RopeTable& rope) {
  const int64_t wide = plan_.shape.heads * plan_.shape.headDim;
  void* h = hidden_.data();
  plan_.ends[0].weight.gather(state_.tokens, rows_, h, plan_.dtype);
  for (const LayerPlan& layer : plan_.layers) {
    decodeLinear(layer.qkv, call(h, plan_.hidden, layer.inputNorm, nullptr, qkv_.data(), plan_.shape.width(), false));
    decodeAttention(plan_.shape, state_.items, rows_, qkv_.data(), rope, layer.keys, layer.values, plan_.dtype, attention_.data(), wide,
                    work_.as<float>());
    decodeLinear(layer.o, call(attention_.data(), wide, nullptr, h, h, plan_.hidden, false));
    decodeLinear(layer.gateUp, call(h, plan_.hidden, layer.postAttentionNorm, nullptr, act_.data(), plan_.intermediate, true));
    decodeLinear(layer.down, call(act_.data(), plan_.intermediate, nullptr, h, h, plan_.hidden, false));
  }
  decodeLinear(plan_.head, call(h, plan_.hidden, plan_.norm, nullptr, logits_.data(), vocabulary(), false));
  choose(logits_.as<float>());
}

void Decoder::record(const RopeTable& rope) {
  cudaGraph_t graph = nullptr;
  cudaCheck(cudaStreamBeginCapture(stream(), cudaStreamCaptureModeThreadLocal));
  try {
    queue(rope);
  } catch (...) {
    cudaStreamEndCapture(stream(), &graph);
    if (graph) cudaGraphDestroy(graph);
    throw;
  }
  cudaCheck(cudaStreamEndCapture(stream(), &graph));
  const cudaError_t made = cudaGraphInstantiate(&graph_, graph, 0);
  cudaGraphDestroy(graph);
  cudaCheck(made);
  recorded_ = rope;
}

void Decoder::step() {
  const RopeTable rope = ropeTable(plan_.ropeTheta, plan_.shape.headDim, plan_.capacity + 1);
  // The first step loads the kernels, which a recording must not.
  if (!useGraph_ || !warm_) {
    queue(rope);
    warm_ = true;
    return;
  }
  // The table moves when another text needs more positions.
  if (graph_ && recorded_.cosines != rope.cosines) dropGraph();
  if (!graph_) record(rope);
  cudaCheck(cudaGraphLaunch(graph_, stream()));
}

// createDecoder(model, cache, texts, tokens i32 [rows]) -> handle, or null where there is no kernel for the model
Napi::Value create(const Napi::CallbackInfo& info) {
  KvCache& cache = fromHandle<KvCache>(info[1]);
  Plan plan = readPlan(info[0], cache);
  const StoragePtr tokens = bufferOf(info[3], Dtype::i32, "tokens", static_cast<size_t>(cache.sequences));
  const bool filled = std::all_of(cache.keys.begin(), cache.keys.end(), [](const Block& keys) { return static_cast<bool>(keys); });
  if (!filled || !isHalf(cache.dtype) || cache.sequences > decodeMaxRows) return info.Env().Null();
  auto decoder = std::make_unique<Decoder>(std::move(plan), static_cast<int>(cache.sequences), object(info[2], "texts"), tokens);
  if (!decoder->fits()) return info.Env().Null();
  return makeHandle(info.Env(), std::move(decoder));
}

// updateDecoder(decoder, model, cache)
Napi::Value update(const Napi::CallbackInfo& info) {
  fromHandle<Decoder>(info[0]).update(readPlan(info[1], fromHandle<KvCache>(info[2])));
  return info.Env().Undefined();
}

// decoderChoose(decoder, logits f32 [rows, vocabulary])
Napi::Value choose(const Napi::CallbackInfo& info) {
  Decoder& decoder = fromHandle<Decoder>(info[0]);
  const StoragePtr logits = bufferOf(info[1], Dtype::f32, "logits", static_cast<size_t>(decoder.rows()) * static_cast<size_t>(decoder.vocabulary()));
  decoder.choose(floatsOf(logits));
  return info.Env().Undefined();
}

// decoderStep(decoder)
Napi::Value step(const Napi::CallbackInfo& info) {
  fromHandle<Decoder>(info[0]).step();
  return info.Env().Undefined();
}

TUNELAB_OP(cuda, "createDecoder", create)
TUNELAB_OP(cuda, "updateDecoder", update)
TUNELAB_OP(cuda, "decoderChoose", choose)
TUNELAB_OP(cuda, "decoderStep", step)

}  // namespace

}  // namespace tunelab::cuda
