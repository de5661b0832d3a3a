//! Texts without any sense: bytes, tokens and names at random, as long as a text may be.

use super::{SMALL_STACK, cpu_time, engine, on_stack};
use cresset::Execution;
use std::time::Duration;

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }

    fn pick<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.next() as usize % all.len()]
    }
}

const TOKENS: &[&str] = &[
    "fn",
    "let",
    "var",
    "const",
    "if",
    "else",
    "while",
    "for",
    "in",
    "break",
    "continue",
    "return",
    "true",
    "false",
    "and",
    "or",
    "not",
    "mut",
    "(",
    ")",
    "{",
    "}",
    "[",
    "]",
    ";",
    ",",
    ".",
    "..",
    "..=",
    "=",
    "+=",
    "-=",
    "*=",
    "/=",
    "%=",
    "^=",
    "+",
    "-",
    "*",
    "/",
    "%",
    "^",
    "<",
    "<=",
    ">",
    ">=",
    "==",
    "!=",
    "!",
    "&&",
    "||",
    "->",
    ":",
    "x",
    "y",
    "f",
    "f64",
    "i64",
    "u8",
    "bool",
    "len",
    "sin",
    "PI",
    "0",
    "1",
    "2.5",
    "1e9",
    "0x1F",
    "9223372036854775808",
    "//c\n",
    "/*",
    "*/",
];

/// Compiles a text that has mistakes, and tells how long that took.
fn refused(bytes: Vec<u8>) -> Duration {
    on_stack(SMALL_STACK, move || {
        let engine = engine(Execution::Auto);
        let start = cpu_time();
        let error = engine.compile_bytes(&bytes, &[]).expect_err("it makes no sense");
        let count = error.diagnostics().len();
        assert!((1..=20).contains(&count), "{count} errors");
        let shown = error.to_string();
        assert!(shown.len() < 100_000, "an error of {} bytes", shown.len());
        cpu_time() - start
    })
}

#[track_caller]
fn refused_quickly(make: impl Fn(usize) -> Vec<u8>) {
    let size = 1 << 20;
    let mut ratio = f64::INFINITY;
    for _ in 0..4 {
        let (half, full) = (refused(make(size / 2)), refused(make(size)));
        assert!(full < Duration::from_secs(20 * crate::SLOWER), "{full:?}");
        ratio = ratio.min(full.as_secs_f64() / half.as_secs_f64().max(0.02));
        if ratio < 3.0 {
            return;
        }
    }
    panic!("{ratio:.1} times as long as half of it");
}

#[test]
fn random_bytes_are_refused() {
    refused_quickly(|size| {
        let mut random = Random(1);
        (0..size).map(|_| random.next() as u8).collect()
    });
    refused_quickly(|size| {
        let mut random = Random(2);
        (0..size).map(|_| b' ' + (random.next() % 95) as u8).collect()
    });
}

#[test]
fn random_tokens_are_refused() {
    for seed in 0..4 {
        refused_quickly(|size| {
            let mut random = Random(seed);
            let mut text = String::new();
            while text.len() < size - 24 {
                text.push_str(random.pick(TOKENS));
                text.push(' ');
            }
            text.into_bytes()
        });
    }
}

#[test]
fn balanced_random_tokens_are_refused() {
    // Brackets that match and statements that end get further into the compiler.
    refused_quickly(|size| {
        let mut random = Random(9);
        let (mut text, mut open) = (String::new(), Vec::new());
        while text.len() < size - 400 {
            match random.next() % 12 {
                0 if open.len() < 100 => {
                    let (left, right) =
                        random.pick(&[("(", ")"), ("{", "}"), ("[", "]"), ("if x {", "}"), ("f(", ")")]);
                    text.push_str(left);
                    open.push(right);
                }
                1 => text.push_str(open.pop().unwrap_or(";")),
                2 => text.push_str(";\n"),
                3 => text.push_str("let x = "),
                4 | 5 => text.push_str(random.pick(&["+", "*", "<", " and ", " - "])),
                _ => text.push_str(random.pick(&["x", "1", "2.5", "true", "y "])),
            }
        }
        while let Some(right) = open.pop() {
            text.push_str(right);
        }
        text.into_bytes()
    });
}

#[test]
fn random_names_are_refused() {
    let named = |separator: &'static str, length: u64| {
        move |size: usize| {
            let mut random = Random(length);
            let mut text = String::new();
            while text.len() < size - 2 * length as usize - 8 {
                for _ in 0..1 + random.next() % length {
                    text.push((b'a' + (random.next() % 26) as u8) as char);
                }
                text.push_str(separator);
            }
            (text + "1").into_bytes()
        }
    };
    refused_quickly(named(" + ", 3));
    refused_quickly(named("(1) + ", 6));
    refused_quickly(named(" ", 8));
    refused_quickly(named(" = 1; ", 8));
    refused_quickly(named(" + ", 10_000));
}
