//! Random kernels: numbers, conditions and loops that rows take in different ways.
//!
//! Columns `x`, `y`: `f64`, `n`, `m`: `i64`, `b`: `bool`; the same in each row are `u`: `f64`, `k`: `i64`, `fs`: `[f64]` (5), `ks`: `[i64]`.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::fmt::Write;

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }
}

struct Writer {
    random: Random,
    floats: Vec<String>,
    ints: Vec<String>,
    /// Variables that may be assigned: so many of each at the ends of the lists above.
    vars: (Vec<String>, Vec<String>),
    functions: usize,
    loops: usize,
    /// Whether a `return` may stand here.
    in_function: bool,
    made: usize,
    budget: usize,
}

impl Writer {
    fn name(&mut self) -> String {
        self.made += 1;
        format!("v{}", self.made)
    }

    fn float(&mut self, depth: usize) -> String {
        if depth == 0 {
            return match self.random.below(4) {
                0 => self.random.pick(&["0.5", "-1.0", "2.0", "1e3", "0.0", "3.0"]).to_owned(),
                _ => self.floats[self.random.below(self.floats.len())].clone(),
            };
        }
        let d = depth - 1;
        match self.random.below(16) {
            0..4 => format!("({} {} {})", self.float(d), self.random.pick(&["+", "-", "*", "/"]), self.float(d)),
            4 => format!("{}({})", self.random.pick(&["sqrt", "abs", "floor", "ceil", "sign", "-"]), self.float(d)),
            5 => format!("{}({}, {})", self.random.pick(&["min", "max", "copysign"]), self.float(d), self.float(d)),
            6 => format!("(if {} {{ {} }} else {{ {} }})", self.bool(d), self.float(d), self.float(d)),
            7 => format!("f64({})", self.int(d)),
            8 => format!("fs[{} % 5]", self.int(d)),
            9 => format!("{}({})", self.random.pick(&["exp", "sin", "ln", "atan"]), self.float(d)),
            10 => match self.functions {
                0 => self.float(0),
                n => format!("f{}({}, {})", self.random.below(n), self.float(d), self.int(d)),
            },
            11 => format!("fs[{}]", self.random.pick(&["k", "0", "k - 1", "len(fs) - 1"])),
            _ => self.float(0),
        }
    }

    fn int(&mut self, depth: usize) -> String {
        if depth == 0 {
            return match self.random.below(3) {
                0 => self.random.pick(&["0", "1", "2", "7", "10", "-3", "100"]).to_owned(),
                _ => self.ints[self.random.below(self.ints.len())].clone(),
            };
        }
        let d = depth - 1;
        match self.random.below(14) {
            0..4 => format!("({} {} {})", self.int(d), self.random.pick(&["+", "-", "*"]), self.int(d)),
            4 => format!(
                "{}({}, {})",
                self.random.pick(&["div", "floor_div", "floor_mod", "min", "max"]),
                self.int(d),
                self.int(d)
            ),
            5 => format!("({} % {})", self.int(d), self.random.pick(&["2", "3", "7", "n", "k", "-5"])),
            6 => format!("(if {} {{ {} }} else {{ {} }})", self.bool(d), self.int(d), self.int(d)),
            7 => format!("i64({})", self.float(d)),
            8 => format!("{}({})", self.random.pick(&["abs", "-", "popcount", "bit_not"]), self.int(d)),
            9 => format!("ks[{}]", self.int(d)),
            10 => format!(
                "{}({}, {})",
                self.random.pick(&["bit_and", "bit_xor", "shl", "sar", "wrapping_mul", "rotl"]),
                self.int(d),
                self.int(d)
            ),
            11 => format!("({} ^ {})", self.int(d), self.random.pick(&["2", "3", "0"])),
            _ => self.int(0),
        }
    }

    fn bool(&mut self, depth: usize) -> String {
        if depth == 0 {
            return self.random.pick(&["b", "x > 0", "n < 3", "k > 2", "y < x", "u > 1", "true"]).to_owned();
        }
        let d = depth - 1;
        match self.random.below(8) {
            0 => format!("({} {} {})", self.bool(d), self.random.pick(&["and", "or"]), self.bool(d)),
            1 => format!("(not ({}))", self.bool(0)),
            2 => format!("(0 <= {} < 4)", self.int(d)),
            3 | 4 => format!("({} {} {})", self.int(d), self.random.pick(&["<", "<=", "==", "!="]), self.int(d)),
            _ => format!("({} {} {})", self.float(d), self.random.pick(&["<", ">=", "=="]), self.float(d)),
        }
    }

    fn block(&mut self, out: &mut String, depth: usize) {
        let scope = (self.floats.len(), self.ints.len(), self.vars.0.len(), self.vars.1.len());
        for _ in 0..=self.random.below(3) {
            self.statement(out, depth);
        }
        self.floats.truncate(scope.0);
        self.ints.truncate(scope.1);
        self.vars.0.truncate(scope.2);
        self.vars.1.truncate(scope.3);
    }

