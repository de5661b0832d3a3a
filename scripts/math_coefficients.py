#!/usr/bin/env python3
"""The minimax coefficients of trig.rs, inverse_trig.rs and erf.rs, and their tables. Needs mpmath. Run from the root of the repository.

    python3 scripts/math_coefficients.py print    prints coefficients, relative errors, the digits of 2/pi and the arctangents
    python3 scripts/math_coefficients.py tables   rewrites src/math/erf_tables.rs
"""
import math
import sys

from mpmath import asin, atan, cos, erf, erfc, exp, floor, log, lu_solve, matrix, mp, mpf, pi, polyval, sin, sqrt

mp.prec = 250
SMALL = mpf(2) ** -60


def remez(f, weight, a, b, n, rounds=25, grid=400):
    """n coefficients, lowest first, that make the greatest weight * |f - p| on [a, b] least; and that."""
    a, b = mpf(a), mpf(b)
    spread = [(a + b) / 2 - (b - a) / 2 * cos(pi * i / n) for i in range(n + 1)]
    points = [x if weight(x) > mpf(10) ** -6 else a + (b - a) / 100 for x in spread]
    xs = [(a + b) / 2 - (b - a) / 2 * cos(pi * i / grid) for i in range(grid + 1)]
    fs, ws = [f(x) for x in xs], [weight(x) for x in xs]
    for _ in range(rounds):
        system, right = matrix(n + 1, n + 1), matrix(n + 1, 1)
        for i, x in enumerate(points):
            for j in range(n):
                system[i, j] = x**j
            system[i, n] = (-1) ** i / weight(x)
            right[i] = f(x)
        solution = lu_solve(system, right)
        c, level = [solution[j] for j in range(n)], abs(solution[n])
        error = [w * (y - polyval(c[::-1], x)) for x, y, w in zip(xs, fs, ws)]
        # The extremum of each stretch of one sign.
        extrema, stretch = [], []
        for i, e in enumerate(error):
            if stretch and (e > 0) != (error[stretch[-1]] > 0):
                extrema.append(max(stretch, key=lambda k: abs(error[k])))
                stretch = []
            stretch.append(i)
        extrema.append(max(stretch, key=lambda k: abs(error[k])))
        while len(extrema) > n + 1:
            extrema.pop(0 if abs(error[extrema[0]]) < abs(error[extrema[-1]]) else -1)
        greatest = max(map(abs, error))
        if len(extrema) < n + 1 or greatest < level * mpf("1.02"):
            break
        points = [xs[i] for i in extrema]
    return c, greatest


def away_from_zero(f):
    """f(sqrt(z)), z not so small that it loses its digits."""
    return lambda z: f(sqrt(max(z, SMALL)))


def scaled_erfc(w):
    return exp((1 / w - 2) ** 2) * erfc(1 / w - 2) / w


START = [mpf(0.5641895835471531), mpf(1.1283791671986414)]
sine = away_from_zero(lambda r: ((sin(r) / r - 1) / r**2 + mpf(1) / 6) / r**2)
sine_weight = away_from_zero(lambda r: r**5 / sin(r))
POLYNOMIALS = {
    "SIN_WIDE": (sine, sine_weight, 0, (pi / 2) ** 2 * 1.000002, 7),
    "SIN": (sine, sine_weight, 0, (pi / 4) ** 2 * 1.000002, 6),
    "COS": (away_from_zero(lambda r: (cos(r) - 1 + r**2 / 2) / r**4), lambda z: z**2 / cos(sqrt(z)), 0, (pi / 4) ** 2 * 1.000002, 6),
    "ASIN": (away_from_zero(lambda s: (asin(s) / s - 1) / s**2), away_from_zero(lambda s: s**3 / asin(s)), 0, 0.25, 13),
    "ATAN": (away_from_zero(lambda t: (atan(t) / t - 1) / t**2), lambda z: z, 0, (mpf(1) / 32 * 1.0001) ** 2, 4),
    "TAIL": (lambda w: (scaled_erfc(w) - START[0] - START[1] * w) / w**2, lambda w: w**2 / scaled_erfc(w), 1 / mpf("29.3"), 0.25, 16),
}


def parts(v, n):
    out = []
    for _ in range(n):
        out.append(float(v))
        v -= mpf(out[-1])
    return out


def print_all():
    for name, arguments in POLYNOMIALS.items():
        c, error = remez(*arguments)
        print(name, "relative error 2^%.1f" % float(log(error, 2)))
        for x in c:
            print(f"    {float(x)!r},")
    print("MINUS_PI", parts(-pi, 3), "MINUS_HALF_PI", parts(-pi / 2, 3), "SIXTH", parts(mpf(-1) / 6, 2))
    mp.prec = 1500
    digits = int(floor(2 / pi * mpf(2) ** 1344))
    print("TWO_OVER_PI", ["0x%016X" % (digits >> 64 * (20 - i) & 2**64 - 1) for i in range(21)])
    mp.prec = 250
    for base, sign in ((0, 1), (pi / 2, -1), (pi, -1), (pi / 2, 1)):
        print("ATAN_HI, ATAN_LO", [parts(base + sign * atan(mpf(k) / 16), 2) for k in range(17)])


def table(name, doc, values):
    # Clippy knows this one by its name.
    named = {2 / math.sqrt(math.pi): "std::f64::consts::FRAC_2_SQRT_PI"}
    values = [named.get(v, repr(v)) for v in values] + ["0.0"] * (256 - len(values))
    rows = ["    " + " ".join(v + "," for v in values[i:i + 5]) for i in range(0, 256, 5)]
    return "\n".join([f"/// {doc}", "#[rustfmt::skip]", f"pub static {name}: [f64; 256] = [", *rows, "];", ""])


def write_tables():
    points = [mpf(k) / 32 for k in range(193)]
    values = [parts(erf(c), 2) for c in points]
    slopes = [parts(2 / sqrt(pi) * exp(-c * c), 2) for c in points]
    with open("src/math/erf_tables.rs", "w") as out:
        out.write("\n".join([
            "//! The error function at the thirty-seconds up to 6, for `erf` and `erfc`. Places beyond 6 are not used.",
            "//!",
            "//! Written by `scripts/math_coefficients.py`.",
            "",
            table("ERF_HI", "`erf(k / 32)`.", [v[0] for v in values]),
            table("ERF_LO", "What [`ERF_HI`] lacks.", [v[1] for v in values]),
            table("SLOPE_HI", "The derivative there, `2 / sqrt(pi) * exp(-(k / 32)^2)`.", [v[0] for v in slopes]),
            table("SLOPE_LO", "What [`SLOPE_HI`] lacks.", [v[1] for v in slopes]),
        ]))


if __name__ == "__main__":
    {"print": print_all, "tables": write_tables}[sys.argv[1]]()
