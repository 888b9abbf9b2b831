/* float16 and bfloat16 as bits: conversion by integer arithmetic, without the compiler's or the
 * processor's help, and without branches, so that loops become vectors.
 *
 *     float16   sign 1, exponent 5 (bias 15), fraction 10; subnormals in steps of 2^-24
 *     bfloat16  the upper half of a float32
 *
 * Every conversion rounds once, to nearest and to even on a tie. What is too large becomes
 * infinity, NaN stays NaN (quiet, with the upper bits of its payload). */
#ifndef FOVEA_TENSOR_KERNELS_HALF_H
#define FOVEA_TENSOR_KERNELS_HALF_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static inline uint32_t fv_bits_of_f32(float v)
{
    uint32_t bits;
    memcpy(&bits, &v, sizeof bits);
    return bits;
}

static inline float fv_f32_of_bits(uint32_t bits)
{
    float v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

/* Exact; a NaN keeps all its bits. */
static inline float fv_f16_to_f32(uint16_t h)
{
    uint32_t sign = (uint32_t)(h & 0x8000u) << 16, exponent = h & 0x7c00u;
    uint32_t u = (uint32_t)(h & 0x7fffu) << 13; /* the fraction is at its place */
    uint32_t normal = u + (112u << 23), huge = u | 0x7f800000u;
    /* A subnormal is m·2^-24: put m behind the leading 1 of 2^-14, take that away again. */
    uint32_t tiny = fv_bits_of_f32(fv_f32_of_bits(u + (113u << 23)) - 0x1p-14f);
    uint32_t magnitude = exponent == 0 ? tiny : normal;
    magnitude = exponent == 0x7c00u ? huge : magnitude;
    return fv_f32_of_bits(sign | magnitude);
}

static inline uint16_t fv_f32_to_f16(float v)
{
    uint32_t bits = fv_bits_of_f32(v), sign = bits >> 16 & 0x8000u, u = bits & 0x7fffffffu;
    uint32_t normal = (u - (112u << 23) + 0xfffu + (u >> 13 & 1u)) >> 13;
    /* 0.5 has float16's smallest step as its last bit: the addition rounds to it. */
    uint32_t tiny = fv_bits_of_f32(fv_f32_of_bits(u) + 0.5f) - 0x3f000000u;
    uint32_t nan = 0x7e00u | (u >> 13 & 0x3ffu);
    uint32_t magnitude = u < 0x38800000u ? tiny : normal; /* below 2^-14 */
    magnitude = u >= 0x477ff000u ? 0x7c00u : magnitude;   /* from 65520 on */
    magnitude = u > 0x7f800000u ? nan : magnitude;
    return (uint16_t)(sign | magnitude);
}

/* Exact; a NaN keeps all its bits. */
static inline float fv_bf16_to_f32(uint16_t h)
{
    return fv_f32_of_bits((uint32_t)h << 16);
}

static inline uint16_t fv_f32_to_bf16(float v)
{
    uint32_t bits = fv_bits_of_f32(v);
    uint32_t rounded = (bits + 0x7fffu + (bits >> 16 & 1u)) >> 16, nan = bits >> 16 | 0x40u;
    return (uint16_t)((bits & 0x7fffffffu) > 0x7f800000u ? nan : rounded);
}

/* v rounded to odd: when v is no float32, the neighbour whose last bit is 1. A narrower type then
 * rounds as if it had seen v itself, since float32 has two bits more than it at least. */
static inline float fv_f64_to_odd_f32(double v)
{
    float nearest = (float)v;
    double back = (double)nearest;
    uint32_t bits = fv_bits_of_f32(nearest);
    uint32_t step = fabs(back) > fabs(v) ? UINT32_MAX : 1u; /* towards v */
    bool moves = (back < v || back > v) && (bits & 1u) == 0;
    return fv_f32_of_bits(moves ? bits + step : bits);
}

static inline uint16_t fv_f64_to_f16(double v)
{
    return fv_f32_to_f16(fv_f64_to_odd_f32(v));
}

static inline uint16_t fv_f64_to_bf16(double v)
{
    return fv_f32_to_bf16(fv_f64_to_odd_f32(v));
}

/* An integer as a double, rounded to odd. */
static inline double fv_i64_to_odd_f64(int64_t v)
{
    bool large = v < -((int64_t)1 << 53) || v > (int64_t)1 << 53;
    int64_t odd = (v & ~(int64_t)1023) | (v & 1023 ? 1024 : 0);
    return (double)(large ? odd : v);
}

static inline uint16_t fv_i64_to_bf16(int64_t v)
{
    return fv_f64_to_bf16(fv_i64_to_odd_f64(v));
}

#endif
