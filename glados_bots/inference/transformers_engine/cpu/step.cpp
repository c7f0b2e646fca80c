// One forward step of a Llama-like model on a CPU: all tokens of a batch through all layers, in one call.
//
// Products use weights of 8 bits and activations of 16 bits (products.h). Attention multiplies in bfloat16, over keys and
// values in pages that the caller assigns (attention.h). Sums, norms and values between the layers are float32.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "attention.h"
#include "loras.h"
#include "model.h"
#include "products.h"
#include "vectors.h"

namespace {

constexpr int QUERIES = 8;  // tokens of a request that attend together

struct Token { int request, position; };
struct Span { int first, count; };

struct Step {
  const Model& model;
  const Batch& batch;
  std::vector<Token> tokens;
  std::vector<Span> spans;
  std::vector<int> wanted;           // tokens after which scores are needed
  std::vector<float> x, qkv;         // [tokens][hidden], [tokens][heads and twice kv_heads][head_dim]
  Packed normed, attended, gated;
  LoraRows loras;

  int qkv_size() const { return (model.heads + 2 * model.kv_heads) * model.head_dim; }

  Step(const Model& m, const Batch& b) : model(m), batch(b) {
    for (int r = 0; r < b.requests; r++) {
      for (int i = 0; i < b.counts[r]; i += QUERIES)
        spans.push_back({int(tokens.size()) + i, std::min(QUERIES, b.counts[r] - i)});
      for (int i = 0; i < b.counts[r]; i++) {
        if (i >= b.counts[r] - b.wanted[r]) wanted.push_back(int(tokens.size()));
        tokens.push_back({r, b.past[r] + i});
      }
    }
    const int count = int(tokens.size());
    x.resize(size_t(count) * m.hidden);
    qkv.resize(size_t(count) * qkv_size());
    normed.shape(m.hidden, count);
    attended.shape(m.heads * m.head_dim, count);
    gated.shape(m.intermediate, count);
    for (const Token& token : tokens) loras.rows.push_back(b.loras ? b.slots[token.request] : 0);
    loras.shape(b, 4 * m.layers + 1);
  }

  // All threads call the functions below together and share their loops. Each function returns when all are done.

  void embed() {
#pragma omp for
    for (int t = 0; t < int(tokens.size()); t++)
      for (int i = 0; i < model.hidden; i += LANES)
        store(&x[size_t(t) * model.hidden + i], widen(model.embedding + size_t(batch.tokens[t]) * model.hidden + i));
  }

  void norm(int token, const float* weight, int row) {
    const float* from = &x[size_t(token) * model.hidden];
    Floats squares{};
    for (int i = 0; i < model.hidden; i += LANES) squares += load<Floats>(from + i) * load<Floats>(from + i);
    const float factor = 1 / std::sqrt(sum_of(squares) / model.hidden + model.epsilon);
    float values[GROUP];
    for (int i = 0; i < model.hidden; i += GROUP) {
      for (int j = 0; j < GROUP; j += LANES)
        store(values + j, load<Floats>(from + i + j) * factor * load<Floats>(weight + i + j));
      normed.set(row, i / GROUP, values);
    }
  }

  void norm_all(const float* weight) {
#pragma omp for
    for (int t = 0; t < int(tokens.size()); t++) norm(t, weight, t);
  }

  // to[row] = (or +=, where `add`) the product of the row
  void multiply(const Matrix& m, const Packed& from, float* to, bool add) {
#pragma omp for schedule(dynamic, 4)
    for (int tile = 0; tile < m.outputs / LANES; tile++)
      for (int row = 0; row < from.rows; row += WIDTH) {
        Floats out[WIDTH];
        product(m, tile, from, row / WIDTH, out);
        for (int t = 0; t < std::min(WIDTH, from.rows - row); t++) {
          float* place = to + size_t(row + t) * m.outputs + tile * LANES;
          store(place, add ? load<Floats>(place) + out[t] : out[t]);
        }
      }
  }

  // SiLU(gate) * up, 32 outputs at a time because they share a scale in `gated`
  void gate() {
    const Matrix& m = model.layer[current].gate_up;
#pragma omp for schedule(dynamic)
    for (int group = 0; group < model.intermediate / GROUP; group++)
      for (int row = 0; row < normed.rows; row += WIDTH) {
        float values[WIDTH][GROUP];
        for (int i = 0; i < GROUP / LANES; i++) {
          Floats gates[WIDTH], ups[WIDTH];
          const int tile = 2 * (group * GROUP / LANES + i);
          product(m, tile, normed, row / WIDTH, gates);
          product(m, tile + 1, normed, row / WIDTH, ups);
          for (int t = 0; batch.loras && t < std::min(WIDTH, normed.rows - row); t++) {
            gates[t] += loras.added(row + t, 4 * current + 2, m.outputs, tile);
            ups[t] += loras.added(row + t, 4 * current + 2, m.outputs, tile + 1);
          }
          for (int t = 0; t < std::min(WIDTH, normed.rows - row); t++)
            store(&values[t][i * LANES], gates[t] / (1.0f + exp_of(-gates[t])) * ups[t]);
        }
        for (int t = 0; t < std::min(WIDTH, normed.rows - row); t++) gated.set(row + t, group, values[t]);
      }
  }

  int current = 0;  // layer