    fn statement(&mut self, out: &mut String, depth: usize) {
        self.budget = self.budget.saturating_sub(1);
        let depth = if self.budget == 0 { 0 } else { depth };
        let _ = match self.random.below(if depth == 0 { 6 } else { 14 }) {
            0 => {
                let (name, value) = (self.name(), self.float(2));
                self.floats.push(name.clone());
                self.vars.0.push(name.clone());
                write!(out, "var {name} = {value} + 0.0; ")
            }
            1 => {
                let (name, value) = (self.name(), self.int(2));
                self.ints.push(name.clone());
                self.vars.1.push(name.clone());
                write!(out, "var {name} = {value}; ")
            }
            2 | 3 => match self.vars.0.len() {
                0 => Ok(()),
                n => {
                    let (to, value) = (self.vars.0[self.random.below(n)].clone(), self.float(2));
                    write!(out, "{to} {} {value}; ", self.random.pick(&["=", "+=", "*="]))
                }
            },
            4 => match self.vars.1.len() {
                0 => Ok(()),
                n => {
                    let (to, value) = (self.vars.1[self.random.below(n)].clone(), self.int(2));
                    write!(out, "{to} {} {value}; ", self.random.pick(&["=", "+=", "-="]))
                }
            },
            5 => match (self.loops, self.in_function) {
                (0, false) => Ok(()),
                (0, true) => write!(out, "if {} {{ return {}; }} ", self.bool(1), self.float(1)),
                _ => write!(out, "if {} {{ {}; }} ", self.bool(1), self.random.pick(&["break", "continue"])),
            },
            6..9 => {
                let _ = write!(out, "if {} {{ ", self.bool(2));
                self.block(out, depth - 1);
                if self.random.below(2) == 0 {
                    out.push_str("} else { ");
                    self.block(out, depth - 1);
                }
                write!(out, "}} ")
            }
            9..12 => {
                let name = self.name();
                let bound = match self.random.below(3) {
                    0 => self.random.pick(&["3", "k", "5"]).to_owned(),
                    1 => "min(n, 9)".to_owned(),
                    _ => format!("min({}, 6)", self.int(1)),
                };
                let _ = write!(out, "for {name} in 0..{bound} {{ ");
                self.ints.push(name);
                self.loops += 1;
                self.block(out, depth - 1);
                self.loops -= 1;
                self.ints.pop();
                write!(out, "}} ")
            }
            12 => {
                let name = self.name();
                let _ = write!(out, "var {name} = 0; while {name} < 6 and {} {{ {name} += 1; ", self.bool(2));
                self.ints.push(name);
                self.loops += 1;
                self.block(out, depth - 1);
                self.loops -= 1;
                self.ints.pop();
                write!(out, "}} ")
            }
            _ => {
                let name = self.name();
                let _ = write!(out, "for {name} in fs {{ ");
                self.floats.push(name);
                self.loops += 1;
                self.block(out, depth - 1);
                self.loops -= 1;
                self.floats.pop();
                write!(out, "}} ")
            }
        };
    }
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

/// A kernel of this seed.
pub fn kernel(seed: u64) -> String {
    let mut writer = Writer {
        random: Random(seed),
        floats: Vec::new(),
        ints: Vec::new(),
        vars: (Vec::new(), Vec::new()),
        functions: 0,
        loops: 0,
        in_function: true,
        made: 0,
        budget: 20,
    };
    let mut text = String::new();
    for _ in 0..writer.random.below(3) {
        (writer.floats, writer.ints) = (names(&["p", "q"]), names(&["i"]));
        let mut body = String::new();
        writer.function_body(&mut body);
        let _ = write!(text, "fn f{}(p, i: i64) -> f64 {{ let q = p * 0.5; {body}}} ", writer.functions);
        writer.functions += 1;
    }
    writer.in_function = false;
    writer.vars = (Vec::new(), Vec::new());
    (writer.floats, writer.ints) = (names(&["x", "y", "u"]), names(&["n", "m", "k"]));
    writer.block_of_program(&mut text);
    text
}

impl Writer {
    /// Without inputs: conditions are about what there is.
    fn function_body(&mut self, out: &mut String) {
        for _ in 0..self.random.below(3) {
            let condition = format!("{} < {}", self.plain_float(), self.plain_float());
            let value = self.plain_float();
            let _ = match self.random.below(3) {
                0 => write!(out, "if {condition} {{ return {value}; }} "),
                1 => {
                    write!(out, "for j in 0..min(i, 5) {{ if {condition} or j == 3 {{ return {value} * f64(j); }} }} ")
                }
                _ => write!(out, "let q = if {condition} {{ {value} }} else {{ f64(div(i, 2)) }}; "),
            };
        }
        let _ = write!(out, "{} ", self.plain_float());
    }

    fn plain_float(&mut self) -> String {
        let (a, b) = (self.random.pick(&["p", "q", "0.5", "2.0"]), self.random.pick(&["p", "q", "f64(i)", "1.0"]));
        format!("({a} {} {b})", self.random.pick(&["+", "-", "*"]))
    }

    fn block_of_program(&mut self, out: &mut String) {
        for _ in 0..=self.random.below(4) {
            self.statement(out, 3);
        }
        let value = match self.random.below(3) {
            0 => self.int(3),
            1 => self.bool(3),
            _ => self.float(3),
        };
        out.push_str(&value);
    }
}
