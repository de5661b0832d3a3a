//! Random statements.

use super::{Var, Writer};
use cresset::{Elem, Type};
use std::fmt::Write;

impl Writer<'_> {
    pub fn statements(&mut self, count: usize, indent: usize) {
        for _ in 0..count {
            self.statement(indent);
        }
    }

    fn line(&mut self, indent: usize, text: &str) {
        let _ = writeln!(self.out, "{:1$}{text}", "", 2 * indent);
    }

    /// A block's statements in a scope of their own, perhaps with one that leaves last.
    fn scoped(&mut self, count: usize, indent: usize) {
        let scope = self.vars.len();
        self.statements(count, indent);
        if self.bytes.chance(6) {
            let leave = self.leave();
            self.line(indent, &leave);
        }
        self.vars.truncate(scope);
    }

    fn statement(&mut self, indent: usize) {
        match self.bytes.below(26) {
            0..=5 => self.declare(indent),
            6..=9 => self.assign(indent),
            10..=13 => self.store(indent),
            14 | 15 => self.branch(indent),
            16 | 17 if self.loops < 3 => self.range_loop(indent),
            18 if self.loops < 3 => self.each_loop(indent),
            19 if self.loops < 3 => self.while_loop(indent),
            20 => self.call_statement(indent),
            21 => self.whole_array(indent),
            22 if self.bytes.chance(50) => {
                self.line(indent, "{");
                let count = self.bytes.below(4);
                self.scoped(count, indent + 1);
                self.line(indent, "}");
            }
            23 if self.loops > 0 || self.bytes.chance(20) => {
                let condition = self.bare(Type::Bool, 2);
                let leave = self.leave();
                self.line(indent, &format!("if {condition} {{ {leave} }}"));
            }
            24 if self.bytes.chance(30) => {
                let call = self.host(Type::Unit, 2);
                self.line(indent, &format!("{call};"));
            }
            _ => self.declare(indent),
        }
    }

    /// A statement inside an expression.
    pub fn small_statement(&mut self) {
        match self.bytes.below(4) {
            0 | 1 => self.declare(0),
            2 => self.assign(0),
            _ => self.store(0),
        }
        self.out.truncate(self.out.trim_end().len());
        self.out.push(' ');
    }

    /// `break;`, `continue;` or `return …;`
    pub fn leave(&mut self) -> String {
        match self.bytes.below(5) {
            0 | 1 if self.loops > 0 => "break;".to_owned(),
            2 | 3 if self.loops > 0 => "continue;".to_owned(),
            _ => match self.result.0 {
                Type::Unit => "return;".to_owned(),
                _ => format!("return {};", self.returned()),
            },
        }
    }

    fn returned(&mut self) -> String {
        match self.result {
            (Type::Array(elem), writable, stated) => self.array(elem, writable, stated, 1),
            (ty, _, true) => self.place(ty, 1),
            (ty, _, false) => self.exact(ty, 1),
        }
    }

    /// What is returned where nothing may be called.
    pub fn returned_leaf(&mut self) -> String {
        match self.result.0 {
            Type::Unit => String::new(),
            Type::Array(elem) => self.new_array(elem, true, 0),
            ty => self.leaf(ty),
        }
    }

    fn declare(&mut self, indent: usize) {
        let ty = match self.bytes.below(4) {
            3 => Type::Array(self.bytes.pick(&Elem::ALL)),
            _ => self.scalar_type(),
        };
        self.declare_of(ty, 4, indent);
    }

    fn declare_of(&mut self, ty: Type, depth: usize, indent: usize) {
        let assignable = self.bytes.chance(60);
        let stated = self.bytes.chance(if matches!(ty, Type::Array(_)) { 70 } else { 25 });
        let mut len = 0;
        let value = match ty {
            Type::Array(elem) => {
                let new = stated && self.bytes.chance(70);
                let text = match new {
                    true => self.new_array(elem, true, depth.min(2)),
                    false => self.array(elem, assignable, stated, depth.min(2)),
                };
                len = guess(&text);
                text
            }
            ty if stated => self.place(ty, depth),
            ty => self.exact(ty, depth),
        };
        let value = self.strip(value);
        let name = match self.bytes.below(12) {
            // Shadows; or hides a built-in, which calls do not see.
            11 if !self.vars.is_empty() => self.vars[self.bytes.below(self.vars.len())].name.clone(),
            10 if self.bytes.chance(20) => self.bytes.pick(&["min", "len", "sum", "e", "x"]).to_owned(),
            _ => self.fresh("v"),
        };
        let word = if assignable { "var" } else { "let" };
        let shown = if stated { format!(": {ty}") } else { String::new() };
        self.line(indent, &format!("{word} {name}{shown} = {value};"));
        self.vars.push(Var { name, ty, assignable, writable: assignable, len });
    }

    fn assign(&mut self, indent: usize) {
        let Some(var) = self.var(|var| var.assignable) else { return self.declare(indent) };
        let (op, value) = match var.ty {
            Type::Array(elem) => ("=", self.array(elem, true, true, 2)),
            Type::F64 => (self.bytes.pick(&["=", "+=", "-=", "*=", "/=", "%=", "^="]), self.place(Type::F64, 3)),
            Type::I64 => match self.bytes.pick(&["=", "+=", "-=", "*=", "%=", "^=", "=", "+="]) {
                "%=" => ("%=", format!("bit_or({}, 1)", self.bare(Type::I64, 3))),
                "^=" => ("^=", self.bytes.below(4).to_string()),
                "*=" => ("*=", (self.bytes.below(7) as i64 - 2).to_string()),
                op => (op, self.exact(Type::I64, 3)),
            },
            ty => ("=", self.exact(ty, 3)),
        };
        let value = self.strip(value);
        self.line(indent, &format!("{} {op} {value};", var.name));
    }

    fn store(&mut self, indent: usize) {
        let Some(var) = self.var(|var| matches!(var.ty, Type::Array(_)) && var.writable) else {
            let ty = Type::Array(self.bytes.pick(&Elem::ALL));
            return self.declare_of(ty, 2, indent);
        };
        let Type::Array(elem) = var.ty else { return };
        if var.len == 0 && !self.bytes.chance(20) && !self.pairs.iter().any(|(of, _)| *of == var.name) {
            return self.declare(indent);
        }
        let index = self.index(&var.name, var.len, 2);
        let target = match self.bytes.below(12) {
            // A view of a view of it.
            11 if var.len > 0 => format!("{0}[0..][..len({0})][{index}]", var.name),
            _ => format!("{}[{index}]", var.name),
        };
        let (op, value) = match elem {
            Elem::F64 | Elem::F32 => {
                (self.bytes.pick(&["=", "+=", "-=", "*=", "/=", "%=", "^="]), self.place(Type::F64, 3))
            }
            Elem::Bool => ("=", self.exact(Type::Bool, 3)),
            Elem::U8 | Elem::I32 => match self.bytes.below(10) {
                9 => ("+=", self.bytes.below(3).to_string()),
                8 => ("%=", "100".to_owned()),
                _ => ("=", self.fitting(elem, 3)),
            },
            Elem::I64 => match self.bytes.pick(&["=", "+=", "-=", "*=", "%=", "=", "+="]) {
                "%=" => ("%=", format!("bit_or({}, 1)", self.bare(Type::I64, 3))),
                "*=" => ("*=", (self.bytes.below(7) as i64 - 2).to_string()),
                op => (op, self.exact(Type::I64, 3)),
            },
        };
        let value = self.strip(value);
        self.line(indent, &format!("{target} {op} {value};"));
    }

    fn branch(&mut self, indent: usize) {
        let condition = self.bare(Type::Bool, 3);
        self.line(indent, &format!("if {condition} {{"));
        let count = 1 + self.bytes.below(3);
        self.scoped(count, indent + 1);
        for _ in 0..self.bytes.below(3) {
            let condition = self.bare(Type::Bool, 3);
            self.line(indent, &format!("}} else if {condition} {{"));
            let count = self.bytes.below(3);
            self.scoped(count, indent + 1);
        }
        if self.bytes.chance(50) {
            self.line(indent, "} else {");
            let count = self.bytes.below(3);
            self.scoped(count, indent + 1);
        }
        self.line(indent, "}");
    }

    fn body(&mut self, indent: usize) {
        self.loops += 1;
        let count = 1 + self.bytes.below(4);
        self.scoped(count, indent + 1);
        self.loops -= 1;
        self.line(indent, "}");
    }

    /// The loop's own name, in scope for its body.
    fn body_with(&mut self, name: String, ty: Type, indent: usize) {
        let scope = self.vars.len();
        self.vars.push(Var { name, ty, assignable: false, writable: false, len: 0 });
        self.body(indent);
        self.vars.truncate(scope);
    }

    fn range_loop(&mut self, indent: usize) {
        let name = self.fresh("i");
        let (pairs, array) = (self.pairs.len(), self.var(|var| matches!(var.ty, Type::Array(_))));
        let dots = if self.bytes.chance(25) { "..=" } else { ".." };
        let range = match (self.bytes.below(10), array) {
            (0..=4, Some(array)) => {
                self.pairs.push((array.name.clone(), name.clone()));
                let array = array.name;
                match self.bytes.below(4) {
                    0 if dots == "..=" => format!("0..=len({array}) - 1"),
                    1 => format!("1..len({array})"),
                    2 => format!("div(len({array}), 2)..len({array})"),
                    _ => format!("0..len({array})"),
                }
            }
            (9, _) => self
                .bytes
                .pick(&[
                    "MAX_I64 - 3..=MAX_I64",
                    "MIN_I64..=MIN_I64 + 2",
                    "MAX_I64..MIN_I64",
                    "5..=4",
                    "MAX_I64..=MAX_I64",
                    "-3..3",
                ])
                .to_owned(),
            (8, _) => format!("bit_and({}, 3)..bit_and({}, 15)", self.bare(Type::I64, 2), self.bare(Type::I64, 2)),
            (7, _) if self.bytes.chance(30) => {
                format!("{}{dots}{}", self.leaf(Type::I64), self.bare(Type::I64, 2))
            }
            _ => format!("0{dots}{}", self.bytes.below(9)),
        };
        self.line(indent, &format!("for {name} in {range} {{"));
        self.body_with(name, Type::I64, indent);
        self.pairs.truncate(pairs);
    }

    fn each_loop(&mut self, indent: usize) {
        let elem = self.bytes.pick(&Elem::ALL);
        let array = self.array(elem, false, false, 1);
        let name = self.fresh("e");
        self.line(indent, &format!("for {name} in {array} {{"));
        self.body_with(name, elem.scalar(), indent);
    }

    fn while_loop(&mut self, indent: usize) {
        let name = self.fresh("k");
        self.line(indent, &format!("var {name} = 0;"));
        let pairs = self.pairs.len();
        let array = self.var(|var| matches!(var.ty, Type::Array(_)));
        let condition = match (self.bytes.below(6), array) {
            (0 | 1, Some(array)) => {
                self.pairs.push((array.name.clone(), format!("{name} - 1")));
                format!("{name} < len({})", array.name)
            }
            (2, _) => format!("{name} < 12 and {}", self.exact(Type::Bool, 2)),
            (3, _) => "true".to_owned(),
            _ => format!("{name} < {}", self.bytes.below(9)),
        };
        // The counter is read only, or few loops would end.
        self.vars.push(Var {
            name: name.clone(),
            ty: Type::I64,
            assignable: self.bytes.chance(4),
            writable: false,
            len: 0,
        });
        self.line(indent, &format!("while {condition} {{"));
        self.line(indent + 1, &format!("{name} += 1;"));
        if condition == "true" {
            let most = self.bytes.below(9);
            self.line(indent + 1, &format!("if {name} > {most} {{ break; }}"));
        }
        self.body(indent);
        self.pairs.truncate(pairs);
    }

    fn call_statement(&mut self, indent: usize) {
        let Some(callee) = self.callee(|_| true) else { return self.declare(indent) };
        let call = self.call_of(&callee, 2);
        self.line(indent, &format!("{call};"));
    }

    /// A built-in that writes to a whole array.
    fn whole_array(&mut self, indent: usize) {
        let Some(var) = self.var(|var| matches!(var.ty, Type::Array(_)) && var.writable) else {
            return self.declare(indent);
        };
        let Type::Array(elem) = var.ty else { return };
        let name = var.name;
        let call = match self.bytes.below(5) {
            0 | 1 => {
                let value = self.fitting(elem, 2);
                let target = self.array(elem, true, false, 1);
                format!("fill({target}, {value})")
            }
            2 => format!("copy({name}[min(1, len({name}))..], {name}[..max(len({name}) - 1, 0)])"),
            3 => format!("copy({name}[..max(len({name}) - 1, 0)], {name}[min(1, len({name}))..])"),
            _ => {
                let from = self.array(elem, false, false, 1);
                let n = self.bytes.below(3);
                match self.bytes.chance(85) {
                    true => format!(
                        "copy({name}[..min({n}, len({name}), len({from}))], {from}[..min({n}, len({name}), len({from}))])"
                    ),
                    false => format!("copy({name}, {from})"),
                }
            }
        };
        self.line(indent, &format!("{call};"));
    }

    /// Sometimes more values than a machine has registers, all live to the end.
    pub fn pressure(&mut self) {
        if !self.bytes.chance(12) {
            return;
        }
        for _ in 0..16 + self.bytes.below(30) {
            let ty = self.bytes.pick(&[Type::F64, Type::I64, Type::F64, Type::I64, Type::Bool]);
            let value = self.exact(ty, 1);
            let name = self.fresh("w");
            self.line(1, &format!("let {name} = {value};"));
            self.vars.push(Var { name, ty, assignable: false, writable: false, len: 0 });
        }
    }

    /// The value of a body: of any expression, or of all variables in scope.
    pub fn result_value(&mut self) -> String {
        let (ty, writable, stated) = self.result;
        let all = self.bytes.chance(60);
        match ty {
            Type::I64 if all => self.digest(),
            Type::F64 if all => format!("f64({})", self.digest()),
            Type::Bool if all => format!("({} % 3 != 0)", self.digest()),
            Type::Array(Elem::I64) if all => format!("[{}, 1]", self.digest()),
            Type::Array(elem) => self.array(elem, writable, stated, 2),
            ty if stated => self.place(ty, 5),
            ty => self.exact(ty, 5),
        }
    }

    /// A number that depends on every variable in scope.
    fn digest(&mut self) -> String {
        let mut text = "17".to_owned();
        for var in self.vars.iter().rev().take(60).collect::<Vec<_>>() {
            let hidden = self.vars.iter().rev().find(|other| other.name == var.name).is_some_and(|v| v.ty != var.ty);
            if hidden {
                continue;
            }
            let name = &var.name;
            let part = match var.ty {
                Type::F64 => format!("bits({name})"),
                Type::I64 => name.clone(),
                Type::Array(_) => format!("len({name})"),
                _ => format!("i64({name})"),
            };
            text = format!("bit_xor(wrapping_mul({text}, 31), {part})");
        }
        text
    }
}

/// How many elements a literal or `[e; n]` has, at least.
fn guess(text: &str) -> usize {
    let Some(inner) = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')) else { return 0 };
    let mut depth = 0_i32;
    let (mut commas, mut count) = (0, None);
    for (at, c) in inner.char_indices() {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            ',' if depth == 0 => commas += 1,
            ';' if depth == 0 => count = inner[at + 1..].trim().parse().ok(),
            _ => {}
        }
        if depth < 0 {
            return 0;
        }
    }
    match count {
        Some(count) => count,
        None if inner.is_empty() || inner.contains(';') => 0,
        None => commas + 1,
    }
}
