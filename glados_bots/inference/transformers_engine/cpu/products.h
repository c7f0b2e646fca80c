// Products of 8-bit weights and 16-bit activations.
//
// Weights have one scale per group of 32. Just before each product, activations are quantised to 16 bits in the same
// groups and split into two 8-bit halves, so that the processor's 8-bit dot products do the work. Activations of 8 bits
// would have three times the error of the weights.

#pragma once

#include <vector>

#include "model.h"
#include "vectors.h"

namespace {

constexpr int GROUP = 32, WIDTH = 8;
constexpr float LIMIT = 32512;  // 127 * 256: the upper half stays within 8 bits

// Rows of 16-bit activations, in blocks of up to WIDTH rows that are multiplied together.
struct Packed {
  int inputs = 0, rows = 0;
  std::vector<int32_t> fours;   // [block][inputs / 4][2][width]: the upper and the lower halves of four values each
  std::vector<float> scales;    // [block][inputs / GROUP][width]
  std::vector<int32_t> starts;  // same shape: subtracts what the 128 in the weights adds

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

  void get(int row, int group, float* values) const {  // what `set` has rounded
    const int block = row / WIDTH, w = width(block), column = row % WIDTH;
    const int32_t* from = &fours[size_t(block) * WIDTH * inputs / 2 + size_t(group) * GROUP / 2 * w + column];
    const float scale = scales[size_t(block) * WIDTH * inputs / GROUP + size_t(group) * w + column];
    for (int i = 0; i < GROUP / 4; i++)
      for (int j = 0; j < 4; j++) {
        const auto upper = int8_t(from[2 * i * w] >> (8 * j)), lower = int8_t(from[(2 * i + 1) * w] >> (8 * j));
        values[4 * i + j] = float(upper * 256 + lower) * scale;
      }
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

}  // namespace
