/* Winograd's transforms of one line, as formulas over its points: 0, pairs +p and -p, infinity.
 *
 * With N_p(x) the product of (x - q^2) over the other pairs and M(x) over all of them, the
 * polynomials whose coefficients are the rows of B' are  M(x^2),  x (x +- p) N_p(x^2)  and
 * x M(x^2);  A and G have the powers of the points, G divided by the values at the points of the
 * polynomials. Rows of +p and -p share their even and odd parts. Everything is known when it is
 * compiled: `points` and sizes are constants, loops are unrolled, factors of 1 vanish.
 *
 * A line of one point is one that the filter does not reach along: nothing is done. */
#ifndef FOVEA_TENSOR_KERNELS_CONV_WINOGRAD_LINES_IMPL_H
#define FOVEA_TENSOR_KERNELS_CONV_WINOGRAD_LINES_IMPL_H

#define WINOGRAD_INLINE static inline __attribute__((always_inline))
#define WINOGRAD_UNROLL _Pragma("GCC unroll 8")

enum { MOST_PAIRS = 3, MOST_POINTS = 2 + 2 * MOST_PAIRS };

/* By the number of pairs. */
static const float pair_n[MOST_PAIRS + 1][MOST_PAIRS][MOST_PAIRS] = {
    {{0}},
    {{1}},
    {{-4, 1}, {-1, 1}},
    {{1, -4.25F, 1}, {0.25F, -1.25F, 1}, {4, -5, 1}},
};
static const float pair_m[MOST_PAIRS + 1][MOST_PAIRS + 1] = {
    {1}, {-1, 1}, {4, -5, 1}, {-1, 5.25F, -5.25F, 1}};
/* 1 / M(0), and for each pair 1 / (2 p^2 N_p(p^2)) */
static const float pair_g0[MOST_PAIRS + 1] = {1, -1, 1 / 4.F, -1};
static const float pair_g[MOST_PAIRS + 1][MOST_PAIRS] = {
    {0}, {1 / 2.F}, {-1 / 6.F, 1 / 24.F}, {-1 / 4.5F, 1 / 90.F, 32 / 45.F}};
/* Powers of p, by pair. */
static const float pair_p[MOST_PAIRS][MOST_POINTS] = {
    {1, 1, 1, 1, 1, 1, 1, 1},
    {1, 2, 4, 8, 16, 32, 64, 128},
    {1, 1 / 2.F, 1 / 4.F, 1 / 8.F, 1 / 16.F, 1 / 32.F, 1 / 64.F, 1 / 128.F}};

/* B': points -> points */
WINOGRAD_INLINE void line_b(const int points, const fv_vf *d, fv_vf *o)
{
    const int pairs = (points - 2) / 2;
    if (points == 1) {
        o[0] = d[0];
        return;
    }
    o[0] = pair_m[pairs][0] * d[0];
    o[points - 1] = pair_m[pairs][0] * d[1];
    WINOGRAD_UNROLL
    for (int j = 1; j <= pairs; j++) {
        o[0] += pair_m[pairs][j] * d[2 * j];
        o[points - 1] += pair_m[pairs][j] * d[2 * j + 1];
    }
    WINOGRAD_UNROLL
    for (int k = 0; k < pairs; k++) {
        fv_vf even = pair_n[pairs][k][0] * d[2], odd = pair_n[pairs][k][0] * d[1];
        WINOGRAD_UNROLL
        for (int j = 1; j < pairs; j++) {
            even += pair_n[pairs][k][j] * d[2 * j + 2];
            odd += pair_n[pairs][k][j] * d[2 * j + 1];
        }
        o[2 * k + 1] = even + pair_p[k][1] * odd;
        o[2 * k + 2] = even - pair_p[k][1] * odd;
    }
}

/* Powers of the points times n numbers: A (with scaled false) and G (true); n -> points */
WINOGRAD_INLINE void line_powers(const int points, const int n, const bool scaled, const fv_vf *d,
                                 fv_vf *o)
{
    const int pairs = (points - 2) / 2;
    if (points == 1) {
        o[0] = d[0];
        return;
    }
    o[0] = (scaled ? pair_g0[pairs] : 1) * d[0];
    o[points - 1] = d[n - 1];
    WINOGRAD_UNROLL
    for (int k = 0; k < pairs; k++) {
        const float g = scaled ? pair_g[pairs][k] : 1;
        fv_vf even = g * d[0], odd = (g * pair_p[k][1]) * d[1];
        WINOGRAD_UNROLL
        for (int i = 2; i < n; i += 2) even += (g * pair_p[k][i]) * d[i];
        WINOGRAD_UNROLL
        for (int i = 3; i < n; i += 2) odd += (g * pair_p[k][i]) * d[i];
        o[2 * k + 1] = even + odd;
        o[2 * k + 2] = even - odd;
    }
}

/* Its adjoint: A' and G'; points -> n */
WINOGRAD_INLINE void line_sums(const int points, const int n, const bool scaled, const fv_vf *d,
                               fv_vf *o)
{
    const int pairs = (points - 2) / 2;
    if (points == 1) {
        o[0] = d[0];
        return;
    }
    WINOGRAD_UNROLL
    for (int i = 0; i < n; i++) {
        fv_vf sum = (scaled ? pair_g[pairs][0] : 1) * (i % 2 ? d[1] - d[2] : d[1] + d[2]);
        WINOGRAD_UNROLL
        for (int k = 1; k < pairs; k++) {
            const float factor = (scaled ? pair_g[pairs][k] : 1) * pair_p[k][i];
            const fv_vf a = d[2 * k + 1], b = d[2 * k + 2];
            sum += factor * (i % 2 ? a - b : a + b);
        }
        if (i == 0) sum += (scaled ? pair_g0[pairs] : 1) * d[0];
        if (i == n - 1) sum += d[points - 1];
        o[i] = sum;
    }
}

#endif
