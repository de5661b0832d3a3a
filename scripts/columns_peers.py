#!/usr/bin/env python3
"""The formulas of `cargo bench --bench columns` by numpy, numexpr and numba, as far as they are installed: ns a row, the least of many rounds.

Columns have the same ranges as there. What is missing is named at the end of the table.
"""

import math
import sys
import time

ROWS = (10_000, 1_000_000)
SECONDS = 0.4

try:
    import numpy as np
except ImportError:
    sys.exit("numpy is not installed: there is nothing to compare")
missing = []
try:
    import numexpr
    numexpr.set_num_threads(1)
except ImportError:
    numexpr = None
    missing.append("numexpr")
try:
    import numba
except ImportError:
    numba = None
    missing.append("numba")

HORNER = [0.21, 0.2, -0.19, 0.18, -0.17, 0.16, -0.15, 0.14, -0.13, 0.12, -0.11, 0.1, -0.09, 0.08, -0.07, 0.06, -0.05, 0.04, -0.03, 0.02, -0.01]


def horner(x):
    total = HORNER[0] * x + HORNER[1]
    for coefficient in HORNER[2:]:
        total = total * x + coefficient
    return total


def mandelbrot(cx, cy):
    x, y = np.zeros_like(cx), np.zeros_like(cx)
    count = np.zeros(cx.shape, np.int64)
    inside = np.arange(len(cx))
    for _ in range(256):
        inside = inside[x[inside] ** 2 + y[inside] ** 2 <= 4.0]
        if not len(inside):
            break
        a, b = x[inside], y[inside]
        x[inside], y[inside] = a * a - b * b + cx[inside], 2.0 * a * b + cy[inside]
        count[inside] += 1
    return count


def cdf(x):
    z = np.abs(x) / math.sqrt(2)
    t = 1 / (1 + 0.3275911 * z)
    erf = 1 - ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t * np.exp(-z * z)
    return np.where(x < 0, 0.5 * (1 - erf), 0.5 * (1 + erf))


def option(s, k, r, sigma, t):
    d1 = (np.log(s / k) + (r + sigma * sigma / 2) * t) / (sigma * np.sqrt(t))
    d2 = d1 - sigma * np.sqrt(t)
    return s * cdf(d1) - k * np.exp(-r * t) * cdf(d2)


# Name, columns with their ranges, by numpy, the text for numexpr.
FORMULAS = [
    ("C1", {"a": (-1, 1), "b": (-1, 1), "c": (-1, 1)}, lambda a, b, c: a * b + c, "a*b + c"),
    ("C2", {"x": (-1, 1), "y": (-1, 1), "z": (-1, 1)}, lambda x, y, z: np.sqrt(x * x + y * y + z * z), "sqrt(x*x + y*y + z*z)"),
    ("C3", {"x": (-3, 3), "y": (-2, 2), "z": (-5, 5)}, lambda x, y, z: np.sin(x) * np.exp(-(y * y)) + np.log(1 + z * z),
     "sin(x)*exp(-(y*y)) + log(1 + z*z)"),
    ("C4", {"x": (0, 1), "y": (-1, 1), "z": (-1, 1)}, lambda x, y, z: np.where(x > 0.5, x * y, z - x), "where(x > 0.5, x*y, z - x)"),
    ("C5", {"x": (-1, 1)}, horner, None),
    ("C6", {"cx": None, "cy": None}, mandelbrot, None),
    ("C7", {"s": (80, 120), "k": (80, 120), "r": (0.01, 0.05), "sigma": (0.1, 0.4), "t": (0.2, 2)}, option, None),
]


