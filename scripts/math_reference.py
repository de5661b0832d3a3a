#!/usr/bin/env python3
"""Reference results for the elementary functions, from MPFR. Needs gmpy2 and numpy. Run from the root of the repository.

    python3 scripts/math_reference.py write [FUNCTION...]       rewrites tests/data/math/FUNCTION.txt
    python3 scripts/math_reference.py measure N [FUNCTION...]   the largest error over N arguments of each kind

A line of a data file: the bits of the arguments, those of the correctly rounded result, and how far beyond it (away from
zero positive, in units in the last place) the true value lies; `exact` where it is the result itself.

`measure` compiles src/math on its own, with fused multiply-add in hardware, and pipes the arguments through it.
"""
import math
import os
import random
import struct
import subprocess
import sys
import tempfile
import time

import gmpy2
import numpy as np
from gmpy2 import mpfr

gmpy2.get_context().precision = 220
MAX = sys.float_info.max
TINY = 5e-324
NORMAL = sys.float_info.min


def from_bits(b):
    return struct.unpack("<d", struct.pack("<Q", b & (2**64 - 1)))[0]


def to_bits(v):
    return struct.unpack("<Q", struct.pack("<d", v))[0]


# Kinds of arguments: each a function (generator, n) -> array.
def all_bits(lo=0, hi=0x7FF0000000000000, signed=False):
    """Uniform over encodings, hence over exponents."""
    def make(g, n):
        v = g.integers(lo, hi, n, dtype=np.uint64, endpoint=False).view(np.float64).copy()
        return v * g.choice([-1.0, 1.0], n) if signed else v
    return make


def between(a, b):
    return lambda g, n: g.uniform(a, b, n)


def exponents(a, b, signed=True):
    """2^a <= |v| < 2^b, uniform over encodings."""
    return all_bits(to_bits(2.0**a), to_bits(2.0**b), signed)


def beside(*points):
    """Within some encodings of given points."""
    def make(g, n):
        at = np.array(points)[g.integers(0, len(points), n)]
        return (at.view(np.int64) + np.round(g.normal(0, 1, n) * 2.0 ** g.uniform(0, 30, n)).astype(np.int64)).view(np.float64)
    return make


def whole(a, b, step=1.0):
    return lambda g, n: g.integers(a, b, n, endpoint=True) * step


def given(*values):
    return lambda g, n: np.array(values)[g.integers(0, len(values), n)]


def pair(f, s):
    return lambda g, n: (f(g, n), s(g, n))


subnormal = all_bits(1, to_bits(NORMAL), True)
LN_MAX, LN_MIN, LN_ZERO = 709.782712893384, -708.3964185322641, -745.1332191019411


def pow_with_log(a, b):
    """x anywhere, y such that y log2 x lies between a and b."""
    def make(g, n):
        x = all_bits(1)(g, n)
        with np.errstate(all="ignore"):
            y = g.uniform(a, b, n) / np.log2(x)
        return x, np.where(np.isfinite(y), y, 1.0)
    return make


def pow_near_one(g, n):
    x = 1.0 + g.choice([-1.0, 1.0], n) * 2.0 ** g.uniform(-52, -1, n)
    return x, g.uniform(-1075, 1024, n) / np.log2(np.where(x == 1.0, 2.0, x))


def exact_powers(g, n):
    x = g.integers(1, 300, n).astype(float) * 2.0 ** g.integers(-20, 20, n)
    return x * g.choice([-1.0, 1.0], n), g.integers(0, 7, n).astype(float)


def roots(g, n):
    x = g.integers(1, 2**12, n).astype(float)
    k = g.choice([2, 4], n)
    return x**k * 4.0 ** g.integers(-200, 200, n), g.choice([0.5, 0.25, 1.0, 1.5], n)


def cubes(g, n):
    v = g.integers(1, 2**17, n) * g.choice([-1.0, 1.0], n)
    return v**3 * 8.0 ** g.integers(-300, 300, n)


def triples(g, n):
    a, b = g.integers(2, 2**12, n).astype(float), g.integers(1, 2**12, n).astype(float)
    s = 2.0 ** g.integers(-1040, 950, n)
    return np.abs(a * a - b * b) * s, 2 * a * b * s


def near_each_other(lo, hi, gap):
    def make(g, n):
        x = exponents(lo, hi)(g, n)
        y = x * 2.0 ** g.uniform(-gap, gap, n) * g.choice([-1.0, 1.0], n)
        return x, y
    return make


