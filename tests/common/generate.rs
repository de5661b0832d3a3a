//! Random well-typed programs out of any bytes: a seed's, a fuzzer's, or those of an earlier program made shorter.
//!
//! A byte 0 always takes the simplest choice, so bytes that are cut or zeroed give a smaller program: that is how a failing one is shrunk.
//! Values are kept interesting: most programs end in a value, some in each kind of trap.
#![allow(dead_code, reason = "each test binary uses a part of it")]

#[path = "generate/bytes.rs"]
mod bytes;
#[path = "generate/expr.rs"]
mod expr;
#[path = "generate/stmt.rs"]
mod stmt;
#[path = "generate/value.rs"]
mod value;

pub use bytes::Bytes;
use cresset::{Elem, Limits, Type, Value};
use std::fmt::Write;
use std::time::Duration;

/// A program and how to run it.
#[derive(Clone, Debug)]
pub struct Program {
    pub source: String,
    /// What its free names are bound to.
    pub inputs: Vec<(String, Value)>,
    /// Arguments of its function `entry`, where it has one; whether each is a `mut` array.
    pub entry: Option<Vec<(Value, bool)>>,
    pub limits: Limits,
    /// Whether it is cancelled before it runs.
    pub cancelled: bool,
}

/// The program that these bytes stand for.
pub fn program(bytes: &mut Bytes) -> Program {
    let limits = limits(bytes);
    let cancelled = bytes.chance(2);
    let mut writer = Writer::new(bytes);
    writer.constants();
    let entry = writer.functions();
    let inputs = writer.main();
    Program { source: writer.finish(), inputs, entry, limits, cancelled }
}

fn limits(bytes: &mut Bytes) -> Limits {
    let fuel = match bytes.below(10) {
        9 => bytes.below(40),
        8 => bytes.below(400),
        _ => 3_000,
    };
    let memory = match bytes.below(10) {
        9 => bytes.below(16) * 64 + bytes.below(3),
        _ => 1 << 20,
    };
    let depth = match bytes.below(10) {
        9 => bytes.below(8),
        _ => 100,
    };
    let deadline = bytes.chance(1).then_some(Duration::ZERO);
    Limits { fuel: Some(fuel as u64), deadline, memory, depth: depth as u32, ..Limits::default() }
}

/// The host functions that programs may call: name, parameters, result.
const HOSTS: [(&str, &[Type], Type); 4] = [
    ("probe", &[Type::F64, Type::I64], Type::F64),
    ("ask", &[Type::I64, Type::Bool], Type::I64),
    ("note", &[Type::F64], Type::Unit),
    ("refuse", &[Type::I64], Type::Bool),
];

/// A name that can be read.
#[derive(Clone, Debug)]
struct Var {
    name: String,
    ty: Type,
    /// A `var`, which may be assigned.
    assignable: bool,
    /// For an array: whether it may be stored into.
    writable: bool,
    /// For an array: how long it is at least, as a guess.
    len: usize,
}

/// A function that can be called.
#[derive(Clone, Debug)]
struct Signature {
    name: String,
    params: Vec<(Type, bool)>,
    result: Type,
    /// Whether the arrays that it gives may be stored into.
    writable: bool,
    /// Its first parameter counts its calls down.
    recursive: bool,
}

/// A program under way.
struct Writer<'b> {
    bytes: &'b mut Bytes,
    /// The items written, in any order.
    items: Vec<String>,
    /// The body being written.
    out: String,
    /// Variables in scope, the innermost last.
    vars: Vec<Var>,
    /// Names of constants.
    constants: Vec<(String, Type)>,
    signatures: Vec<Signature>,
    /// The functions that the body being written may call.
    callable: std::ops::Range<usize>,
    /// Whether the body is a recursive function's.
    recursive: bool,
    /// What a `return` gives: its type, whether it has to be writable, whether its type is stated.
    result: (Type, bool, bool),
    /// An array and a variable that is most likely an index of it.
    pairs: Vec<(String, String)>,
    /// How many loops are around.
    loops: usize,
    /// How many more expressions this body should have.
    budget: usize,
    /// How many names were made.
    names: usize,
}

