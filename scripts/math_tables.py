#!/usr/bin/env python3
"""Writes src/math/tables.rs: the tables and polynomials of the exponential and logarithmic families.

Needs mpmath. Run from the root of the repository: python3 scripts/math_tables.py && cargo fmt
The polynomials interpolate at Chebyshev nodes, which is within a small factor of minimax; each fit's error is printed.
"""
import struct
from mpmath import mp, mpf, log, cbrt, floor, nint, cos, pi, lu_solve, matrix

mp.prec = 400


def f64(v):
    """The nearest binary64, as an mpf."""
    return mpf(float(v))


def bits(v):
    return "0x%016X" % struct.unpack("<Q", struct.pack("<d", float(v)))[0]


def literal(v):
    return repr(float(v))


def fit(f, degree, a, b):
    """Interpolates f at Chebyshev nodes and rounds the coefficients to binary64."""
    n = degree + 1
    # 0 is no place for a quotient of differences; the functions are smooth, so beside it will do.
    nodes = [(a + b) / 2 + (b - a) / 2 * cos((2 * i + 1) * pi / (2 * n)) for i in range(n)]
    nodes = [x if abs(x) > b / 10**9 else b / 10**9 for x in nodes]
    m, rhs = matrix(n, n), matrix(n, 1)
    for i, x in enumerate(nodes):
        rhs[i] = f(x)
        for p in range(n):
            m[i, p] = x**p
    c = [f64(v) for v in lu_solve(m, rhs)]
    worst = max(abs(f(x) - sum(k * x**p for p, k in enumerate(c)))
                for x in [a + (b - a) * i / 200 + (b - a) / 977 for i in range(200)])
    return c, worst


out = ["""//! The tables and polynomials of the exponential and logarithmic families.
//!
//! Written by `scripts/math_tables.py`; change that, not this. Pairs are double-double: the nearest number, then the
//! nearest to what it lacks; where the doc says so, the first has trailing zeros so that sums with it are exact.
#![allow(clippy::approx_constant, reason = "halves of pairs, and coefficients that are fitted and only look like constants")]

/// The numbers with these encodings.
pub(super) const fn floats<const N: usize>(bits: [u64; N]) -> [f64; N] {
    let mut out = [0.0; N];
    let mut i = 0;
    while i < N {
        out[i] = f64::from_bits(bits[i]);
        i += 1;
    }
    out
}
"""]


def table(name, doc, values):
    out.append(f"/// {doc}\n#[rustfmt::skip]\npub static {name}: [f64; {len(values)}] = floats([")
    for i in range(0, len(values), 6):
        out.append("    " + ", ".join(bits(v) for v in values[i:i + 6]) + ",")
    out.append("]);\n")


def constant(name, doc, v):
    out.append(f"/// {doc}\npub const {name}: f64 = {literal(v)};")


def poly(name, doc, f, degree, a, b):
    c, worst = fit(f, degree, mpf(a), mpf(b))
    print(f"{name}: absolute error 2^{float(log(worst, 2)):.1f}")
    body = ", ".join(literal(k) for k in c)
    out.append(f"/// {doc}\npub const {name}: [f64; {degree + 1}] = [{body}];\n")


ln2 = log(mpf(2))

# exp: 2^(j/128)
N = 128
powers = [mpf(2) ** (mpf(j) / N) for j in range(N)]
table("EXP2_HI", "2^(j/128), leading part.", [f64(p) for p in powers])
table("EXP2_LO", "2^(j/128), the rest.", [p - f64(p) for p in powers])
step = ln2 / N
step_hi = floor(step * 2**42) / 2**42
constant("STEPS_PER_UNIT", "128 / ln 2.", N / ln2)
constant("STEP_HI", "ln 2 / 128, a multiple of 2^-42: exact when multiplied by a whole number below 2^18.", step_hi)
constant("STEP_LO", "ln 2 / 128, the rest.", step - step_hi)
half = float(step / 2) * 1.0001
taylor = lambda r, first: sum(r**i / mp.factorial(i + first) for i in range(60))
poly("EXP_TAIL", "(exp(r) - 1 - r) / r^2 for |r| <= ln 2 / 256.", lambda r: taylor(r, 2), 3, -half, half)
poly("EXPM1_TAIL", "[`EXP_TAIL`] for where the result is about `r`.", lambda r: taylor(r, 2), 4, -half, half)
poly("EXP2_TAIL", "(2^r - 1) / r for |r| <= 1/256.", lambda r: ln2 * taylor(r * ln2, 1), 4, -1 / 256, 1 / 256)
# Odd and even parts for the hyperbolic functions, in r^2.
even = lambda s, first: sum(s**i / mp.factorial(2 * i + first) for i in range(40))
poly("SINH_TAIL", "(sinh(r) - r) / r^3 in r^2, for |r| <= ln 2 / 256.", lambda s: even(s, 3), 1, 0, half**2)
poly("COSH_TAIL", "(cosh(r) - 1) / r^2 in r^2, for |r| <= ln 2 / 256.", lambda s: even(s, 2), 1, 0, half**2)