def near_multiples_of_half_pi(bits):
    """The encodings around k pi/2, 1 <= k < 2^bits."""
    def make(g, n):
        with gmpy2.context(gmpy2.get_context(), precision=1300):
            half_pi = gmpy2.const_pi() / 2
            at = [float(half_pi * max(1, int(mpfr(2) ** g.uniform(0, bits)))) for _ in range(n)]
        return (np.array(at).view(np.int64) + g.integers(-1, 1, n, endpoint=True)).view(np.float64) * g.choice([-1.0, 1.0], n)
    return make


def below_one(g, n):
    return (1.0 - 2.0 ** g.uniform(-53, -1, n)) * g.choice([-1.0, 1.0], n)


def quotient(lo, hi, x):
    """y and x with y / x between 2^lo and 2^hi."""
    def make(g, n):
        right = x(g, n)
        with np.errstate(all="ignore"):
            return right * 2.0 ** g.uniform(lo, hi, n) * g.choice([-1.0, 1.0], n), right
    return make


FUNCTIONS = {
    "exp": (gmpy2.exp, [between(LN_ZERO - 1, LN_MAX + 0.1), between(-1, 1), exponents(-60, 10), between(LN_ZERO, LN_MIN),
                        beside(LN_MAX, LN_MIN, LN_ZERO, 708.0, -708.0)]),
    "exp2": (gmpy2.exp2, [between(-1076, 1025), between(-1, 1), exponents(-60, 11), between(-1075, -1021),
                          beside(1024.0, -1022.0, -1074.0, -1075.0, 1021.0), whole(-1080, 1026)]),
    "expm1": (gmpy2.expm1, [between(-45, LN_MAX + 0.1), between(-1, 1), between(-0.01, 0.01), exponents(-60, 10), subnormal,
                            beside(LN_MAX, -40.0, 708.0, -0.002707606173999011, 0.002707606173999011)]),
    "ln": (gmpy2.log, [all_bits(1), between(0.6, 1.5), beside(1.0), exponents(-1, 1, False), subnormal_positive := all_bits(1, to_bits(NORMAL)),
                       beside(NORMAL, 0.6875, 1.375), between(0.99, 1.01)]),
    "log2": (gmpy2.log2, [all_bits(1), between(0.6, 1.5), beside(1.0), subnormal_positive, between(0.99, 1.01),
                          lambda g, n: np.ldexp(1.0, g.integers(-1074, 1023, n, endpoint=True))]),
    "log10": (gmpy2.log10, [all_bits(1), between(0.6, 1.5), beside(1.0), subnormal_positive, between(0.99, 1.01),
                            lambda g, n: 10.0 ** g.integers(0, 22, n, endpoint=True)]),
    "log1p": (gmpy2.log1p, [all_bits(1, to_bits(1.0), True), all_bits(), exponents(-60, 0), between(-0.5, 0.5), beside(-1.0 + 2**-30, 2.0**53, 2.0**60),
                            between(-0.01, 0.01), subnormal]),
    "cbrt": (gmpy2.cbrt, [all_bits(1, signed=True), between(-10, 10), subnormal, cubes, beside(1.0, 8.0, -1.0)]),
    "sinh": (gmpy2.sinh, [between(-LN_MAX - 1, LN_MAX + 1), between(-1, 1), between(-0.01, 0.01), exponents(-60, 10), subnormal,
                          beside(710.4758600739439, 707.0, 0.002707606173999011)]),
    "cosh": (gmpy2.cosh, [between(-LN_MAX - 1, LN_MAX + 1), between(-1, 1), between(-0.01, 0.01), exponents(-60, 10),
                          beside(710.4758600739439, 707.0, 0.002707606173999011)]),
    "tanh": (gmpy2.tanh, [between(-25, 25), between(-1, 1), between(-0.01, 0.01), exponents(-60, 10), subnormal, all_bits(signed=True),
                          beside(22.0, 19.06154746539849, 0.002707606173999011)]),
    "asinh": (gmpy2.asinh, [all_bits(1, signed=True), between(-3, 3), exponents(-40, 40), exponents(-30, 1), subnormal, beside(2.0**30, 2.0**-28)]),
    "acosh": (gmpy2.acosh, [all_bits(to_bits(1.0)), between(1, 3), beside(1.0, 2.0**30), exponents(0, 40, False),
                            lambda g, n: 1.0 + 2.0 ** g.uniform(-52, 0, n)]),
    "atanh": (gmpy2.atanh, [all_bits(1, to_bits(1.0), True), between(-1, 1), exponents(-40, 0), beside(1.0 - 2**-40, 2.0**-28), subnormal,
                            lambda g, n: 1.0 - 2.0 ** g.uniform(-53, 0, n)]),
    "hypot": (gmpy2.hypot, [pair(all_bits(signed=True), all_bits(signed=True)), near_each_other(-1070, 1022, 3), near_each_other(-900, 900, 60),
                            near_each_other(-4, 4, 3), pair(subnormal, subnormal), triples, near_each_other(-503, -497, 3),
                            near_each_other(497, 503, 3), near_each_other(1021, 1023, 1)]),
    "pow": (lambda x, y: x**y, [pow_with_log(-1076, 1025), pow_with_log(-1, 1), pow_near_one, pow_with_log(-1075, -1020), pow_with_log(1015, 1025),
                                exact_powers, roots, pair(between(0, 10), between(-10, 10)), pair(between(0.9, 1.1), between(-4000, 4000)),
                                pair(exponents(-1022, 1023, False), given(1.0, -1.0, 2.0, 3.0, 0.5)),
                                pair(lambda g, n: np.ldexp(1.0, g.integers(-60, 60, n)), whole(-4400, 4400, 0.25))]),
    **{name: (f, [between(-3.2, 3.2), exponents(-30, 1), between(-1000, 1000), exponents(0, 30), exponents(30, 1023.99),
                  near_multiples_of_half_pi(10), near_multiples_of_half_pi(30), near_multiples_of_half_pi(1023), subnormal,
                  beside(2.0**30, math.pi / 4, math.pi / 2, math.pi), given(6381956970095103 * 2.0**797, MAX)])
       for name, f in (("sin", gmpy2.sin), ("cos", gmpy2.cos), ("tan", gmpy2.tan))},
    "asin": (gmpy2.asin, [between(-1, 1), below_one, between(0.45, 0.55), exponents(-30, 0), exponents(-1022, 0), subnormal, beside(0.5, 1.0)]),
    "acos": (gmpy2.acos, [between(-1, 1), below_one, between(0.45, 0.6), exponents(-60, 0), beside(0.5, 1.0, -1.0)]),
    "atan": (gmpy2.atan, [between(-1, 1), between(-0.1, 0.1), between(-10, 10), exponents(-30, 60), all_bits(1, signed=True), subnormal,
                          beside(0.03125, 1.0)]),
    "atan2": (gmpy2.atan2, [pair(between(-1, 1), between(-1, 1)), pair(all_bits(signed=True), all_bits(signed=True)), quotient(-70, 70, exponents(-900, 900)),
                            quotient(-3, 3, exponents(-1074, 1020)), quotient(-1080, -1020, exponents(0, 1000, False)), pair(subnormal, subnormal),
                            quotient(-90, 90, beside(2.0**500, 2.0**-500))]),
    "erf": (gmpy2.erf, [between(-7, 7), between(-1, 1), between(-0.1, 0.1), exponents(-40, 3), all_bits(signed=True), subnormal, beside(1.0, 6.0)]),
    "erfc": (gmpy2.erfc, [between(-7, 28), between(0, 2), between(2, 6), between(26, 27.3), exponents(-60, 5), beside(2.0, 27.226017111108362),
                          between(-3, 0)]),
}