def rows_by_numba():
    """The same row by row."""
    fast = numba.njit(error_model="numpy")
    sqrt2 = math.sqrt(2)

    @fast
    def c1(a, b, c, out):
        for i in range(len(a)):
            out[i] = a[i] * b[i] + c[i]

    @fast
    def c2(x, y, z, out):
        for i in range(len(x)):
            out[i] = math.sqrt(x[i] * x[i] + y[i] * y[i] + z[i] * z[i])

    @fast
    def c3(x, y, z, out):
        for i in range(len(x)):
            out[i] = math.sin(x[i]) * math.exp(-(y[i] * y[i])) + math.log(1 + z[i] * z[i])

    @fast
    def c4(x, y, z, out):
        for i in range(len(x)):
            out[i] = x[i] * y[i] if x[i] > 0.5 else z[i] - x[i]

    coefficients = tuple(HORNER)

    @fast
    def c5(x, out):
        for i in range(len(x)):
            total = coefficients[0]
            for k in range(1, len(coefficients)):
                total = total * x[i] + coefficients[k]
            out[i] = total

    @fast
    def c6(cx, cy, out):
        for i in range(len(cx)):
            x, y, count = 0.0, 0.0, 0
            while count < 256 and x * x + y * y <= 4.0:
                x, y = x * x - y * y + cx[i], 2.0 * x * y + cy[i]
                count += 1
            out[i] = count

    @fast
    def one_cdf(x):
        z = abs(x) / sqrt2
        t = 1 / (1 + 0.3275911 * z)
        erf = 1 - ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t * math.exp(-z * z)
        return 0.5 * (1 - erf) if x < 0 else 0.5 * (1 + erf)

    @fast
    def c7(s, k, r, sigma, t, out):
        for i in range(len(s)):
            d1 = (math.log(s[i] / k[i]) + (r[i] + sigma[i] * sigma[i] / 2) * t[i]) / (sigma[i] * math.sqrt(t[i]))
            d2 = d1 - sigma[i] * math.sqrt(t[i])
            out[i] = s[i] * one_cdf(d1) - k[i] * math.exp(-r[i] * t[i]) * one_cdf(d2)

    return {"C1": c1, "C2": c2, "C3": c3, "C4": c4, "C5": c5, "C6": c6, "C7": c7}


def columns_of(ranges, rows):
    if None in ranges.values():
        side = math.isqrt(rows)
        row = np.arange(rows)
        return {"cx": -2 + 3 * (row % side) / side, "cy": -1.5 + 3 * (row // side) / side}
    random = np.random.default_rng(1)
    return {name: random.uniform(*ends, rows) for name, ends in ranges.items()}


def least(run):
    """Seconds of the fastest run; the first, in which something may be compiled, does not count."""
    run()
    best, until = math.inf, time.perf_counter() + SECONDS
    while True:
        start = time.perf_counter()
        run()
        end = time.perf_counter()
        best = min(best, end - start)
        if end > until:
            return best


def main():
    by_numba = rows_by_numba() if numba else {}
    print(f"| {'workload':<22} | {'by':<22} | {'ns a row':>14} |")
    print(f"| {'-' * 22} | {'-' * 22} | {'-' * 13}: |")
    for rows in ROWS:
        for name, ranges, by_numpy, text in FORMULAS:
            columns = columns_of(ranges, rows)
            values = list(columns.values())
            if name == "C5" and numexpr:
                text = "(" * 19 + f"{HORNER[0]}*x + {HORNER[1]}" + "".join(f")*x + ({c})" for c in HORNER[2:])
            out = np.zeros(rows, np.int64 if name == "C6" else np.float64)
            runs = [("numpy", lambda: by_numpy(*values))]
            if numexpr and text:
                runs.append(("numexpr", lambda: numexpr.evaluate(text, local_dict=columns, out=out)))
            if name in by_numba:
                runs.append(("numba", lambda: by_numba[name](*values, out)))
            title = f"{name}, 10^{len(str(rows)) - 1} rows"
            for by, run in runs:
                print(f"| {title:<22} | {by:<22} | {least(run) / rows * 1e9:>14.3f} |", flush=True)
    if missing:
        print(f"\nNot installed, so left out: {', '.join(missing)}.")


if __name__ == "__main__":
    main()
