/* The columns of `columns.rs` in C. Compiled three times when the benchmark starts: with `-O3 -march=native`, with `-ffp-contract=off` too, and with `-ffast-math`,
   where glibc's libmvec does the elementary functions. */
#include <immintrin.h>
#include <math.h>
#include <stdint.h>

#define COLUMN const double *restrict

void c1(int64_t n, COLUMN a, COLUMN b, COLUMN c, double *restrict out) {
    for (int64_t i = 0; i < n; i++) out[i] = a[i]*b[i] + c[i];
}

void c2(int64_t n, COLUMN x, COLUMN y, COLUMN z, double *restrict out) {
    for (int64_t i = 0; i < n; i++) out[i] = sqrt(x[i]*x[i] + y[i]*y[i] + z[i]*z[i]);
}

void c3(int64_t n, COLUMN x, COLUMN y, COLUMN z, double *restrict out) {
    for (int64_t i = 0; i < n; i++) out[i] = sin(x[i])*exp(-(y[i]*y[i])) + log(1 + z[i]*z[i]);
}

void c4(int64_t n, COLUMN x, COLUMN y, COLUMN z, double *restrict out) {
    for (int64_t i = 0; i < n; i++) out[i] = x[i] > 0.5 ? x[i]*y[i] : z[i] - x[i];
}

void c5(int64_t n, COLUMN xs, double *restrict out) {
    for (int64_t i = 0; i < n; i++) {
        double x = xs[i];
        out[i] = (((((((((((((((((((0.21*x + 0.2)*x - 0.19)*x + 0.18)*x - 0.17)*x + 0.16)*x - 0.15)*x + 0.14)*x - 0.13)*x + 0.12)*x
            - 0.11)*x + 0.1)*x - 0.09)*x + 0.08)*x - 0.07)*x + 0.06)*x - 0.05)*x + 0.04)*x - 0.03)*x + 0.02)*x - 0.01;
    }
}

void c6(int64_t n, COLUMN cx, COLUMN cy, int64_t *restrict out) {
    for (int64_t i = 0; i < n; i++) {
        double x = 0, y = 0;
        int64_t count = 0;
        while (count < 256 && x*x + y*y <= 4.0) {
            double next = x*x - y*y + cx[i];
            y = 2.0*x*y + cy[i];
            x = next;
            count++;
        }
        out[i] = count;
    }
}

static double cdf(double x) {
    double z = fabs(x) / sqrt(2), t = 1 / (1 + 0.3275911 * z);
    double e = 1 - ((((1.061405429*t - 1.453152027)*t + 1.421413741)*t - 0.284496736)*t + 0.254829592) * t * exp(-z*z);
    return x < 0 ? 0.5 * (1 - e) : 0.5 * (1 + e);
}

void c7(int64_t n, COLUMN s, COLUMN k, COLUMN r, COLUMN sigma, COLUMN t, double *restrict out) {
    for (int64_t i = 0; i < n; i++) {
        double d1 = (log(s[i] / k[i]) + (r[i] + sigma[i]*sigma[i]/2)*t[i]) / (sigma[i]*sqrt(t[i]));
        double d2 = d1 - sigma[i]*sqrt(t[i]);
        out[i] = s[i]*cdf(d1) - k[i]*exp(-r[i]*t[i])*cdf(d2);
    }
}

/* c6 by hand: a vector of points at a time until all have escaped. */
#if defined(__AVX512F__)
void c6_by_hand(int64_t n, COLUMN cx, COLUMN cy, int64_t *restrict out) {
    const __m512d four = _mm512_set1_pd(4.0);
    const __m512i one = _mm512_set1_epi64(1);
    for (int64_t i = 0; i < n; i += 8) {
        __mmask8 lanes = n - i >= 8 ? 0xFF : (1 << (n - i)) - 1;
        __m512d a = _mm512_maskz_loadu_pd(lanes, cx + i), b = _mm512_maskz_loadu_pd(lanes, cy + i);
        __m512d x = _mm512_setzero_pd(), y = x;
        __m512i count = _mm512_setzero_si512();
        for (int step = 0; step < 256; step++) {
            __m512d xx = _mm512_mul_pd(x, x), yy = _mm512_mul_pd(y, y);
            lanes = _mm512_mask_cmp_pd_mask(lanes, _mm512_add_pd(xx, yy), four, _CMP_LE_OQ);
            if (!lanes) break;
            count = _mm512_mask_add_epi64(count, lanes, count, one);
            y = _mm512_add_pd(_mm512_mul_pd(_mm512_add_pd(x, x), y), b);
            x = _mm512_add_pd(_mm512_sub_pd(xx, yy), a);
        }
        _mm512_mask_storeu_epi64(out + i, n - i >= 8 ? 0xFF : (1 << (n - i)) - 1, count);
    }
}
#elif defined(__AVX2__)
void c6_by_hand(int64_t n, COLUMN cx, COLUMN cy, int64_t *restrict out) {
    const __m256d four = _mm256_set1_pd(4.0);
    int64_t i = 0;
    for (; i + 4 <= n; i += 4) {
        __m256d a = _mm256_loadu_pd(cx + i), b = _mm256_loadu_pd(cy + i), x = _mm256_setzero_pd(), y = x;
        __m256i count = _mm256_setzero_si256(), lanes = _mm256_set1_epi64x(-1);
        for (int step = 0; step < 256; step++) {
            __m256d xx = _mm256_mul_pd(x, x), yy = _mm256_mul_pd(y, y);
            __m256d inside = _mm256_cmp_pd(_mm256_add_pd(xx, yy), four, _CMP_LE_OQ);
            lanes = _mm256_and_si256(lanes, _mm256_castpd_si256(inside));
            if (_mm256_testz_si256(lanes, lanes)) break;
            count = _mm256_sub_epi64(count, lanes);
            y = _mm256_add_pd(_mm256_mul_pd(_mm256_add_pd(x, x), y), b);
            x = _mm256_add_pd(_mm256_sub_pd(xx, yy), a);
        }
        _mm256_storeu_si256((__m256i *)(out + i), count);
    }
    c6(n - i, cx + i, cy + i, out + i);
}
#else
void c6_by_hand(int64_t n, COLUMN cx, COLUMN cy, int64_t *restrict out) { c6(n, cx, cy, out); }
#endif