# The functions of two arguments.
PAIRS = ("pow", "hypot", "atan2")


class Rounded:
    """A true value, rounded to binary64."""

    def __init__(self, true):
        self.true = true
        self.hi = round_to_binary64(true)
        if math.isinf(self.hi) or self.hi == 0.0:
            self.ulp = None
            return
        low = math.nextafter(self.hi, 0.0)
        # The unit of the binade that the true value is in.
        self.ulp = math.ulp(low if abs(true) < abs(self.hi) else self.hi)

    def error(self, got):
        """In units in the last place; infinite where the contract has one answer and this is not it."""
        if got == self.hi and self.ulp is None:
            return 0.0
        if math.isnan(got) or math.isnan(self.hi):
            return 0.0 if math.isnan(got) and math.isnan(self.hi) else math.inf
        if math.isinf(self.hi):
            return 0.5 if abs(got) == MAX and abs(self.true) < mpfr(2)**1024 and (got > 0) == (self.hi > 0) else math.inf
        if math.isinf(got):
            return 0.5 if abs(self.hi) == MAX and abs(self.true) > MAX and (got > 0) == (self.hi > 0) else math.inf
        if self.hi == 0.0:
            return float(abs(got - self.true) / mpfr(TINY)) if abs(self.true) > mpfr(2)**-1075 else math.inf
        return float(abs(got - self.true) / mpfr(self.ulp))


