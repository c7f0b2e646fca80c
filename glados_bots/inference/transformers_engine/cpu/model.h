// The data that packing.py and runner.py pass to the step. Their ctypes structures mirror these.

#pragma once

#include <cstdint>

extern "C" {

struct Matrix {              // outputs x inputs
  const uint8_t* weights;    // [outputs / 16][inputs / 4][16][4], 128 added
  const uint16_t* scales;    // [outputs / 16][inputs / 32][16], bfloat16
  const float* bias;         // [outputs] or null
  int32_t inputs, outputs;   // multiples of 32 and of 16
};

struct LowRank {             // what a LoRA adds to a matrix: B A x
  const float* a;            // [rank][inputs]
  const float* b;            // [rank][outputs]
  int32_t rank;              // 0: nothing
};

struct Layer {
  const float *attention_norm, *mlp_norm;  // [hidden]
  Matrix qkv, out, gate_up, down;          // gate and up alternate, 16 rows each
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
  const int32_t* past;          // cached tokens of each request
  const int32_t* pages;         // page numbers of all requests, one after the other
  const int32_t* first_page;    // where each request's page numbers begin
  const int32_t* wanted;        // how many of its last new tokens each request needs scores after
  uint8_t* cache;               // block b of layer l begins at b * block_bytes + l * block_bytes / layers
  int64_t block_bytes;
  float* scores;                // [sum of `wanted`][head.outputs]
  const int32_t* slots;         // the LoRA of each request, or 0
  const LowRank* loras;         // [slots][4 for each layer (qkv, out, gate_up, down), then head]; null if no request has one
  int32_t most_rank;            // of all `loras`
};

}  // extern "C"
