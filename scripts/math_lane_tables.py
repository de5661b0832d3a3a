#!/usr/bin/env python3
"""Writes src/math/lane_tables.rs: the tables and polynomials of exp, ln, sin and cos.

Needs mpmath. Run from the root of the repository: python3 scripts/math_lane_tables.py && cargo fmt
The tables have so few entries that a vector register or two hold one, the polynomials a few terms more for it. The polynomials interpolate at
Chebyshev nodes, which is within a small factor of minimax; each fit's error is printed.
"""
import struct
from mpmath import mp, mpf, cos, floor, log, lu_solve, matrix, nint, pi, sin

mp.prec = 400


def f64(v):
    """The nearest binary64, as an mpf."""
    return mpf(float(v))


def pattern(v):
    return struct.unpack("<Q", struct.pack("<d", float(v)))[0]


def fit(f, degree, a, b):
    """Interpolates f at Chebyshev nodes and rounds the coefficients to binary64."""
    n = degree + 1
    nodes = [(a + b) / 2 + (b - a) / 2 * cos((2 * i + 1) * pi / (2 * n)) for i in range(n)]
    m, rhs = matrix(n, n), matrix(n, 1)
    for i, x in enumerate(nodes):
        rhs[i] = f(x)
        for p in range(n):
            m[i, p] = x**p
    c = [f64(v) for v in lu_solve(m, rhs)]
    worst = max(abs(f(x) - sum(k * x**p for p, k in enumerate(c)))
                for x in [a + (b - a) * i / 200 + (b - a) / 977 for i in range(200)])
    return c, worst


out = ["""//! The tables and polynomials of `exp`, `ln`, `sin` and `cos`, the tables small enough for vector registers.
//!
//! Written by `scripts/math_lane_tables.py`; change that, not this.
#![allow(clippy::approx_constant, reason = "parts of constants, and coefficients that are fitted and only look like constants")]

use super::tables::floats;
"""]


def table(name, doc, patterns):
    out.append(f"/// {doc}\n#[rustfmt::skip]\npub static {name}: [f64; {len(patterns)}] = floats([")
    for i in range(0, len(patterns), 6):
        out.append("    " + ", ".join("0x%016X" % p for p in patterns[i:i + 6]) + ",")
    out.append("]);\n")


def constant(name, doc, v):
    out.append(f"/// {doc}\npub const {name}: f64 = {float(v)!r};")


def poly(name, doc, f, degree, a, b):
    c, worst = fit(f, degree, mpf(a), mpf(b))
    print(f"{name}: absolute error 2^{float(log(worst, 2)):.1f}")
    body = ", ".join(repr(float(k)) for k in c)
    out.append(f"/// {doc}\npub const {name}: [f64; {degree + 1}] = [{body}];\n")


ln2 = log(mpf(2))

# exp: 2^(j/8); the exponent is added to the encoding with j in its lowest bits, which the entry has less.
powers = [mpf(2) ** (mpf(j) / 8) for j in range(8)]
table("POWER", "2^(j/8), its encoding less `j << 49`, so that the encoding of 2^(k/8) is that of entry k modulo 8, plus `k << 49`.",
      [pattern(p) - (j << 49) for j, p in enumerate(powers)])
table("POWER_TAIL", "What the nearest number to 2^(j/8) lacks, relative to it.", [pattern((p - f64(p)) / f64(p)) for p in powers])
constant("EIGHTHS_PER_UNIT", "8 / ln 2.", 8 / ln2)
eighth = ln2 / 8
constant("EIGHTH_HI", "ln 2 / 8, leading part.", f64(eighth))
constant("EIGHTH_LO", "ln 2 / 8, the rest.", eighth - f64(eighth))
half = float(eighth / 2) * 1.0001
poly("POWER_POLY", "(exp(r) - 1 - r) / r^2 for |r| <= ln 2 / 16.", lambda r: sum(r**i / mp.factorial(i + 2) for i in range(60)), 5, -half, half)

# ln: 1/c for 16 intervals from LOWEST on, that about 1 being the tenth.
step = 1 << 48
one = pattern(1.0)
lowest = one - step // 2 - 9 * step
number = lambda p: mpf(struct.unpack("<d", struct.pack("<Q", p))[0])
out.append(f"/// The encoding of {float(number(lowest))!r}, where the intervals of the logarithm's table begin.\npub const LOWEST: i64 = 0x{lowest:016X};\n")
inverse = []
largest = 0
for j in range(16):
    lo, hi = number(lowest + j * step), number(lowest + (j + 1) * step)
    # Beside 1, where the result is small, of so few bits that m c - 1 is exact.
    c = {8: mpf(33) / 32, 9: mpf(1), 10: mpf(15) / 16}.get(j, f64(2 / (lo + hi)))
    largest = max(largest, abs(lo * c - 1), abs(hi * c - 1))
    print(j, float(lo), float(hi), float(c), float(lo * c - 1), float(hi * c - 1))
    inverse.append(c)
print("largest r", float(largest))
table("INVERSE", "About 1/m for interval j.", [pattern(c) for c in inverse])
logs = [-log(c) for c in inverse]
leading = [nint(v * 2**42) / 2**42 for v in logs]
table("INVERSE_LN", "-ln of [`INVERSE`], leading part, a multiple of 2^-42.", [pattern(v) for v in leading])
table("INVERSE_LN_TAIL", "-ln of [`INVERSE`], the rest.", [pattern(v - h) for v, h in zip(logs, leading)])
poly("LN_POLY", "(ln(1 + r) - r) / r^2 for |r| <= 0.0333.", lambda r: sum((-1)**(i + 1) * r**i / (i + 2) for i in range(90)), 8, -largest, largest)

# sin and cos: sixteenths of a half turn.
angles = [pi * j / 16 for j in range(16)]
exact = lambda f, j: mpf(0) if (f is sin and j == 0) or (f is cos and j == 8) else f(angles[j])
sines = [exact(sin, j) for j in range(16)]
cosines = [exact(cos, j) for j in range(16)]
table("SINE", "sin(j pi / 16).", [pattern(v) for v in sines])
table("SINE_TAIL", "What [`SINE`] lacks.", [pattern(v - f64(v)) for v in sines])
table("COSINE", "cos(j pi / 16).", [pattern(v) for v in cosines])
for j in (1, 2, 3, 8, 15):
    least = abs(sines[j]) - mpf(0.0982) if j != 8 else mpf(1)
    print("cosine", j, "lacks", float(abs(cosines[j] - f64(cosines[j])) * mpf(0.0982) / (least * mpf(2)**-52)), "of the result at most, in 2^-52")
constant("STEPS_PER_RADIAN", "16 / pi.", 16 / pi)
part = pi / 16
first = f64(part)
second = floor((part - first) * mpf(2)**86) / mpf(2)**86
print("bits of the second part", float(log(abs(second) * 2**86, 2)))
constant("STEP_1", "pi / 16, leading part.", first)
constant("STEP_2", "pi / 16, the next 30 bits.", second)
constant("STEP_3", "pi / 16, the rest.", part - first - second)
end = float(part / 2) * 1.0001
series = lambda z, first: sum((-1)**(i + 1) * z**i / mp.factorial(2 * i + first) for i in range(30))
poly("SINE_POLY", "(sin(r) - r) / r^3 in r^2 for |r| <= pi / 32.", lambda z: series(z, 3), 3, 0, end**2)
poly("COSINE_POLY", "(cos(r) - 1) / r^2 in r^2 for |r| <= pi / 32.", lambda z: series(z, 2), 3, 0, end**2)

open("src/math/lane_tables.rs", "w").write("\n".join(out).rstrip() + "\n")
