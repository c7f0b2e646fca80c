// What LoRAs add to the products of their own rows, in float32. Rows without a LoRA stay as they are, to the bit.

#pragma once

#include <algorithm>
#include <vector>

#include "model.h"
#include "products.h"
#include "vectors.h"

namespace {

constexpr float MOST_ADDED = 65504;  // as in multi_lora.py: no LoRA can make sums infinite

struct LoraRows {
  std::vector<int> rows;   // the LoRA of each row, or 0
  std::vector<float> low;  // [row][most_rank]: A x
  const LowRank* table = nullptr;
  int matrices = 0, most_rank = 0;

  void shape(const Batch& batch, int of_each) {
    table = batch.loras, matrices = of_each, most_rank = batch.most_rank;
    if (table) low.resize(rows.size() * most_rank);
  }
  void keep(const std::vector<int>& kept) {  // only these rows remain, in this order
    std::vector<int> left;
    for (const int row : kept) left.push_back(rows[row]);
    rows = left;
  }
  const LowRank& lora(int row, int matrix) const { return table[size_t(rows[row]) * matrices + matrix]; }

  // All threads call these two together. They return when all are done.

  // low[row] = A x of the row's LoRA
  void reduce(int matrix, const Packed& from) {
    if (!table) return;
#pragma omp for schedule(dynamic)
    for (int row = 0; row < from.rows; row++) {
      if (!rows[row] || !lora(row, matrix).rank) continue;
      const LowRank& l = lora(row, matrix);
      std::vector<float> x(from.inputs);
      for (int group = 0; group < from.inputs / GROUP; group++) from.get(row, group, &x[group * GROUP]);
      for (int r = 0; r < l.rank; r++) {
        Floats total{};
        for (int i = 0; i < from.inputs; i += LANES)
          total += load<Floats>(l.a + size_t(r) * from.inputs + i) * load<Floats>(&x[i]);
        low[size_t(row) * most_rank + r] = sum_of(total);
      }
    }
  }

  // to[row] += B A x
  void add(int matrix, const Packed& from, float* to, int outputs) {
    if (!table) return;
    reduce(matrix, from);
#pragma omp for schedule(dynamic, 4)
    for (int tile = 0; tile < outputs / LANES; tile++)
      for (int row = 0; row < from.rows; row++)
        if (rows[row] && lora(row, matrix).rank) {
          float* place = to + size_t(row) * outputs + tile * LANES;
          store(place, load<Floats>(place) + added(row, matrix, outputs, tile));
        }
  }

  // Sixteen outputs of B A x, of a row that `reduce` has seen.
  Floats added(int row, int matrix, int outputs, int tile) const {
    Floats total{};
    if (!rows[row]) return total;
    const LowRank& l = lora(row, matrix);
    for (int r = 0; r < l.rank; r++)
      total += load<Floats>(l.b + size_t(r) * outputs + tile * LANES) * low[size_t(row) * most_rank + r];
    const Floats most = Floats{} + MOST_ADDED;
    return larger(Floats{} - most, total < most ? total : most);
  }
};

}  // namespace
