//! The IR as text, for people and snapshots. Values and labels are numbered in the order in which they are printed.

use super::func::{Func, InstId, InstKind, RegionId, Value};
use super::op::Scalar;
use std::fmt::Write;

/// At most so many characters of source stand in a comment.
const COMMENT: usize = 40;

/// The function as text.
pub fn print(func: &Func) -> String {
    Printer::new(func, None).print()
}

/// The function as text, each instruction with the piece of source that it came from.
pub fn print_with_source(func: &Func, source: &str) -> String {
    Printer::new(func, Some(source)).print()
}

struct Printer<'a> {
    func: &'a Func,
    source: Option<&'a str>,
    out: String,
    names: Vec<Option<u32>>,
    next_name: u32,
    labels: Vec<u32>,
    next_label: u32,
}

/// What is still to be printed.
enum Work {
    Inst(InstId, usize),
    Else(usize),
    End(usize),
}

impl<'a> Printer<'a> {
    fn new(func: &'a Func, source: Option<&'a str>) -> Printer<'a> {
        let (names, labels) = (vec![None; func.values.len()], vec![0; func.insts.len()]);
        Printer { func, source, out: String::new(), names, next_name: 0, labels, next_label: 0 }
    }

    fn print(mut self) -> String {
        let params = self.define(self.func.params.iter().copied());
        let results: Vec<&str> = self.func.results.iter().map(|&scalar| scalar_name(scalar)).collect();
        let name = if self.func.name.is_empty() { "main" } else { &self.func.name };
        let _ = write!(self.out, "fn {name}({params})");
        if !results.is_empty() {
            let _ = write!(self.out, " -> {}", results.join(", "));
        }
        self.out.push_str(" {\n");
        let mut work = vec![Work::End(0)];
        self.push(&mut work, self.func.body(), 1);
        while let Some(next) = work.pop() {
            match next {
                Work::Inst(id, depth) => self.inst(id, depth, &mut work),
                Work::Else(depth) => self.line(depth, "} else {"),
                Work::End(depth) => self.line(depth, "}"),
            }
        }
        self.out
    }

    fn push(&self, work: &mut Vec<Work>, region: RegionId, depth: usize) {
        work.extend(self.func.regions[region.index()].insts.iter().rev().map(|&id| Work::Inst(id, depth)));
    }

    fn line(&mut self, depth: usize, text: &str) {
        let _ = writeln!(self.out, "{:1$}{text}", "", depth * 2);
    }

    /// Names new values: `v1: f64, v2: i64`.
    fn define(&mut self, values: impl Iterator<Item = Value>) -> String {
        let mut text = String::new();
        for value in values {
            let Some(ty) = self.func.values.get(value.index()) else { continue };
            self.names[value.index()] = Some(self.next_name);
            let comma = if text.is_empty() { "" } else { ", " };
            let _ = write!(text, "{comma}v{}: {}", self.next_name, scalar_name(ty.scalar));
            if ty.lanes != 1 {
                let _ = write!(text, "x{}", ty.lanes);
            }
            self.next_name += 1;
        }
        text
    }

    fn uses(&self, values: &[Value]) -> String {
        let name = |value: &Value| match self.names.get(value.index()) {
            Some(Some(name)) => format!("v{name}"),
            // Not yet defined: the IR is broken, and this is how one sees it.
            _ => format!("?{value}"),
        };
        values.iter().map(name).collect::<Vec<_>>().join(", ")
    }

    fn inst(&mut self, id: InstId, depth: usize, work: &mut Vec<Work>) {
        let inst = self.func.inst(id);
        let args = self.uses(self.func.args(id));
        let spaced = if args.is_empty() { String::new() } else { format!(" {args}") };
        let mut text = match inst.kind {
            InstKind::If(yes, no) => {
                work.push(Work::End(depth));
                self.push(work, no, depth + 1);
                work.push(Work::Else(depth));
                self.push(work, yes, depth + 1);
                format!("if {args} {{")
            }
            InstKind::Loop(region) => {
                work.push(Work::End(depth));
                self.push(work, region, depth + 1);
                let params = self.define(self.func.regions[region.index()].params.iter().copied());
                let equals = if params.is_empty() { "" } else { " = " };
                format!("loop ({params}{equals}{args}) {{")
            }
            InstKind::Block(region) => {
                work.push(Work::End(depth));
                self.push(work, region, depth + 1);
                "block {".to_owned()
            }
            InstKind::Exit(target) => format!("exit @{}{spaced}", self.labels[target.index()]),
            InstKind::Repeat(target) => format!("repeat @{}{spaced}", self.labels[target.index()]),
            kind => format!("{}{spaced}", kind_name(kind)),
        };
        if inst.kind.is_structured() {
            self.labels[id.index()] = self.next_label;
            text = format!("@{} {text}", self.next_label);
            self.next_label += 1;
        }
        let results = self.define(self.func.results(id));
        if !results.is_empty() {
            text = format!("{results} = {text}");
        }
        if let Some(comment) = self.comment(id) {
            text = format!("{text:<44} {comment}");
        }
        self.line(depth, text.trim_end());
    }

    /// `; 12..17 text`
    fn comment(&self, id: InstId) -> Option<String> {
        let source = self.source?;
        let span = self.func.inst(id).span;
        let piece = source.get(span.start as usize..span.end as usize)?;
        let mut text: String = piece.split_whitespace().collect::<Vec<_>>().join(" ");
        if let Some((cut, _)) = text.char_indices().nth(COMMENT) {
            text.truncate(cut);
            text.push('…');
        }
        Some(format!("; {}..{} {text}", span.start, span.end))
    }
}

