// Sixteen numbers at a time, in GCC's vector types: the same source works for every processor that GCC supports. Only the
// two dot products have special versions, for processors with instructions for them (AVX512-VNNI, AVX512-BF16).

#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#if defined(__AVX512VNNI__) || defined(__AVX512BF16__)
#include <immintrin.h>
#endif

namespace {

constexpr int LANES = 16;

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

// e^x: 2^n times a polynomial on [-0.5, 0.5] (relative error 2e-7); 0 below -87, e^88 above 88.
inline Floats exp_of(Floats x) {
  const Ints small = x < -87.0f;
  x = small ? Floats{} - 87.0f : x > 88.0f ? Floats{} + 88.0f : x;
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

}  // namespace
