// One forward step of a Llama-like model on a CPU: all tokens of a batch through all layers, in one call.
//
// Weights are 8-bit with a scale for each group of 32. Activations are made 16-bit in the same groups just before each
// product and taken as two 8-bit halves, so that the processor's 8-bit dot products do the work; 8 bits alone would cost
// three times the error of the weights. Attention takes its products in bfloat16, two at a time; sums are float32, as is
// everything else. Keys and values are in pages that the caller hands out; inside a page their order is ours, in pairs:
//     keys   [kv head][head dim / 2][token][2]   so that two terms of 16 scores come from one load
//     values [kv head][token / 2][head dim][2]
// Written with GCC's vector types: the same source serves every processor that GCC or Clang knows. Only the two dot
// products have special forms, where the processor has instructions for them (AVX512-VNNI, AVX512-BF16).
//
// The structures at the top are mirrored in packing.py and runner.py.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>
#if defined(__AVX512VNNI__) || defined(__AVX512BF16__)
#include <immintrin.h>
#endif

extern "C" {

struct Matrix {              // outputs x inputs
  const uint8_t* weights;    // [outputs / 16][inputs / 4][16][4], 128 added
  const uint16_t* scales;    // [outputs / 16][inputs / 32][16], bfloat16
  const float* bias;         // [outputs] or null
  int32_t inputs, outputs;   // multiples of 32 and of 16
};

struct Layer {
  const float *attention_norm, *mlp_norm;  // [hidden]
  Matrix qkv, out, gate_up, down;          // gate and up take turns, 16 rows each
};

struct Model {
  int32_t layers, hidden, heads, kv_heads, head_dim, intermediate;
  float epsilon;
  const uint16_t* embedding;     // [vocabulary][hidden], bfloat16
  const float* final_norm;       // [hidden]
  const float *cosines, *sines;  // [positions][head_dim / 2]
  Matrix head;                   // vocabulary x hidden
  const Layer* layer;
};

struct Batch {
  int32_t requests;
  const int32_t* tokens;        // of all requests, one after the other
  const int32_t* counts;        // new tokens of each request
  const int32_t* past;          // tokens of each request that are in the cache
  const int32_t* pages;         // page numbers of all requests, one after the other
  const int32_t* first_page;    // where each request's page numbers begin
  const uint8_t* wanted;        // whether each request needs scores for its next token
  uint8_t* cache;               // block b of layer l begins at b * block_bytes + l * block_bytes / layers
  int64_t block_bytes;
  float* scores;                // [requests that are wanted][head.outputs]
};

}  // extern "C"

