/* The workloads in C, compiled by `gcc -O3 -march=native` when a benchmark starts. */
#include <math.h>
#include <stdint.h>

double s1(double x, double y) { return x*x + y*y; }

double s2(double x) {
    return ((((((((0.1*x + 0.2)*x - 0.3)*x + 0.4)*x - 0.5)*x + 0.6)*x - 0.7)*x + 0.8)*x - 0.9)*x + 1.0;
}

static double cdf(double x) {
    double z = fabs(x) / sqrt(2), t = 1 / (1 + 0.3275911 * z);
    double e = 1 - ((((1.061405429*t - 1.453152027)*t + 1.421413741)*t - 0.284496736)*t + 0.254829592) * t * exp(-z*z);
    return x < 0 ? 0.5 * (1 - e) : 0.5 * (1 + e);
}

double s3(double s, double k, double r, double sigma, double t) {
    double d1 = (log(s / k) + (r + sigma*sigma/2)*t) / (sigma*sqrt(t));
    double d2 = d1 - sigma*sqrt(t);
    return s*cdf(d1) - k*exp(-r*t)*cdf(d2);
}

double s4(double a, double b, double c) { return (a > 0.5 && b < 10) || c == 3 ? a*2 + b : c - a; }

int64_t l1(int64_t n) {
    int64_t total = 0;
    for (int64_t row = 0; row < n; row++)
        for (int64_t column = 0; column < n; column++) {
            double cx = -2.0 + 3.0 * column / n, cy = -1.5 + 3.0 * row / n, x = 0, y = 0;
            int64_t count = 0;
            while (count < 256 && x*x + y*y <= 4.0) {
                double next = x*x - y*y + cx;
                y = 2.0*x*y + cy;
                x = next;
                count++;
            }
            total += count;
        }
    return total;
}

double l2(const double *xs, int64_t len) {
    double total = 0;
    for (int64_t i = 0; i < len; i++) total += xs[i]*xs[i];
    return total;
}

int64_t l3(int64_t n) { return n < 2 ? n : l3(n - 1) + l3(n - 2); }

int64_t l4(uint8_t *composite, int64_t len) {
    int64_t count = 0;
    for (int64_t n = 2; n < len; n++)
        if (!composite[n]) {
            count++;
            for (int64_t multiple = n * n; multiple < len; multiple += n) composite[multiple] = 1;
        }
    return count;
}

int64_t l5(int64_t below) {
    int64_t best = 0, best_start = 0;
    for (int64_t start = 1; start < below; start++) {
        int64_t n = start, steps = 0;
        while (n != 1) {
            n = n % 2 == 0 ? n / 2 : 3*n + 1;
            steps++;
        }
        if (steps > best) best = steps, best_start = start;
    }
    return best_start;
}
