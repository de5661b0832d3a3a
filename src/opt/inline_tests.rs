//! What is inlined, what is not, and what an instruction tells of the calls that it was in.

use super::inline::{call_stack, callees_first};
use super::tests::body;
use super::{Passes, optimize_program};
use crate::ir::build::tests::funcs;
use crate::ir::func::{Func, InstKind};
use crate::ir::index::Index;

fn program(source: &str) -> Vec<Func> {
    let mut funcs = funcs(source, true);
    optimize_program(&mut funcs, &Passes::ALL);
    funcs
}

fn calls(func: &Func) -> usize {
    Index::new(func).order.iter().filter(|&&id| matches!(func.inst(id).kind, InstKind::Call(_))).count()
}

fn insts(func: &Func) -> usize {
    Index::new(func).order.len()
}

#[test]
fn a_small_function_stands_where_it_was_called() {
    let text = body("fn square(v) = v * v; square(x) + square(x + 1)");
    assert!(!text.contains("call fn"), "{text}");
    assert_eq!(text.matches("fmul").count(), 2, "{text}");
    assert!(text.starts_with("enter_inlined 1\n") && text.contains("enter_inlined 0\n"), "{text}");
}

#[test]
fn a_nan_is_made_canonical_only_where_its_bits_can_be_seen() {
    let text = body("fn third(v) = v / 3; third(x) * third(x * 2) + sqrt(third(x + 1))");
    assert_eq!(text.matches("fcanon").count(), 1, "{text}");
    let text = body("fn third(v) = v / 3; third(x) * f64(bits(third(x * 2)))");
    assert_eq!(text.matches("fcanon").count(), 2, "{text}");
}

#[test]
fn a_return_in_the_middle_leaves_the_block_alone() {
    let text = body(
        "fn first(xs: [i64], v: i64) -> i64 { for i in 0..len(xs) { if xs[i] == v { return i; } } -1 } first(ks, 3) + n",
    );
    assert!(!text.contains("call fn") && text.contains("block {"), "{text}");
    assert!(!text.contains("bounds_check"), "{text}");
}

#[test]
fn levels_of_depth_are_taken_only_where_a_call_is_left() {
    let terms: Vec<String> = (0..60).map(|k| format!("v * {k}.5")).collect();
    let big = format!("fn big(v) = {}; ", terms.join(" + sin(v) + "));
    let text = body(&(big + "fn middle(v) = big(v) + 1; fn outer(v) = middle(v) * 2; outer(x)"));
    assert!(text.contains("enter_inlined 1") && text.contains("enter_inlined 2"), "{text}");
    assert!(text.contains("enter_call 3") && text.contains("leave_call 3"), "{text}");
}

#[test]
fn an_instruction_tells_its_calls() {
    let source = "fn f(k: i64) -> i64 { ks2(k) + 1 } fn ks2(k: i64) -> i64 { div(7, k) } f(n)";
    let funcs = program(source);
    let func = funcs.last().expect("a body");
    let text = |span: crate::span::Span| &source[span.start as usize..span.end as usize];
    let find = |kind| {
        Index::new(func).order.into_iter().find(|&id| func.inst(id).kind == InstKind::Op(kind)).expect("it is there")
    };
    let at =
        |kind| call_stack(func, find(kind)).into_iter().map(|(callee, call)| (callee, text(call))).collect::<Vec<_>>();
    assert_eq!(at(crate::ir::op::Op::IDiv), [(1, "ks2(k)"), (0, "f(n)")]);
    assert_eq!(at(crate::ir::op::Op::IWrappingAdd), [(0, "f(n)")]);
}

#[test]
fn a_function_that_calls_itself_is_put_into_itself_four_levels_deep() {
    let funcs = program("fn fib(n: i64) -> i64 { if n < 2 { n } else { fib(n - 1) + fib(n - 2) } } fib(n)");
    assert_eq!(calls(&funcs[0]), 32, "{}", crate::ir::print::print(&funcs[0]));
    let funcs = program(
        "fn even(n: i64) -> bool { n == 0 or odd(n - 1) } fn odd(n: i64) -> bool { n != 0 and even(n - 1) } even(n)",
    );
    assert!(funcs.iter().all(|func| calls(func) <= 2));
    let funcs = program("fn all(n: i64) -> i64 { if n < 1 { 0 } else { all(n - 1) + n } }");
    assert_eq!(calls(&funcs[0]), 1);
    assert!(crate::ir::print::print(&funcs[0]).contains("enter_call 5"));
}

#[test]
fn large_functions_and_endless_ones_stay_calls() {
    let terms: Vec<String> = (0..60).map(|k| format!("v * {k}.5")).collect();
    let source = format!("fn large(v) = {}; large(x)", terms.join(" + sin(v) + "));
    assert_eq!(calls(program(&source).last().expect("a body")), 1);
    let funcs = program("fn stuck(n: i64) -> i64 { while true { } } stuck(n)");
    assert_eq!(calls(funcs.last().expect("a body")), 1);
}

#[test]
fn sixty_functions_that_call_the_last_twice_stay_linear() {
    let mut source = String::from("fn f0(v) = v + 1; ");
    for k in 1..60 {
        source += &format!("fn f{k}(v) = f{0}(v) * 2 + f{0}(v + 1); ", k - 1);
    }
    let funcs = program(&(source + "f59(x)"));
    let total: usize = funcs.iter().map(insts).sum();
    assert!(total < 60 * 150, "{total} instructions");
}

#[test]
fn callees_come_first() {
    let order = |source: &str| callees_first(&funcs(source, true));
    assert_eq!(order("fn a() = b() + c(); fn b() = c() * 2; fn c() = 1; a()"), [2, 1, 0, 3]);
    assert_eq!(order("fn a(n: i64) -> i64 = b(n); fn b(n: i64) -> i64 = a(n); a(1)"), [1, 0, 2]);
}
