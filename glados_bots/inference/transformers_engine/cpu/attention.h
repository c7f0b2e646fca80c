// Attention over one page of the cache, with a running softmax from page to page.
//
// Products are computed in bfloat16, two at a time; sums are float32. Inside a page we store values in pairs:
//     keys   [kv head][head dim / 2][token][2]   so that two terms of 16 scores come from one load
//     values [kv head][token / 2][head dim][2]

#pragma once

#include <cmath>

#include "vectors.h"

namespace {

constexpr int PAGE = 32;  // tokens

template <int D>
struct Query {             // one head of one token, on its way over the pages
  int32_t q[D / 2];        // pairs of bfloat16
  int visible;             // tokens it may see
  float most = -INFINITY;  // of its scores so far
  Floats scores[2];        // of the page
  Floats total{};          // of the weights; its lanes are added at the end
  Floats out[D / LANES] = {};

  // Convert the scores of a page to weights, in pairs of bfloat16, for the tokens that are visible.
  void weigh(int seen, int32_t* pairs) {
    Floats first = scores[0], second = scores[1];
    const Ints lanes{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    first = lanes < seen ? first : Floats{} - INFINITY;
    second = lanes + LANES < seen ? second : Floats{} - INFINITY;
    const float top = std::max(most, largest_of(larger(first, second)));
    const float shrink = most == top ? 1 : std::exp(most - top);
    const Ints w0 = narrow(exp_of(first - top)), w1 = narrow(exp_of(second - top));
    const Halves halves[] = {__builtin_convertvector(w0, Halves), __builtin_convertvector(w1, Halves)};
    std::memcpy(pairs, halves, sizeof halves);
    most = top;
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
  // Separate loops for reading and writing the queries: otherwise the compiler keeps the sums in memory.
  int32_t weights[R][PAGE / 2];
  for (int r = 0; r < R; r++) queries[r].scores[0] = scores[r][0], queries[r].scores[1] = scores[r][1];
  for (int r = 0; r < R; r++) queries[r].weigh(queries[r].visible - begin, weights[r]);
  Floats out[R][D / LANES];
  for (int r = 0; r < R; r++)
    for (int i = 0; i < D / LANES; i++) out[r][i] = queries[r].out[i];
  const int end = std::min(PAGE, queries[R - 1].visible - begin);  // the last query sees most
  for (int j = 0; j < end; j += 2, values += 2 * D)
    for (int i = 0; i < D / LANES; i++) {
      Ints v = load<Ints>(values + 2 * i * LANES);
      if (j + 1 == end) v &= 0xffff;  // the other half is not written yet
      for (int r = 0; r < R; r++) out[r][i] = dot(out[r][i], v, weights[r][j / 2]);
    }
  for (int r = 0; r < R; r++)
    for (int i = 0; i < D / LANES; i++) queries[r].out[i] = out[r][i];
}

}  // namespace
