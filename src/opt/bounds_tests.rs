//! Which checks go and which stay. That programs do the same without them is tested with `ir::build`, whose machine looks at every proof as it runs.

use super::tests::body;

/// How many checks that can trap are left, besides those of fuel, depth and slices.
fn checks(source: &str) -> usize {
    let text = body(source);
    let is_check = |line: &&str| {
        ["bounds_check", "iadd ", "isub ", "imul ", "inarrow"].iter().any(|check| line.contains(&format!("= {check}")))
    };
    text.lines().filter(is_check).count()
}

#[track_caller]
fn none(source: &str) {
    assert_eq!(checks(source), 0, "{source}\n{}", body(source));
}

#[track_caller]
fn stays(source: &str, check: &str) {
    let text = body(source);
    assert!(text.contains(&format!("= {check} ")), "no {check} in {source}\n{text}");
}

#[track_caller]
fn has(source: &str, wanted: &str) {
    let text = body(source);
    assert!(text.contains(wanted), "no {wanted} in {source}\n{text}");
}

#[track_caller]
fn has_not(source: &str, unwanted: &str) {
    let text = body(source);
    assert!(!text.contains(unwanted), "{unwanted} in {source}\n{text}");
}

#[test]
fn counted_loops_need_no_checks() {
    none("var s = 0.0; for k in 0..len(fs) { s += fs[k] * fs[k]; } s");
    none("var s = 0.0; for v in fs { s += v; } s");
    none("var s = 0.0; var k = 0; while k < len(fs) { s += fs[k]; k += 1; } s");
    none("for k in 1..len(fs) - 1 { fs[k] = fs[k - 1] + fs[k + 1]; }");
    none("for k in 0..len(fs) { if k > 0 { fs[k - 1] = fs[k]; } }");
    none("let a = [0.0; 100]; var s = 0.0; for k in 0..100 { s += a[k]; } s");
    none("var s = 0; for k in 0..1000 { for m in k..1000 { s = k * m + 1; } } s");
    none(
        "var a = [true; 101]; for i in 2..101 { if a[i] { var j = i * i; while j <= 100 { a[j] = false; j += i; } } }",
    );
    none("var k = 0; while k < len(fs) { fs[k] = 1; k += 3; }");
    none("var k = 0; while k < len(fs) { if fs[k] > 0 { k += 1; continue; } fs[k] = 1; k += 2; }");
}

#[test]
fn loops_that_run_down_need_no_checks() {
    none("var k = len(fs) - 1; while k >= 0 { fs[k] = 1; k -= 1; }");
    none("var k = len(fs); while k > 0 { k -= 1; fs[k] = 1; }");
    none("for k in 0..len(fs) { fs[len(fs) - 1 - k] = 1; }");
    none("for k in 1..len(fs) { var j = k; while j > 0 and fs[j - 1] > fs[j] { fs[j] = 0; j -= 1; } }");
    stays("var k = len(fs); while k >= 0 { fs[k] = 1; k -= 1; }", "bounds_check");
    stays("var k = len(fs) - 1; while k >= -1 { fs[k] = 1; k -= 1; }", "bounds_check");
    stays("var k = n; while k >= 0 { fs[k] = 1; k -= 1; }", "bounds_check");
    stays("var k = len(fs) - 1; while k >= 0 { fs[k] = 1; k -= n; }", "bounds_check");
}

#[test]
fn conditions_and_earlier_checks_are_remembered() {
    none("if n >= 0 and n < len(ks) { ks[n] } else { 0 }");
    none("if n < 0 or n >= len(ks) { return 0; } ks[n]");
    none("if 0 <= n < len(ks) { ks[n] } else { 0 }");
    none("for k in 0..min(len(fs), len(ks)) { fs[k] = ks[k]; }");
    none("if len(fs) == len(ks) { for k in 0..len(fs) { fs[k] = ks[k]; } }");
    none("if len(fs) <= len(ks) { for k in 0..len(fs) { fs[k] = ks[k]; } }");
    assert_eq!(checks("ks[n] = 1; if n > 0 { ks[n - 1] = 2; }"), 1);
    assert_eq!(checks("ks[n] = 1; ks[n - 1] = 2;"), 2, "it may be the first");
    stays("if n < len(ks) { ks[n] } else { 0 }", "bounds_check");
    stays("if n < len(ks) or b { n } else { ks[n] }", "bounds_check");
    stays("if b { if n < 0 or n >= len(ks) { return 0; } } ks[n]", "bounds_check");
    stays("var k = n; if k < 0 or k >= len(ks) { return 0; } k += n; ks[k]", "bounds_check");
    stays("for k in 0..len(ks) { fs[k] = 1; }", "bounds_check");
}