  uint16_t* page(int request, int number, bool values) const {
    const int64_t bytes = batch.block_bytes / model.layers;
    const int block = batch.pages[batch.first_page[request] + number];
    return reinterpret_cast<uint16_t*>(batch.cache + block * batch.block_bytes + current * bytes +
                                       (values ? bytes / 2 : 0));
  }

  void rotate(float* head, int position, float factor) const {
    const int half = model.head_dim / 2;
    const float *c = model.cosines + size_t(position) * half, *s = model.sines + size_t(position) * half;
    for (int i = 0; i < half; i += LANES) {
      const Floats a = load<Floats>(head + i), b = load<Floats>(head + half + i);
      store(head + i, (a * load<Floats>(c + i) - b * load<Floats>(s + i)) * factor);
      store(head + half + i, (b * load<Floats>(c + i) + a * load<Floats>(s + i)) * factor);
    }
  }

  // Rotate queries and keys by their positions; write keys and values to their pages.
  void remember() {
    const int dim = model.head_dim;
#pragma omp for
    for (int t = 0; t < int(tokens.size()); t++) {
      const auto [request, position] = tokens[t];
      const int slot = position % PAGE;
      uint16_t *keys = page(request, position / PAGE, false), *values = page(request, position / PAGE, true);
      float* head = &qkv[size_t(t) * qkv_size()];
      for (int h = 0; h < model.heads; h++, head += dim) rotate(head, position, 1 / std::sqrt(float(dim)));
      for (int h = 0; h < model.kv_heads; h++, head += dim) {
        rotate(head, position, 1);
        for (int i = 0; i < dim; i++) keys[((h * dim + i) / 2 * PAGE + slot) * 2 + i % 2] = narrow(head[i]);
      }
      for (int h = 0; h < model.kv_heads; h++, head += dim)
        for (int i = 0; i < dim; i++) values[((h * PAGE + slot) / 2 * dim + i) * 2 + slot % 2] = narrow(head[i]);
    }
  }

  // All queries of a span that share one kv head, page by page with a running softmax.
  template <int D>
  void attend(const Span& span, int kv_head) {
    constexpr int AT_ONCE = 256 / D;  // rows whose sums fit the registers
    const int shared = model.heads / model.kv_heads, count = span.count * shared;
    const auto [request, position] = tokens[span.first];
    std::vector<Query<D>> queries(count);
    for (int n = 0; n < count; n++) {
      const int token = n / shared, head = kv_head * shared + n % shared;
      const float* q = &qkv[size_t(span.first + token) * qkv_size() + head * D];
      for (int i = 0; i < D; i += 2) queries[n].q[i / 2] = narrow(q[i]) | narrow(q[i + 1]) << 16;
      queries[n].visible = position + token + 1;
    }
    for (int begin = 0; begin < position + span.count; begin += PAGE) {
      const uint16_t* keys = page(request, begin / PAGE, false) + kv_head * D * PAGE;
      const uint16_t* values = page(request, begin / PAGE, true) + kv_head * D * PAGE;
      for (int n = 0; n < count; n += AT_ONCE) switch (std::min(AT_ONCE, count - n)) {
        case 1: attend_page<D, 1>(&queries[n], keys, values, begin); break;
        case 2: attend_page<D, 2>(&queries[n], keys, values, begin); break;
        case 3: attend_page<D, 3>(&queries[n], keys, values, begin); break;
        default: attend_page<D, 4>(&queries[n], keys, values, begin); break;
      }
    }
    for (int n = 0; n < count; n++) {
      float result[D];
      const float share = 1 / sum_of(queries[n].total);
      for (int i = 0; i < D / LANES; i++) store(result + i * LANES, queries[n].out[i] * share);
      for (int i = 0; i < D; i += GROUP)
        attended.set(span.first + n / shared, ((kv_head * shared + n % shared) * D + i) / GROUP, result + i);
    }
  }

  void attend_all() {
#pragma omp for schedule(dynamic)
    for (int i = 0; i < int(spans.size()) * model.kv_heads; i++) {
      const Span& span = spans[i / model.kv_heads];
      if (model.head_dim == 64) attend<64>(span, i % model.kv_heads);
      else attend<128>(span, i % model.kv_heads);
    }
  }

  void run() {
#pragma omp parallel
    {
      embed();
      for (int l = 0; l < model.layers; l++) {
        const Layer& layer = model.layer[l];
#pragma omp single
        current = l;
        norm_all(layer.attention_norm);
        multiply(layer.qkv, normed, qkv.data(), false);
        loras.add(4 * l, normed, qkv.data(), layer.qkv.outputs);
        remember();
        attend_all();
        multiply(layer.out, attended, x.data(), true);
        loras.add(4 * l + 1, attended, x.data(), layer.out.outputs);
        norm_all(layer.mlp_norm);
        loras.reduce(4 * l + 2, normed);
        gate();
        multiply(layer.down, gated, x.data(), true);
        loras.add(4 * l + 3, gated, x.data(), layer.down.outputs);
      }
#pragma omp single
      {
        normed.shape(model.hidden, int(wanted.size()));
        loras.keep(wanted);
      }
#pragma omp for
      for (int i = 0; i < int(wanted.size()); i++) norm(wanted[i], model.final_norm, i);
      multiply(model.head, normed, batch.scores, false);
      loras.add(4 * model.layers, normed, batch.scores, model.head.outputs);
    }
  }
};

}  // namespace

extern "C" void glados_step(const Model* model, const Batch* batch) { Step(*model, *batch).run(); }
