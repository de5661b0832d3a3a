//! The mappings of the process while programs come and go. One test: others beside it would map memory too.
#![cfg(target_os = "linux")]

use cresset::{Config, Execution};

/// The permissions of every mapping.
fn mappings() -> Vec<String> {
    let maps = std::fs::read_to_string("/proc/self/maps").expect("Linux has it");
    maps.lines().filter_map(|line| line.split_whitespace().nth(1)).map(str::to_owned).collect()
}

#[track_caller]
fn nothing_is_writable_and_executable() {
    assert!(mappings().iter().all(|perms| !(perms.contains('w') && perms.contains('x'))));
}

#[test]
fn programs_come_and_go_without_a_trace() {
    let many = if cfg!(target_arch = "x86_64") { 10_000 } else { 2_000 };
    let engine = Config::new().execution(Execution::Jit).engine().unwrap();
    let text = |i: i32| format!("fn f(n: i64) -> i64 {{ if n < 1 {{ {i} }} else {{ f(n - 1) + len([n; 9]) }} }} f(3)");
    let once = |i: i32| {
        let module = engine.compile(&text(i)).unwrap();
        assert_eq!(module.program::<fn() -> i64>().unwrap().call(()).unwrap(), i64::from(i) + 27);
        module
    };
    // Some of them held, as a host does; the others make room for the next ones at once.
    let held: Vec<_> = (0..100).map(once).collect();
    nothing_is_writable_and_executable();
    assert!(mappings().iter().any(|perms| perms.starts_with("r-x")));
    let before = mappings().len();
    let mut most = 0;
    for i in 0..many {
        once(i);
        if i % 500 == 0 {
            nothing_is_writable_and_executable();
            most = most.max(mappings().len());
        }
    }
    // An allocator may map a little; a mapping for each program would be thousands.
    assert!(most <= before + 64, "{before} mappings became {most}");
    for (i, module) in (0..).zip(&held) {
        assert_eq!(module.run(&mut []).unwrap(), (i64::from(i) + 27).into());
    }
    // Thousands at the same time share pages and their mappings.
    let all: Vec<_> = (0..many).map(once).collect();
    nothing_is_writable_and_executable();
    let full = mappings().len();
    assert!(full < before + many as usize / 4, "{before} mappings became {full}");
    drop((all, held));
    assert!(mappings().len() <= full, "{full} mappings became {}", mappings().len());
    // Nor does what an engine maps outlive it.
    let engines = (0..50).map(|_| {
        let engine = Config::new().execution(Execution::Jit).engine().unwrap();
        assert_eq!(engine.eval::<i64>("1 + 1").unwrap(), 2);
    });
    let before = mappings().len();
    engines.for_each(drop);
    assert!(mappings().len() <= before + 8, "{before} mappings became {}", mappings().len());
}