namespace {

constexpr int LANES = 16, GROUP = 32, WIDTH = 8, PAGE = 32, QUERIES = 8;
constexpr float LIMIT = 32512;  // 127 * 256: the upper half stays within 8 bits

using Floats = float __attribute__((vector_size(64)));
using Ints = int32_t __attribute__((vector_size(64)));
using Bytes = uint8_t __attribute__((vector_size(64)));
using Halves = uint16_t __attribute__((vector_size(32)));

template <class T>
inline T load(const void* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

inline void store(void* to, Floats value) { std::memcpy(to, &value, sizeof value); }

inline Floats widen(const uint16_t* from) {  // bfloat16
  return (Floats)(__builtin_convertvector(load<Halves>(from), Ints) << 16);
}

inline uint16_t narrow(float value) {  // to bfloat16, the nearest, ties to even
  const uint32_t bits = load<uint32_t>(&value);
  return uint16_t((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

inline Ints narrow(Floats value) {  // the same, in the lower halves
  const Ints bits = (Ints)value;
  return ((bits + 0x7fff + ((bits >> 16) & 1)) >> 16) & 0xffff;
}

inline float sum_of(Floats v) {
  float sum = 0;
  for (int i = 0; i < LANES; i++) sum += v[i];
  return sum;
}

inline Floats larger(Floats a, Floats b) { return a > b ? a : b; }

inline float largest_of(Floats v) {
  v = larger(v, __builtin_shuffle(v, Ints{8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7}));
  v = larger(v, __builtin_shuffle(v, Ints{4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11}));
  v = larger(v, __builtin_shuffle(v, Ints{2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13}));
  return std::max(v[0], v[1]);
}

// e^x for x <= 88: 2^n times a polynomial on [-0.5, 0.5] (relative error 2e-7); below -87 it is 0.
inline Floats exp_of(Floats x) {
  const Ints small = x < -87.0f;
  x = small ? Floats{} - 87.0f : x;
  const Floats scaled = x * 1.44269504f;
  const Ints n = __builtin_convertvector(scaled + (scaled < 0 ? Floats{} - 0.5f : Floats{} + 0.5f), Ints);
  const Floats r = (scaled - __builtin_convertvector(n, Floats)) * 0.693147181f;
  Floats p = Floats{} + 1.0f / 720;
  for (const float c : {1.0f / 120, 1.0f / 24, 1.0f / 6, 0.5f, 1.0f, 1.0f}) p = p * r + c;
  return small ? Floats{} : p * (Floats)((n + 127) << 23);
}

inline Ints dot(Ints sum, Bytes weights, int32_t four) {
#ifdef __AVX512VNNI__
  return (Ints)_mm512_dpbusd_epi32((__m512i)sum, (__m512i)weights, _mm512_set1_epi32(four));
#else
  const Ints w = (Ints)weights;
  for (int j = 0; j < 4; j++) sum += ((w >> (8 * j)) & 255) * int32_t(int8_t(four >> (8 * j)));
  return sum;
#endif
}

// Adds the products of two bfloat16 in each lane and in `two`.
inline Floats dot(Floats sum, Ints pairs, int32_t two) {
#ifdef __AVX512BF16__
  return (Floats)_mm512_dpbf16_ps((__m512)sum, (__m512bh)pairs, (__m512bh)_mm512_set1_epi32(two));
#else
  const int32_t low = two << 16, high = two & ~0xffff;
  return sum + (Floats)(pairs << 16) * load<float>(&low) + (Floats)(pairs & ~0xffff) * load<float>(&high);
#endif
}

// Rows of activations, 16-bit, in blocks of up to WIDTH rows that are multiplied at once.
struct Packed {
  int inputs = 0, rows = 0;
  std::vector<int32_t> fours;   // [block][inputs / 4][2][width]: the upper and the lower halves of four values each
  std::vector<float> scales;    // [block][inputs / GROUP][width]
  std::vector<int32_t> starts;  // same: takes off what the 128 in the weights adds

  void shape(int new_inputs, int new_rows) {
    inputs = new_inputs, rows = new_rows;
    const size_t blocks = (rows + WIDTH - 1) / WIDTH;
    fours.resize(blocks * WIDTH * inputs / 2);
    scales.resize(blocks * WIDTH * inputs / GROUP);
    starts.resize(scales.size());
  }
  int width(int block) const {  // 1, 2, 4 or WIDTH
    const int left = std::min(rows - block * WIDTH, WIDTH);
    return left <= 2 ? left : left <= 4 ? 4 : WIDTH;
  }
  void set(int row, int group, const float* values) {
    const int block = row / WIDTH, w = width(block), column = row % WIDTH;
    Floats most{}, v[GROUP / LANES];
    for (int i = 0; i < GROUP / LANES; i++) {
      v[i] = load<Floats>(values + i * LANES);
      most = larger(most, v[i] < 0 ? -v[i] : v[i]);
    }
    const float largest = largest_of(most), inverse = largest > 0 ? LIMIT / largest : 0;
    Ints total{};
    int8_t upper[GROUP], lower[GROUP];
    for (int i = 0; i < GROUP / LANES; i++) {
      const Floats scaled = v[i] * inverse;
      const Ints n = __builtin_convertvector(scaled + (scaled < 0 ? Floats{} - 0.5f : Floats{} + 0.5f), Ints);
      total += n;
      const Ints up = (n + 128) >> 8, low = n - (up << 8);
      for (int lane = 0; lane < LANES; lane++) {
        upper[i * LANES + lane] = int8_t(up[lane]);
        lower[i * LANES + lane] = int8_t(low[lane]);
      }
    }
    int sum = 0;
    for (int lane = 0; lane < LANES; lane++) sum += total[lane];
    int32_t* to = &fours[size_t(block) * WIDTH * inputs / 2 + size_t(group) * GROUP / 2 * w + column];
    for (int i = 0; i < GROUP / 4; i++) {
      to[2 * i * w] = load<int32_t>(upper + 4 * i);
      to[(2 * i + 1) * w] = load<int32_t>(lower + 4 * i);
    }
    const size_t place = size_t(block) * WIDTH * inputs / GROUP + size_t(group) * w + column;
    scales[place] = largest / LIMIT;
    starts[place] = -128 * sum;
  }
};

// Sixteen outputs of W rows.
template <int W>
inline void product(const Matrix& m, int tile, const Packed& x, int block, Floats* out) {
  const int groups = m.inputs / GROUP;
  const uint8_t* weights = m.weights + size_t(tile) * m.inputs * LANES;
  const uint16_t* scales = m.scales + size_t(tile) * groups * LANES;
  const int32_t* fours = &x.fours[size_t(block) * WIDTH * m.inputs / 2];
  const size_t place = size_t(block) * WIDTH * groups;
  Floats total[W];
  for (int t = 0; t < W; t++) total[t] = m.bias ? load<Floats>(m.bias + tile * LANES) : Floats{};
  for (int g = 0; g < groups; g++) {
    Ints upper[W] = {}, lower[W];
    for (int t = 0; t < W; t++) lower[t] = Ints{} + x.starts[place + g * W + t];
    for (int i = 0; i < GROUP / 4; i++, weights += 64, fours += 2 * W) {
      __builtin_prefetch(weights + 4096);
      for (int t = 0; t < W; t++) {
        upper[t] = dot(upper[t], load<Bytes>(weights), fours[t]);
        lower[t] = dot(lower[t], load<Bytes>(weights), fours[W + t]);
      } }
    const Floats scale = widen(scales + g * LANES);
    for (int t = 0; t < W; t++)
      total[t] += __builtin_convertvector((upper[t] << 8) + lower[t], Floats) * (scale * x.scales[place + g * W + t]);
  }
  for (int t = 0; t < W; t++) out[t] = total[t];
}

inline void product(const Matrix& m, int tile, const Packed& x, int block, Floats* out) {
  switch (x.width(block)) {
    case 1: return product<1>(m, tile, x, block, out);
    case 2: return product<2>(m, tile, x, block, out);
    case 4: return product<4>(m, tile, x, block, out);
    default: return product<WIDTH>(m, tile, x, block, out);
  }
}

struct Token { int request, position; };
struct Span { int first, count; };  // tokens of one request that attend together

struct Step {
  const Model& model;
  const Batch& batch;
  std::vector<Token> tokens;
  std::vector<Span> spans;
  std::vector<int> last;             // tokens whose scores are wanted
  std::vector<float> x, qkv;         // [tokens][hidden], [tokens][heads and twice kv_heads][head_dim]
  Packed normed, attended, gated;

  int qkv_size() const { return (model.heads + 2 * model.kv_heads) * model.head_dim; }

  Step(const Model& m, const Batch& b) : model(m), batch(b) {
    for (int r = 0; r < b.requests; r++) {
      for (int i = 0; i < b.counts[r]; i += QUERIES)
        spans.push_back({int(tokens.size()) + i, std::min(QUERIES, b.counts[r] - i)});
      for (int i = 0; i < b.counts[r]; i++) tokens.push_back({r, b.past[r] + i});
      if (b.wanted[r]) last.push_back(int(tokens.size()) - 1);
    }
    const int count = int(tokens.size());
    x.resize(size_t(count) * m.hidden);
    qkv.resize(size_t(count) * qkv_size());
    normed.shape(m.hidden, count);
    attended.shape(m.heads * m.head_dim, count);
    gated.shape(m.intermediate, count);
  }

  // The functions below are called by all threads at once and share their loops; each ends when all are done.

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

  // Turn queries and keys by their positions; write keys and values into their pages.
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

  template <int D>
  struct Query {      // one head of one token, while it goes over the pages
    int32_t q[D / 2];  // pairs of bfloat16
    int visible;      // tokens it may see
    float most = -INFINITY;
    Floats scores[2];
    Floats total{}, out[D / LANES] = {};  // lanes of the total are added at the end

    // Take 32 more scores: returns their weights as pairs of bfloat16.
    void weigh(int seen, int32_t* pairs) {
      Floats first = scores[0], second = scores[1];
      const Ints lanes{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
      first = lanes < seen ? first : Floats{} - INFINITY;
      second = lanes + LANES < seen ? second : Floats{} - INFINITY;
      const float larger_most = std::max(most, largest_of(larger(first, second)));
      const float shrink = most == larger_most ? 1 : std::exp(most - larger_most);
      const Ints w0 = narrow(exp_of(first - larger_most)), w1 = narrow(exp_of(second - larger_most));
      const Halves halves[] = {__builtin_convertvector(w0, Halves), __builtin_convertvector(w1, Halves)};
      std::memcpy(pairs, halves, sizeof halves);
      most = larger_most;
      total = total * shrink + (Floats)(w0 << 16) + (Floats)(w1 << 16);
      for (Floats& o : out) o *= shrink;
    }
  };

  template <int D, int R>
  void attend_page(Query<D>* queries, const uint16_t* keys, const uint16_t* values, int begin) {
    Floats scores[R][2] = {};
    for (int d = 0; d < D / 2; d++, keys += 2 * PAGE) {
      const Ints k0 = load<Ints>(keys), k1 = load<Ints>(keys + 2 * LANES);
      for (int r = 0; r < R; r++) {
        scores[r][0] = dot(scores[r][0], k0, queries[r].q[d]);
        scores[r][1] = dot(scores[r][1], k1, queries[r].q[d]);
      }
    }
    int32_t weights[R][PAGE / 2];
    for (int r = 0; r < R; r++) queries[r].scores[0] = scores[r][0], queries[r].scores[1] = scores[r][1];
    for (int r = 0; r < R; r++) queries[r].weigh(queries[r].visible - begin, weights[r]);
    Floats out[R][D / LANES];
    for (int r = 0; r < R; r++)
      for (int i = 0; i < D / LANES; i++) out[r][i] = queries[r].out[i];
    const int end = std::min(PAGE, queries[R - 1].visible - begin);  // the last one sees most
    for (int j = 0; j < end; j += 2, values += 2 * D)
      for (int i = 0; i < D / LANES; i++) {
        Ints v = load<Ints>(values + 2 * i * LANES);
        if (j + 1 == end) v &= 0xffff;  // nobody has written the other half yet
        for (int r = 0; r < R; r++) out[r][i] = dot(out[r][i], v, weights[r][j / 2]);
      }
    for (int r = 0; r < R; r++)
      for (int i = 0; i < D / LANES; i++) queries[r].out[i] = out[r][i];
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
        remember();
        attend_all();
        multiply(layer.out, attended, x.data(), true);
        norm_all(layer.mlp_norm);
        gate();
        multiply(layer.down, gated, x.data(), true);
      }
#pragma omp single
      normed.shape(model.hidden, int(last.size()));
#pragma omp for
      for (int i = 0; i < int(last.size()); i++) norm(last[i], model.final_norm, i);
      multiply(model.head, normed, batch.scores, false);
    }
  }
};

}  // namespace

extern "C" void glados_step(const Model* model, const Batch* batch) { Step(*model, *batch).run(); }