# log: 1/c near the middle of each of 256 intervals of [0.6875, 1.375), with so few bits that m*c - 1 is exact.
inverse = []
for j in range(256):
    if j < 160:
        lo, width, unit = mpf(0.6875) + j * mpf(2)**-9, mpf(2)**-9, 2**8
    else:
        lo, width, unit = 1 + (j - 160) * mpf(2)**-8, mpf(2)**-8, 2**9
    if j in (159, 160):
        c = mpf(1)
    else:
        # The c that leaves the least |m*c - 1| over the interval.
        c = nint(unit * 2 / (lo + (lo + width))) / unit
    worst = max(abs(lo * c - 1), abs((lo + width) * c - 1))
    assert worst <= mpf(2)**-8, (j, worst)
    inverse.append(c)
table("LOG_INVERSE", "About 1/m for interval j of [0.6875, 1.375), eight or nine bits: m times it, less 1, is exact and at most 2^-8.", inverse)


def log_tables(name, doc, scale):
    values = [-log(c) * scale for c in inverse]
    his = [nint(v * 2**42) / 2**42 for v in values]
    table(name + "_HI", f"-{doc} of [`LOG_INVERSE`], leading part, a multiple of 2^-42.", his)
    table(name + "_LO", f"-{doc} of [`LOG_INVERSE`], the rest.", [v - h for v, h in zip(values, his)])


def pair(name, doc, v, cut=None):
    hi = floor(v * 2**cut) / mpf(2)**cut if cut else f64(v)
    note = f", a multiple of 2^-{cut}" if cut else ", leading part"
    constant(name + "_HI", doc + note + ".", hi)
    constant(name + "_LO", doc + ", the rest.", v - hi)


log_tables("LN", "ln", mpf(1))
log_tables("LOG2", "log2", 1 / ln2)
log_tables("LOG10", "log10", 1 / log(mpf(10)))
pair("LN2", "ln 2", ln2, 42)
pair("LOG10_OF_2", "log10 2", ln2 / log(mpf(10)), 42)
pair("LOG2_E", "1 / ln 2", 1 / ln2)
pair("LOG10_E", "1 / ln 10", 1 / log(mpf(10)))
tail = lambda r, first: sum((-1)**(i + first + 1) * r**i / (i + first) for i in range(60))
poly("LN_TAIL", "(ln(1 + r) - r) / r^2 for |r| <= 2^-8.", lambda r: tail(r, 2), 5, -2**-8, 2**-8)
poly("LN_TAIL3", "(ln(1 + r) - r + r^2/2) / r^3 for |r| <= 2^-8.", lambda r: tail(r, 3), 5, -2**-8, 2**-8)
poly("LOG2_TAIL", "(ln(1 + r) - r) / (r^2 ln 2) for |r| <= 2^-8.", lambda r: tail(r, 2) / ln2, 5, -2**-8, 2**-8)
poly("LOG10_TAIL", "(ln(1 + r) - r) / (r^2 ln 10) for |r| <= 2^-8.", lambda r: tail(r, 2) / log(mpf(10)), 5, -2**-8, 2**-8)

# cbrt: the same intervals.
roots = [1 / cbrt(c) for c in inverse]
table("CBRT_HI", "Cube root of 1 / [`LOG_INVERSE`], leading part.", [f64(v) for v in roots])
table("CBRT_LO", "Cube root of 1 / [`LOG_INVERSE`], the rest.", [v - f64(v) for v in roots])
turns = [mpf(1), cbrt(mpf(2)), mpf(1), 1 / cbrt(mpf(2))]
table("CBRT_TURN_HI", "2^(t/3) for t = 0, 1, 0, -1, leading part.", [f64(v) for v in turns])
table("CBRT_TURN_LO", "2^(t/3) for t = 0, 1, 0, -1, the rest.", [v - f64(v) for v in turns])
poly("CBRT_TAIL", "(cbrt(1 + r) - 1) / r for |r| <= 2^-8.", lambda r: (cbrt(1 + r) - 1) / r, 5, -2**-8, 2**-8)

open("src/math/tables.rs", "w").write("\n".join(out).rstrip() + "\n")