impl<'b> Writer<'b> {
    fn new(bytes: &'b mut Bytes) -> Writer<'b> {
        Writer {
            bytes,
            items: Vec::new(),
            out: String::new(),
            vars: Vec::new(),
            constants: Vec::new(),
            signatures: Vec::new(),
            callable: 0..0,
            recursive: false,
            result: (Type::Unit, false, false),
            pairs: Vec::new(),
            loops: 0,
            budget: 0,
            names: 0,
        }
    }

    /// The items, some before and some after the statements.
    fn finish(mut self) -> String {
        let mut text = String::new();
        let mut after = String::new();
        for item in std::mem::take(&mut self.items) {
            let place = if self.bytes.chance(20) { &mut after } else { &mut text };
            place.push_str(&item);
        }
        text + &self.out + "\n" + &after
    }

    fn constants(&mut self) {
        for _ in 0..self.bytes.below(3) {
            let ty = self.scalar_type();
            let name = self.fresh("C");
            let value = match ty {
                Type::F64 if self.bytes.chance(50) => format!("sqrt({}) / 3", self.literal(Type::F64)),
                Type::I64 if self.bytes.chance(50) => format!("bit_xor({}, 5)", self.literal(Type::I64)),
                _ => self.literal(ty),
            };
            self.items.push(format!("const {name} = {value};\n"));
            self.constants.push((name, ty));
        }
    }

    /// Helpers, then functions that call each other in circles, then others, then `entry`.
    fn functions(&mut self) -> Option<Vec<(Value, bool)>> {
        let helpers = self.bytes.below(3);
        for _ in 0..helpers {
            let signature = self.signature("h", false);
            self.callable = 0..self.signatures.len();
            self.function(signature, false);
        }
        let circle = if self.bytes.chance(30) { 1 + self.bytes.below(2) } else { 0 };
        let signatures: Vec<Signature> = (0..circle).map(|_| self.signature("r", true)).collect();
        self.callable = 0..helpers + circle;
        self.signatures.extend(signatures.iter().cloned());
        for signature in signatures {
            self.function(signature, true);
        }
        for _ in 0..self.bytes.below(3) {
            let signature = self.signature("g", false);
            self.callable = 0..self.signatures.len();
            self.function(signature, false);
        }
        if !self.bytes.chance(40) {
            return None;
        }
        let mut signature = self.signature("entry", false);
        signature.name = "entry".to_owned();
        for (ty, mutable) in &mut signature.params {
            *mutable |= matches!(ty, Type::Array(_)) && self.bytes.chance(50);
        }
        signature.params.push((Type::Array(self.bytes.pick(&Elem::ALL)), true));
        let params = signature.params.clone();
        self.callable = 0..self.signatures.len();
        self.function(signature, false);
        Some(params.into_iter().map(|(ty, mutable)| (value::value(self.bytes, ty), mutable)).collect())
    }

    fn signature(&mut self, prefix: &str, recursive: bool) -> Signature {
        let count = match self.bytes.below(12) {
            11 => 9 + self.bytes.below(12),
            n => n.min(4),
        };
        let mut params = if recursive { vec![(Type::I64, false)] } else { Vec::new() };
        for _ in 0..count {
            params.push(match self.bytes.below(8) {
                0..=2 => (Type::F64, false),
                3 | 4 => (Type::I64, false),
                5 => (Type::Bool, false),
                _ => (Type::Array(self.bytes.pick(&Elem::ALL)), self.bytes.chance(60)),
            });
        }
        let result = match self.bytes.below(10) {
            9 => Type::Unit,
            7 | 8 => Type::Array(self.bytes.pick(&Elem::ALL)),
            _ => self.scalar_type(),
        };
        let writable = !recursive && matches!(result, Type::Array(_)) && self.bytes.chance(60);
        Signature { name: self.fresh(prefix), params, result, writable, recursive }
    }

    fn function(&mut self, signature: Signature, recursive: bool) {
        let before = std::mem::take(&mut self.out);
        self.vars.clear();
        self.pairs.clear();
        self.recursive = recursive;
        // An array result without a stated type has that of its first literal, so the others are stated.
        let stated = recursive || matches!(signature.result, Type::Array(_) | Type::Unit) || self.bytes.chance(50);
        let stated = stated && signature.result != Type::Unit;
        self.result = (signature.result, signature.writable, stated);
        let mut head = format!("fn {}(", signature.name);
        for (i, &(ty, mutable)) in signature.params.iter().enumerate() {
            let name = if recursive && i == 0 { "n".to_owned() } else { self.fresh("p") };
            let comma = if i > 0 { ", " } else { "" };
            let prefix = if mutable { "mut " } else { "" };
            let shown = if ty == Type::F64 && self.bytes.chance(50) { String::new() } else { format!(": {ty}") };
            let _ = write!(head, "{comma}{prefix}{name}{shown}");
            // The counter is not offered as any variable: it would be no counter then.
            if !(recursive && i == 0) {
                self.vars.push(Var { name, ty, assignable: false, writable: mutable, len: 1 });
            }
        }
        head.push(')');
        if stated || recursive {
            let _ = write!(head, " -> {}", signature.result);
        }
        self.budget = 10 + self.bytes.below(60);
        if !recursive && signature.result != Type::Unit && self.bytes.chance(25) {
            let value = self.result_value();
            self.items.push(format!("{head} = {value};\n"));
        } else {
            self.out.push_str(" {\n");
            if recursive {
                let value = self.returned_leaf();
                let _ = writeln!(self.out, "  if n <= 0 {{ return {value}; }}");
            }
            let statements = self.bytes.below(8);
            self.pressure();
            self.statements(statements, 1);
            if signature.result != Type::Unit {
                let value = self.result_value();
                let _ = writeln!(self.out, "  {value}");
            }
            self.out.push_str("}\n");
            let body = std::mem::take(&mut self.out);
            self.items.push(head + &body);
        }
        self.out = before;
        if !recursive {
            self.signatures.push(signature);
        }
    }

    /// The program's own statements; gives what its inputs are bound to.
    fn main(&mut self) -> Vec<(String, Value)> {
        self.out.clear();
        self.vars.clear();
        self.pairs.clear();
        self.recursive = false;
        self.callable = 0..self.signatures.len();
        let mut inputs = Vec::new();
        for _ in 0..self.bytes.below(6) {
            let ty = if self.bytes.chance(30) { Type::Array(self.bytes.pick(&Elem::ALL)) } else { self.scalar_type() };
            let name = self.fresh("in");
            let value = value::value(self.bytes, ty);
            let len = match &value {
                Value::Array(array) => array.as_slice().len(),
                _ => 0,
            };
            inputs.push((name.clone(), value));
            self.vars.push(Var { name, ty, assignable: false, writable: false, len });
        }
        let result = match self.bytes.below(10) {
            8 | 9 => Type::Array(self.bytes.pick(&Elem::ALL)),
            _ => self.scalar_type(),
        };
        // A literal without a place for it would be of the common types.
        self.result = (result, false, false);
        self.budget = 30 + self.bytes.below(200);
        self.pressure();
        let statements = self.bytes.below(24);
        self.statements(statements, 0);
        let value = self.result_value();
        self.out.push_str(&value);
        inputs
    }

    fn scalar_type(&mut self) -> Type {
        match self.bytes.below(7) {
            0..=2 => Type::F64,
            3..=5 => Type::I64,
            _ => Type::Bool,
        }
    }

    fn fresh(&mut self, prefix: &str) -> String {
        self.names += 1;
        format!("{prefix}{}", self.names)
    }

    /// A variable of this type, most likely a late one.
    fn var(&mut self, fits: impl Fn(&Var) -> bool) -> Option<Var> {
        let found: Vec<usize> = (0..self.vars.len()).filter(|&i| fits(&self.vars[i])).collect();
        if found.is_empty() {
            return None;
        }
        let var = self.vars[found[self.bytes.below(found.len())]].clone();
        let seen = self.vars.iter().rev().find(|other| other.name == var.name)?;
        // A name that is hidden by another of its kind is as good.
        (seen.ty == var.ty && fits(seen)).then(|| seen.clone())
    }
}