#[test]
fn what_an_operation_gives_is_known() {
    none("let a = [0.0; 64]; a[bit_and(n, 63)]");
    none("let a = [0.0; 10]; a[floor_mod(n, 10)]");
    none("let a = [0.0; 256]; a[shr(n, 56)]");
    none("let a = [0.0; 256]; a[us[0]]".replace("us[0]", "bit_and(n, 255)").as_str());
    assert_eq!(checks("us[0] = clamp(n, 0, 255);"), 1, "only that of the index");
    assert_eq!(checks("let a = [0.0; 256]; a[us[0]]"), 1, "only that of the bytes");
    none("if len(ks) > 0 { ks[floor_mod(n, len(ks))] } else { 0 }");
    none("if len(ks) > 0 { ks[bit_and(n, len(ks) - 1)] } else { 0 }");
    none("for k in 0..len(ks) { ks[div(k, 2)] = k; }");
    none("if n >= 0 and len(ks) > 0 { ks[n % len(ks)] } else { 0 }");
    stays("let a = [0.0; 63]; a[bit_and(n, 63)]", "bounds_check");
    stays("let a = [0.0; 10]; a[n % 10]", "bounds_check");
    stays("ks[bit_and(n, len(ks) - 1)]", "bounds_check");
    stays("if len(ks) > 0 { ks[n % len(ks)] } else { 0 }", "bounds_check");
    stays("for k in 0..n { us[0] = k; }", "inarrow.u8");
    has_not("for k in 0..256 { us[0] = k; }", "inarrow");
    stays("for k in 0..257 { us[0] = k; }", "inarrow.u8");
}

#[test]
fn checks_that_may_fail_stay() {
    stays("var s = 0.0; for k in 0..=len(fs) { s += fs[k]; } s", "bounds_check");
    stays("var s = 0.0; for k in n..len(fs) { s += fs[k]; } s", "bounds_check");
    stays("var s = 0.0; for k in 0..len(ks) { s += fs[k]; } s", "bounds_check");
    stays("var s = 0.0; for k in 0..len(fs) { s += fs[k + 1]; } s", "bounds_check");
    stays("var s = 0.0; for k in 0..len(fs) { s += fs[k - 1]; } s", "bounds_check");
    stays("var s = 0.0; var k = 0; while k < len(fs) { k += 1; s += fs[k]; } s", "bounds_check");
    stays("var s = 0.0; var k = 0; while k < len(fs) { s += fs[k]; k += n; } s", "bounds_check");
    stays("var s = 0.0; var k = 0; while k < len(fs) { s += fs[k]; k = wrapping_add(k, 1 + n); } s", "bounds_check");
    stays("var k = 0; while b { k = wrapping_add(k, 8); if k < len(fs) { fs[k] = 1; } }", "bounds_check");
    stays("var a = fs; for k in 0..len(fs) { a = fs[1..2]; a[k] = 1; }", "bounds_check");
    stays("var k = 0; while k < len(fs) { fs[k] = 1; k = if b { k + 1 } else { n }; }", "bounds_check");
    stays("var k = 0; for m in 0..len(fs) { k += 1; fs[k] = 1; }", "bounds_check");
}

