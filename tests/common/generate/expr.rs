//! Random expressions, each an operand of any operator.

use super::{HOSTS, Signature, Writer};
use cresset::sema::builtins::{BUILTINS, Builtin, Form, Gives, Lower, Param};
use cresset::{Elem, Type};
use std::fmt::Write;

impl Writer<'_> {
    /// A value of exactly this type.
    pub fn exact(&mut self, ty: Type, depth: usize) -> String {
        if self.budget == 0 || depth == 0 {
            return self.leaf(ty);
        }
        self.budget -= 1;
        match ty {
            Type::F64 => self.float(depth - 1),
            Type::I64 => self.int(depth - 1),
            Type::Bool => self.boolean(depth - 1),
            Type::Array(elem) => self.array(elem, false, false, depth - 1),
            Type::Unit => "{}".to_owned(),
        }
    }

    /// A value for a place of this type: where that is an `f64`, perhaps an `i64`.
    pub fn place(&mut self, ty: Type, depth: usize) -> String {
        let ty = if ty == Type::F64 && self.bytes.chance(20) { Type::I64 } else { ty };
        self.exact(ty, depth)
    }

    /// The same, perhaps without the parentheses around it.
    pub fn bare(&mut self, ty: Type, depth: usize) -> String {
        let text = self.exact(ty, depth);
        self.strip(text)
    }

    pub fn strip(&mut self, text: String) -> String {
        let inner = match text.strip_prefix('(').and_then(|t| t.strip_suffix(')')) {
            Some(inner) if self.bytes.chance(60) => inner,
            _ => return text,
        };
        // Whether the first and the last belong together.
        let mut open = 0_i32;
        for c in inner.chars() {
            open += i32::from(c == '(') - i32::from(c == ')');
            if open < 0 {
                return text;
            }
        }
        inner.to_owned()
    }

    pub fn leaf(&mut self, ty: Type) -> String {
        if self.bytes.chance(75)
            && let Some(var) = self.var(|var| var.ty == ty)
        {
            return var.name;
        }
        if let Type::Array(elem) = ty {
            return self.array(elem, false, false, 0);
        }
        let constants: Vec<usize> = (0..self.constants.len()).filter(|&i| self.constants[i].1 == ty).collect();
        if !constants.is_empty() && self.bytes.chance(10) {
            return self.constants[constants[self.bytes.below(constants.len())]].0.clone();
        }
        self.literal(ty)
    }

    /// An operand that does not begin with `if` or `{`.
    fn first(&mut self, ty: Type, depth: usize) -> String {
        let text = self.exact(ty, depth);
        if text.starts_with("if ") || text.starts_with('{') { format!("({text})") } else { text }
    }

    /// Two operands of which at least one is an `f64`.
    fn mixed(&mut self, depth: usize) -> (String, String) {
        if self.bytes.chance(15) {
            (self.first(Type::I64, depth), self.exact(Type::F64, depth))
        } else {
            (self.first(Type::F64, depth), self.place(Type::F64, depth))
        }
    }

    fn float(&mut self, depth: usize) -> String {
        match self.bytes.below(24) {
            0 | 1 => self.leaf(Type::F64),
            2..=6 => {
                let op = self.bytes.pick(&["+", "-", "*", "/", "+", "*", "%"]);
                let (a, b) = if op == "/" && self.bytes.chance(20) {
                    (self.first(Type::I64, depth), self.exact(Type::I64, depth))
                } else {
                    self.mixed(depth)
                };
                format!("({a} {op} {b})")
            }
            7 => self.chain(Type::F64, &["+", "-", "*", "+", "/"]),
            8 => format!("(-{})", self.first(Type::F64, depth)),
            9 => {
                let base = self.first(Type::F64, depth);
                let n = match self.bytes.below(4) {
                    3 => self.bytes.below(130) as i64 - 65,
                    _ => self.bytes.below(9) as i64 - 3,
                };
                format!("({base} ^ {n})")
            }
            10 => {
                let (a, b) = self.mixed(depth);
                format!("({a} ^ {b})")
            }
            11 | 12 => self.element(Type::F64, depth),
            13 => self.call(Type::F64, depth),
            14 => self.choice(Type::F64, depth),
            15 => self.block(Type::F64, depth),
            16 => {
                let ty = self.bytes.pick(&[Type::I64, Type::Bool, Type::F64]);
                format!("f64({})", self.bare(ty, depth))
            }
            17 if self.bytes.chance(20) => self.deep(Type::F64),
            18 if self.bytes.chance(40) => self.host(Type::F64, depth),
            _ => self.builtin(Type::F64, depth),
        }
    }

    fn int(&mut self, depth: usize) -> String {
        match self.bytes.below(24) {
            0 | 1 => self.leaf(Type::I64),
            2..=6 => {
                let op = self.bytes.pick(&["+", "-", "*", "%", "+", "-"]);
                let (mut a, mut b) = (self.first(Type::I64, depth), self.exact(Type::I64, depth));
                if op == "%" && self.bytes.chance(85) {
                    b = format!("bit_or({b}, 1)");
                } else if op == "*" && self.bytes.chance(70) {
                    b = self.bytes.below(9).to_string();
                    if self.bytes.chance(60) {
                        a = format!("bit_and({a}, 65535)");
                    }
                }
                format!("({a} {op} {b})")
            }
            7 => self.chain(Type::I64, &["+", "-", "+", "-", "*"]),
            8 => format!("(-{})", self.first(Type::I64, depth)),
            9 => {
                let (a, b) = (self.first(Type::I64, depth), self.exact(Type::I64, depth));
                match self.bytes.below(20) {
                    19 => format!("({a} ^ {b})"),
                    17 | 18 => format!("({a} ^ {})", self.bytes.below(5)),
                    _ => format!("(bit_and({a}, 15) ^ bit_and({b}, 7))"),
                }
            }
            10..=12 => self.element(Type::I64, depth),
            13 => self.call(Type::I64, depth),
            14 => self.choice(Type::I64, depth),
            15 => self.block(Type::I64, depth),
            16 => {
                if self.bytes.chance(30) {
                    return format!("i64({})", self.bare(Type::Bool, depth));
                }
                let value = self.bare(Type::F64, depth);
                match self.bytes.below(12) {
                    11 => format!("i64({value})"),
                    10 => format!("i64(clamp({value}, -1e19, 1e19))"),
                    7..=9 => format!("i64(clamp({value}, -1e6, 1e6))"),
                    _ => format!("shr(bits({value}), 51)"),
                }
            }
            17 if self.bytes.chance(20) => self.deep(Type::I64),
            18 if self.bytes.chance(40) => self.host(Type::I64, depth),
            _ => self.builtin(Type::I64, depth),
        }
    }

    fn boolean(&mut self, depth: usize) -> String {
        match self.bytes.below(16) {
            0 => self.leaf(Type::Bool),
            1..=6 => {
                let op = self.bytes.pick(&["<", "<=", ">", ">=", "==", "!="]);
                let (a, b) = self.comparable(depth);
                format!("({a} {op} {b})")
            }
            7 => {
                // Each pair has its own promotion.
                let (a, b) = self.comparable(depth);
                let mut text = format!("({a} {} {b}", self.bytes.pick(&["<", "<=", ">", "=="]));
                for _ in 0..1 + self.bytes.below(4) {
                    let op = self.bytes.pick(&["<=", "<", ">", ">=", "=="]);
                    let _ = write!(text, " {op} {}", self.place(Type::F64, depth));
                }
                text + ")"
            }
            8 => {
                let (a, b) = (self.first(Type::Bool, depth), self.exact(Type::Bool, depth));
                format!("({a} {} {b})", self.bytes.pick(&["==", "!="]))
            }
            9 | 10 => {
                let mut text = format!("({}", self.first(Type::Bool, depth));
                for _ in 0..1 + self.bytes.below(3) {
                    let op = self.bytes.pick(&["and", "or", "&&", "||"]);
                    let _ = write!(text, " {op} {}", self.exact(Type::Bool, depth));
                }
                text + ")"
            }
            11 => format!("(not {})", self.first(Type::Bool, depth)),
            12 => self.element(Type::Bool, depth),
            13 => match self.bytes.below(4) {
                0 => self.call(Type::Bool, depth),
                1 => self.choice(Type::Bool, depth),
                2 => self.block(Type::Bool, depth),
                _ if self.bytes.chance(30) => self.host(Type::Bool, depth),
                _ => self.leaf(Type::Bool),
            },
            _ => self.builtin(Type::Bool, depth),
        }
    }

    fn comparable(&mut self, depth: usize) -> (String, String) {
        let mut ty = || self.bytes.pick(&[Type::I64, Type::F64]);
        let (a, b) = (ty(), ty());
        (self.first(a, depth), self.exact(b, depth))
    }

    /// `a + b * c - d …`
    fn chain(&mut self, ty: Type, ops: &[&str]) -> String {
        let length = match self.bytes.below(20) {
            19 => 40,
            n => 2 + n / 3,
        };
        let mut text = format!("({}", self.first(ty, 1));
        for _ in 0..length {
            let op = self.bytes.pick(ops);
            let operand = if op == "*" && ty == Type::I64 { "3".to_owned() } else { self.leaf(ty) };
            let _ = write!(text, " {op} {operand}");
        }
        text + ")"
    }

    /// Many operations inside each other, most values of which are live at once.
    fn deep(&mut self, ty: Type) -> String {
        let levels = 5 + self.bytes.below(60);
        let mut text = self.leaf(ty);
        for _ in 0..levels {
            let other = self.leaf(ty);
            text = match (ty, self.bytes.below(4)) {
                (Type::F64, 0) => format!("({other} - {text})"),
                (Type::F64, 1) => format!("min({other}, {text})"),
                (Type::F64, 2) => format!("({other} / {text})"),
                (Type::F64, _) => format!("fma({other}, 0.5, {text})"),
                (_, 0) => format!("bit_xor({other}, {text})"),
                (_, 1) => format!("wrapping_sub({other}, {text})"),
                (_, 2) => format!("max({other}, {text})"),
                (_, _) => format!("wrapping_mul({other}, {text})"),
            };
        }
        text
    }

    /// A call of any built-in that gives this type.
    fn builtin(&mut self, ty: Type, depth: usize) -> String {
        let gives = |form: &Form| match form.result {
            Gives::F64 => ty == Type::F64,
            Gives::I64 => ty == Type::I64,
            Gives::Bool => ty == Type::Bool,
            Gives::Elem => matches!(ty, Type::F64 | Type::I64),
            Gives::Unit => false,
        };
        let forms: Vec<(&Builtin, &Form)> = BUILTINS
            .iter()
            .flat_map(|builtin| builtin.forms.iter().map(move |form| (builtin, form)))
            .filter(|(_, form)| gives(form))
            .collect();
        let (builtin, form) = self.bytes.pick(&forms);
        self.builtin_call(builtin, form, ty, depth)
    }

    pub fn builtin_call(&mut self, builtin: &Builtin, form: &Form, ty: Type, depth: usize) -> String {
        let more = if matches!(form.lower, Lower::Fold(_)) { self.bytes.below(3) } else { 0 };
        let mut elem = Elem::F64;
        let mut args: Vec<String> = Vec::new();
        for i in 0..form.params.len() + more {
            let arg = match form.param(i) {
                // Of several signatures a call takes that which fits its first argument as it is.
                Some(Param::F64) if i == 0 && builtin.forms.len() > 1 => self.bare(Type::F64, depth),
                Some(Param::F64) => self.place(Type::F64, depth),
                Some(Param::I64) => self.bare(Type::I64, depth),
                Some(Param::Bool) => self.bare(Type::Bool, depth),
                Some(param @ (Param::Nums | Param::Bools | Param::Array | Param::Mut)) => {
                    let of_this: Vec<Elem> = Elem::ALL
                        .into_iter()
                        .filter(|&e| form.result != Gives::Elem || e.scalar() == ty)
                        .filter(|&e| param.is(Type::Array(e), None))
                        .collect();
                    elem = self.bytes.pick(&of_this);
                    self.array(elem, param == Param::Mut, false, depth)
                }
                Some(Param::Same) if self.bytes.chance(90) => args[0].clone(),
                Some(Param::Same) => self.array(elem, false, false, depth),
                Some(Param::Elem) => self.fitting(elem, depth),
                None => break,
            };
            args.push(arg);
        }
        let divides = matches!(builtin.name, "div" | "floor_div" | "floor_mod");
        if divides && self.bytes.chance(90) {
            args[1] = format!("bit_or({}, 1)", args[1]);
        }
        format!("{}({})", builtin.name, args.join(", "))
    }

    /// A value that most likely can be stored into such an element.
    pub fn fitting(&mut self, elem: Elem, depth: usize) -> String {
        match elem {
            Elem::I32 | Elem::U8 if self.bytes.chance(40) => self.fitting_literal(elem),
            Elem::I32 | Elem::U8 if self.bytes.chance(97) => {
                format!("bit_and({}, {})", self.bare(Type::I64, depth), self.bytes.pick(&[127, 255, 1]))
            }
            _ => self.place(elem.scalar(), depth),
        }
    }

    /// A call of a host function.
    pub fn host(&mut self, result: Type, depth: usize) -> String {
        let of_this: Vec<usize> = (0..HOSTS.len()).filter(|&i| HOSTS[i].2 == result).collect();
        let (name, params, _) = HOSTS[of_this[self.bytes.below(of_this.len())]];
        let args: Vec<String> = params.iter().map(|&ty| self.place(ty, depth)).collect();
        format!("{name}({})", args.join(", "))
    }

    /// A call of a function of the program, or a leaf where none gives this type.
    fn call(&mut self, result: Type, depth: usize) -> String {
        match self.callee(|signature| signature.result == result) {
            Some(callee) => self.call_of(&callee, depth),
            None => self.leaf(result),
        }
    }

    pub fn callee(&mut self, fits: impl Fn(&Signature) -> bool) -> Option<Signature> {
        let found: Vec<usize> = self.callable.clone().filter(|&i| fits(&self.signatures[i])).collect();
        (!found.is_empty()).then(|| self.signatures[found[self.bytes.below(found.len())]].clone())
    }

    pub fn call_of(&mut self, callee: &Signature, depth: usize) -> String {
        let mut args = Vec::new();
        for (i, &(ty, mutable)) in callee.params.iter().enumerate() {
            args.push(match ty {
                _ if callee.recursive && i == 0 && self.recursive => {
                    if self.bytes.chance(4) { "n" } else { "n - 1" }.to_owned()
                }
                _ if callee.recursive && i == 0 => self.bytes.below(5).to_string(),
                Type::Array(elem) => self.array(elem, mutable, true, depth),
                ty => {
                    let text = self.place(ty, depth);
                    self.strip(text)
                }
            });
        }
        format!("{}({})", callee.name, args.join(", "))
    }

    /// `if … { … } else if … { … } else { … }` with a value of exactly this type.
    fn choice(&mut self, ty: Type, depth: usize) -> String {
        let mut text = format!("if {} {}", self.bare(Type::Bool, depth), self.block(ty, depth));
        for _ in 0..self.bytes.below(3) {
            let _ = write!(text, " else if {} {}", self.bare(Type::Bool, depth), self.arm(ty, depth));
        }
        let _ = write!(text, " else {}", self.arm(ty, depth));
        text
    }

    /// A block with a value, or one that leaves.
    fn arm(&mut self, ty: Type, depth: usize) -> String {
        if self.bytes.chance(8) {
            let leave = self.leave();
            return format!("{{ {leave} }}");
        }
        let ty = if ty == Type::F64 && self.bytes.chance(15) { Type::I64 } else { ty };
        self.block(ty, depth)
    }

    fn block(&mut self, ty: Type, depth: usize) -> String {
        let statements = if self.bytes.chance(30) { 1 + self.bytes.below(2) } else { 0 };
        let (before, scope) = (std::mem::take(&mut self.out), self.vars.len());
        for _ in 0..statements {
            self.small_statement();
        }
        let value = self.exact(ty, depth);
        let inner = std::mem::replace(&mut self.out, before);
        self.vars.truncate(scope);
        format!("{{ {inner}{value} }}")
    }

    /// An element of an array.
    fn element(&mut self, ty: Type, depth: usize) -> String {
        let fits = |elem: Elem| elem.scalar() == ty;
        if self.bytes.chance(10) {
            let of_this: Vec<Elem> = [Elem::F64, Elem::I64, Elem::Bool].into_iter().filter(|&e| fits(e)).collect();
            let (a, b) = (self.exact(of_this[0].scalar(), depth), self.exact(of_this[0].scalar(), depth));
            return format!("[{a}, {b}][bit_and({}, 1)]", self.bare(Type::I64, depth));
        }
        match self.var(|var| matches!(var.ty, Type::Array(elem) if fits(elem))) {
            Some(var) if var.len > 0 || self.bytes.chance(20) || self.pairs.iter().any(|(of, _)| *of == var.name) => {
                let index = self.index(&var.name, var.len, depth);
                format!("{}[{index}]", var.name)
            }
            _ => self.leaf(ty),
        }
    }

    /// An index that most likely is one of this array.
    pub fn index(&mut self, array: &str, len: usize, depth: usize) -> String {
        let pair = self.pairs.iter().rev().find(|(of, _)| of == array).map(|(_, index)| index.clone());
        if let Some(index) = pair
            && self.bytes.chance(70)
        {
            return match self.bytes.below(16) {
                15 => format!("{index} + 1"),
                14 => format!("{index} - 1"),
                13 => format!("len({array}) - 1 - {index}"),
                _ => index,
            };
        }
        match self.bytes.below(16) {
            15 if self.bytes.chance(20) => self.bare(Type::I64, depth),
            0..=5 if len > 0 => self.bytes.below(len).to_string(),
            6..=8 if len > 1 => {
                format!("bit_and({}, {})", self.bare(Type::I64, depth), (len + 1).next_power_of_two() / 2 - 1)
            }
            _ => format!("floor_mod({}, len({array}))", self.bare(Type::I64, depth)),
        }
    }

    /// An array; where `place` is false, one whose type shows without a place for it.
    pub fn array(&mut self, elem: Elem, writable: bool, place: bool, depth: usize) -> String {
        let ty = Type::Array(elem);
        let shows = place || matches!(elem, Elem::F64 | Elem::I64 | Elem::Bool);
        match self.bytes.below(14) {
            9 if depth > 0 => {
                if let Some(callee) = self.callee(|s| s.result == ty && (s.writable || !writable)) {
                    return self.call_of(&callee, depth);
                }
            }
            10 if depth > 0 && shows => {
                let condition = self.bare(Type::Bool, depth);
                let (a, b) =
                    (self.array(elem, writable, place, depth - 1), self.array(elem, writable, place, depth - 1));
                return format!("(if {condition} {{ {a} }} else {{ {b} }})");
            }
            11 | 12 if depth > 0 && shows => return self.new_array(elem, place, depth),
            13 if depth > 0 => {
                let value = self.new_array(elem, true, depth - 1);
                let name = self.fresh("t");
                return format!("{{ var {name}: {ty} = {value}; {name} }}");
            }
            _ => {}
        }
        match self.var(|var| var.ty == ty && (var.writable || !writable)) {
            Some(var) if self.bytes.chance(20) => self.slice(&var.name, var.len, depth),
            Some(var) => var.name,
            None if shows => self.new_array(elem, place, depth),
            None => {
                let value = self.new_array(elem, true, depth);
                let name = self.fresh("t");
                format!("{{ var {name}: {ty} = {value}; {name} }}")
            }
        }
    }

    fn slice(&mut self, array: &str, len: usize, depth: usize) -> String {
        let from = self.bytes.below(len + 1);
        match self.bytes.below(8) {
            0 | 1 => format!("{array}[{from}..]"),
            2 => format!("{array}[..{from}]"),
            3 => format!("{array}[{from}..{}]", from + self.bytes.below(len - from + 1)),
            4 => format!("{array}[floor_mod({}, len({array}) + 1)..]", self.bare(Type::I64, depth)),
            5 => format!("{array}[..floor_mod({}, len({array}) + 1)]", self.bare(Type::I64, depth)),
            6 => format!("{array}[div(len({array}), 3)..len({array})]"),
            _ if self.bytes.chance(85) => format!("{array}[{from}..][..len({array}) - {from}]"),
            _ => format!("{array}[{}..{}]", self.bare(Type::I64, depth), self.bare(Type::I64, depth)),
        }
    }

    /// A literal or `[e; n]`.
    pub fn new_array(&mut self, elem: Elem, place: bool, depth: usize) -> String {
        if self.bytes.chance(35) {
            let value = match place {
                true => self.fitting(elem, depth),
                false => self.exact(elem.scalar(), depth),
            };
            let count = match self.bytes.below(24) {
                23 if self.bytes.chance(40) => self.bare(Type::I64, depth),
                20..=22 => format!("bit_and({}, 31)", self.bare(Type::I64, depth)),
                19 => (60 + self.bytes.below(80)).to_string(),
                n => n.to_string(),
            };
            return format!("[{value}; {count}]");
        }
        let count = match self.bytes.below(16) {
            15 => 20,
            0 if place => 0,
            n => 1 + n / 3,
        };
        let element = |writer: &mut Self| match place {
            true => writer.fitting(elem, depth),
            false => writer.exact(elem.scalar(), depth),
        };
        let elements: Vec<String> = (0..count).map(|_| element(self)).collect();
        format!("[{}]", elements.join(", "))
    }
}