fn scalar_name(scalar: Scalar) -> &'static str {
    match scalar {
        Scalar::F64 => "f64",
        Scalar::I64 => "i64",
        Scalar::Bool => "bool",
        Scalar::Ptr => "ptr",
    }
}

/// What an instruction without regions is called.
fn kind_name(kind: InstKind) -> String {
    match kind {
        InstKind::ConstF64(bits) => format!("{:?}", f64::from_bits(bits)),
        InstKind::ConstI64(n) => n.to_string(),
        InstKind::ConstBool(b) => b.to_string(),
        InstKind::Op(op) => op.name().to_owned(),
        InstKind::Math(math) => math.name().to_owned(),
        InstKind::Select => "select".to_owned(),
        InstKind::BoundsCheck => "bounds_check".to_owned(),
        InstKind::AssumeInBounds => "assume_in_bounds".to_owned(),
        InstKind::SliceCheck => "slice_check".to_owned(),
        InstKind::ElemAddr(elem) => format!("elem_addr.{elem}"),
        InstKind::Load(elem) => format!("load.{elem}"),
        InstKind::Store(elem) => format!("store.{elem}"),
        InstKind::Alloc(elem) => format!("alloc.{elem}"),
        InstKind::ArrayOp(op, elem) => format!("{}.{elem}", op.name()),
        InstKind::ArenaMark => "arena_mark".to_owned(),
        InstKind::ArenaRelease => "arena_release".to_owned(),
        InstKind::MeterLoop => "meter_loop".to_owned(),
        InstKind::EnterCall(1) => "enter_call".to_owned(),
        InstKind::LeaveCall(1) => "leave_call".to_owned(),
        InstKind::EnterCall(levels) => format!("enter_call {levels}"),
        InstKind::LeaveCall(levels) => format!("leave_call {levels}"),
        InstKind::EnterInlined(levels) => format!("enter_inlined {levels}"),
        InstKind::Call(func) => format!("call fn{}", func.0),
        InstKind::HostCall(host) => format!("host_call host{}", host.0),
        InstKind::Splat => "splat".to_owned(),
        InstKind::LaneIndex => "lane_index".to_owned(),
        InstKind::AnyLane => "any_lane".to_owned(),
        InstKind::VectorLoad(elem) => format!("vector_load.{elem}"),
        InstKind::VectorStore(elem) => format!("vector_store.{elem}"),
        InstKind::Gather(elem) => format!("gather.{elem}"),
        InstKind::TableLoad(table) => format!("table.{}", table.name()),
        InstKind::MathLanes(math) => format!("{}.lanes", math.name()),
        InstKind::TruncateLanes => "truncate.lanes".to_owned(),
        InstKind::If(..) => "if".to_owned(),
        InstKind::Loop(_) => "loop".to_owned(),
        InstKind::Block(_) => "block".to_owned(),
        InstKind::Exit(_) => "exit".to_owned(),
        InstKind::Repeat(_) => "repeat".to_owned(),
        InstKind::Return => "return".to_owned(),
        InstKind::Trap(kind) => format!("trap {kind}"),
        InstKind::Unreachable => "unreachable".to_owned(),
    }
}