def round_to_binary64(true):
    if not gmpy2.is_finite(true) or true == 0:
        return float(true)
    # float() of an mpfr rounds once where the result is normal; below, count whole units.
    if abs(true) >= mpfr(NORMAL):
        return float(true) if abs(true) < mpfr(2)**1024 * (1 - mpfr(2)**-54) else math.copysign(math.inf, float(gmpy2.sign(true)))
    return math.ldexp(int(gmpy2.rint(true * mpfr(2)**1074)), -1074) or math.copysign(0.0, float(gmpy2.sign(true)))


def arguments(kind, g, n):
    v = kind(g, n)
    return [np.asarray(c, dtype=np.float64) for c in (v if isinstance(v, tuple) else (v,))]


def write(name):
    f, kinds = FUNCTIONS[name]
    g = np.random.default_rng(sum(name.encode()))
    args = 2 if name in PAIRS else 1
    total = 1000 if args == 1 else 720
    seen = {}
    for i in range(total):
        row = tuple(float(c[0]) for c in arguments(kinds[i % len(kinds)], g, 1))
        if all(map(math.isfinite, row)):
            seen[row] = True
    lines = []
    for row in sorted(seen):
        r = Rounded(f(*map(mpfr, row)))
        if math.isnan(r.hi):
            continue
        if r.true == r.hi:
            beyond = "exact"
        elif r.ulp is None:
            beyond = "0"
        else:
            beyond = "%.5f" % float((abs(r.true) - abs(mpfr(r.hi))) / mpfr(r.ulp))
        lines.append(" ".join(["%016X" % to_bits(v) for v in row] + ["%016X" % to_bits(r.hi), beyond]))
    os.makedirs("tests/data/math", exist_ok=True)
    path = f"tests/data/math/{name}.txt"
    with open(path, "w") as out:
        out.write("\n".join(lines) + "\n")
    print(path, len(lines), "lines,", os.path.getsize(path), "bytes")


HARNESS = """
#[path = "{root}/src/math/mod.rs"]
#[allow(dead_code, unused_imports)]
mod math;
use std::io::{{Read, Write}};
fn main() {{
    let name = std::env::args().nth(1).unwrap();
    let mut bytes = Vec::new();
    std::io::stdin().read_to_end(&mut bytes).unwrap();
    let v: Vec<f64> = bytes.chunks(8).map(|c| f64::from_le_bytes(c.try_into().unwrap())).collect();
    let out: Vec<f64> = match name.as_str() {{
        {arms}
        _ => panic!(),
    }};
    let bytes: Vec<u8> = out.iter().flat_map(|v| v.to_le_bytes()).collect();
    std::io::stdout().write_all(&bytes).unwrap();
}}
"""


def build():
    directory = tempfile.mkdtemp()
    arms = []
    for name in FUNCTIONS:
        two = name in PAIRS
        call = f"v.chunks(2).map(|c| math::{name}(c[0], c[1]))" if two else f"v.iter().map(|&x| math::{name}(x))"
        arms.append(f'"{name}" => {call}.collect(),')
    source = os.path.join(directory, "main.rs")
    with open(source, "w") as out:
        out.write(HARNESS.format(root=os.getcwd(), arms="\n        ".join(arms)))
    binary = os.path.join(directory, "main")
    subprocess.run(["rustc", "-O", "--edition=2024", "-C", "target-cpu=native", "-A", "warnings", source, "-o", binary], check=True)
    return binary


def measure(binary, name, n):
    f, kinds = FUNCTIONS[name]
    g = np.random.default_rng(random.randrange(2**60))
    for index, kind in enumerate(kinds):
        columns = arguments(kind, g, n)
        flat = np.stack(columns, axis=1).ravel()
        got = np.frombuffer(subprocess.run([binary, name], input=flat.tobytes(), capture_output=True, check=True).stdout)
        worst, at, wrong = -1.0, None, 0
        for row, r in zip(zip(*[c.tolist() for c in columns]), got.tolist()):
            if not all(map(math.isfinite, row)):
                continue
            true = Rounded(f(*map(mpfr, row)))
            error = true.error(r)
            wrong += true.hi != r and not (math.isnan(true.hi) and math.isnan(r))
            if true.true == true.hi and r != true.hi:
                error = math.inf
            if error > worst:
                worst, at = error, (row, r, true.hi)
        print(f"{name:6} kind {index}: {n} arguments, {wrong} not correctly rounded, largest error {worst:.5f} at {at}", flush=True)


def main():
    command, *rest = sys.argv[1:] or ["help"]
    if command == "write":
        for name in rest or FUNCTIONS:
            write(name)
    elif command == "measure":
        binary = build()
        for name in rest[1:] or FUNCTIONS:
            start = time.time()
            measure(binary, name, int(rest[0]))
            print(f"       {time.time() - start:.0f} s", flush=True)
    else:
        print(__doc__)


main()