#[test]
fn sums_that_may_overflow_are_checked() {
    stays("n + 1", "iadd");
    stays("if n <= MAX_I64 { n + 1 } else { 0 }", "iadd");
    stays("var t = n; while b { t += 1; } t", "iadd");
    stays("var t = 0; while b { t += 5; } t", "iadd");
    stays("var t = 1; while b { t += t; } t", "iadd");
    stays("var t = 1; while b { t = t * 2; } t", "imul");
    stays("var t = 0; for k in 0..n { t += k; } t", "iadd");
    stays("var t = 0; for k in ks { t += k; } t", "iadd");
    stays("var a = 0; var c = 1; for k in 0..n { let d = a + c; a = c; c = d; } a", "iadd");
    stays("if n > 0 { n - MIN_I64 } else { 0 }", "isub");
    stays("abs(n) - -1", "isub");
    has_not("if n > 0 { n - 1 } else { 0 }", "= isub ");
    has_not("if n < 100 and n > -100 { n * n } else { 0 }", "= imul ");
    stays("if n < 1 << 32 { n * n } else { 0 }".replace("1 << 32", "4294967296").as_str(), "imul");
    has_not("if n == 7 { n + 1 } else { 0 }", "= iadd ");
}

#[test]
fn counters_do_not_overflow_in_a_lifetime() {
    none("var t = 0; while b { t += 1; } t");
    none("var t = 5; while b { if x > 0 { t += 1; } else { t -= 2; } } t");
    none("var t = 0; for v in fs { if v > 0 { t += 1; } } t");
    none("var t = 0; for v in fs { t += i64(v > 0); } t");
    none("var t = 0; for k in 0..n { var m = t; while m < n { m += 1; } t = m; } t");
    stays("var t = MAX_I64 - 3; while b { t += 1; } t", "iadd");
}

#[test]
fn what_is_never_negative_stays_so() {
    // The numbers of the Collatz sequence: half of one, or three times it plus one.
    let collatz =
        "var m = len(fs); var t = 0; while m != 1 { m = if m % 2 == 0 { div(m, 2) } else { 3 * m + 1 }; t += 1; } t";
    has_not(collatz, "irem");
    has_not(collatz, "idiv");
    has(collatz, "imul");
    has_not(collatz, "= iadd ");
    has("var m = n; while m != 1 { m = if m % 2 == 0 { div(m, 2) } else { 3 * m + 1 }; } m", "idiv");
    has("var m = len(fs); while b { m = div(m, 2) - 1; } div(m, 4)", "idiv");
    none(
        "var k = 1; while k < len(fs) { fs[k] = 1; k = k * 2; }"
            .replace("k = k * 2", "k = wrapping_add(k, 0) + 3")
            .as_str(),
    );
}

#[test]
fn powers_of_two_need_no_division() {
    has("floor_div(n, 8)", "isar");
    has("floor_mod(n, 8)", "iand");
    has("if n >= 0 { div(n, 8) } else { 0 }", "isar");
    has("if n >= 0 { n % 8 } else { 0 }", "iand");
    has("if n % 2 == 0 { x } else { 1 }", "iand");
    has("if n % -8 != 0 { x } else { 1 }", "iand");
    has("div(n, 8)", "idiv");
    has("n % 8", "irem");
    has("if n % 2 == 1 { x } else { 1 }", "irem");
    has("if n >= -1 { div(n, 8) } else { 0 }", "idiv");
    has("wrapping_mul(n, 8)", "ishl");
    has("n * 8", "imul");
    has("for k in 0..len(fs) { host(k * 8); }", "ishl");
}

#[test]
fn conditions_that_are_known_go() {
    has_not("if len(fs) >= 0 { 1 } else { 2 }", "if ");
    has_not("for k in 0..n { if k < 0 { host(1); } }", "host");
    has_not("for k in 0..n { if k >= n { host(1); } }", "host");
    has_not("if n > 3 { if n == 2 { host(1); } }", "host");
    has("for k in 0..n { if k > 0 { host(1); } }", "host");
    has("if n > 3 { if n == 4 { host(1); } }", "host");
}

#[test]
fn a_long_function_of_checks_takes_linear_time() {
    let mut source = String::from("var t = 0; ");
    for k in 0..20_000 {
        source += &format!("if n > {k} {{ t = ks[n - {k}]; }} ");
    }
    assert!(body(&(source + "t")).lines().count() > 20_000);
}
