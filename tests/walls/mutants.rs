//! Changed machine code that the verifier accepts, run by the processor: in a child that may ask the system for nothing but memory, arrays between pages without access. It ends with a value or a
//! trap; it never asks the system for anything, touches what is not its own, or fails to come back.
//!
//! `tests/verify/mutants.rs` judges many more, for both machines, by their steps; this one also judges whether the decoder says what the processor does.

use crate::apart;
use crate::process::{End, end_and_errors};
use cresset::codegen::planted::change;
use cresset::{Arg, Buffer, Config, Engine, Error, Execution, Limits, listing};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

/// Each takes floats, whole numbers of 32 bits that may be written, and two numbers.
const TEXTS: [&str; 6] = [
    "fn f(xs: [f64], mut ns: [i32], i: i64, n: i64) -> f64 { ns[n] = i; xs[i] * 2 }",
    "fn f(xs: [f64], mut ns: [i32], i: i64, n: i64) -> f64 { var s = 0.0; for k in 0..len(xs) { s += xs[k]; } s }",
    "fn f(xs: [f64], mut ns: [i32], i: i64, n: i64) -> f64 { let part = xs[i..]; ns[n] = len(part); part[n] }",
    "fn g(n: i64) -> i64 { if n < 2 { n } else { g(n - 1) + g(n - 2) } } fn f(xs: [f64], mut ns: [i32], i: i64, n: i64) -> f64 { f64(g(n % 12)) }",
    "fn f(xs: [f64], mut ns: [i32], i: i64, n: i64) -> f64 { var k = i; while k < n { ns[k] = k * k; k += 3; } xs[0] / f64(div(i, n)) }",
    "fn f(xs: [f64], mut ns: [i32], i: i64, n: i64) -> f64 { let ys = [sin(xs[i]); 5]; ns[n % len(ns)] = 1; sum(ys) + ys[n % 5] }",
];

/// What parent and child both see.
struct Shared {
    /// The change under way.
    at: AtomicU64,
    rejected: AtomicU64,
    values: AtomicU64,
    traps: AtomicU64,
}

fn shared() -> &'static Shared {
    // SAFETY: a page that children share; it lives as long as the process.
    unsafe {
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        let page = libc::mmap(std::ptr::null_mut(), 4096, protection, libc::MAP_SHARED | libc::MAP_ANONYMOUS, -1, 0);
        assert_ne!(page, libc::MAP_FAILED);
        &*page.cast()
    }
}

fn engine() -> Engine {
    let mut config = Config::new().execution(Execution::Jit).verify(true).catch_faults(true);
    // What is rejected would be made again otherwise.
    config.passes.bounds = false;
    config.engine().unwrap()
}

/// Has the kernel end this child at any call of the system but those that memory, threads' locks, signals, and its own end need.
fn allow_memory_alone() {
    let calls = [
        libc::SYS_mmap,
        libc::SYS_munmap,
        libc::SYS_mprotect,
        libc::SYS_mremap,
        libc::SYS_madvise,
        libc::SYS_brk,
        libc::SYS_futex,
        libc::SYS_membarrier,
        libc::SYS_rt_sigaction,
        libc::SYS_rt_sigprocmask,
        libc::SYS_rt_sigreturn,
        libc::SYS_sigaltstack,
        libc::SYS_gettid,
        libc::SYS_getpid,
        libc::SYS_tgkill,
        libc::SYS_alarm,
        libc::SYS_write,
        libc::SYS_exit_group,
        libc::SYS_clock_gettime,
        libc::SYS_getrandom,
        libc::SYS_prctl,
    ];
    let op = |code: u16, k: u32, jt: u8, jf: u8| libc::sock_filter { code, jt, jf, k };
    const LOAD: u16 = 0x20;
    const JUMP_EQUAL: u16 = 0x15;
    const RETURN: u16 = 0x06;
    let mut program = vec![op(LOAD, 0, 0, 0)];
    for call in calls {
        program.push(op(JUMP_EQUAL, call as u32, 0, 1));
        program.push(op(RETURN, libc::SECCOMP_RET_ALLOW, 0, 0));
    }
    program.push(op(RETURN, libc::SECCOMP_RET_KILL_PROCESS, 0, 0));
    let filter = libc::sock_fprog { len: program.len() as u16, filter: program.as_mut_ptr() };
    // SAFETY: a filter for this child.
    unsafe {
        // The C library's allocator asks the first time it gives memory back, by a file of /proc, whether it may; it shall not give any back.
        #[cfg(target_env = "gnu")]
        assert_eq!(libc::mallopt(libc::M_TRIM_THRESHOLD, libc::c_int::MAX), 1);
        assert_eq!(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
        let outcome = libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, 0, &filter);
        assert_eq!(outcome, 0, "{}", std::io::Error::last_os_error());
    }
}

/// Compiles with one byte changed and runs it with indices inside, at the edges and far away.
fn run(engine: &Engine, text: &str, shared: &Shared) {
    let module = match engine.compile(text) {
        Ok(module) => module,
        Err(error) => {
            assert!(error.to_string().contains("refused"), "{error}");
            shared.rejected.fetch_add(1, Ordering::Relaxed);
            return;
        }
    };
    let (mut xs, mut ns) = (Buffer::<f64>::new(512).unwrap(), Buffer::<i32>::new(1024).unwrap());
    for (i, n) in
        [(3, 5), (511, 1023), (512, 1024), (-1, -1), (0, 0), (i64::MAX, i64::MIN), (1 << 40, 1 << 61), (7, 100)]
    {
        let limits = Limits::default().fuel(20_000).depth(50).memory(1 << 20);
        let mut sandbox = engine.sandbox(limits).unwrap();
        let mut args = [Arg::from(&mut xs), Arg::from(&mut ns), Arg::I64(i), Arg::I64(n)];
        match module.call_in(&mut sandbox, "f", &mut args) {
            Ok(_) => shared.values.fetch_add(1, Ordering::Relaxed),
            Err(Error::Trap(_)) => shared.traps.fetch_add(1, Ordering::Relaxed),
            Err(error) => panic!("{error}"),
        };
    }
    assert!(xs.iter().all(|x| *x == 0.0), "an array that is only read was written");
}

#[test]
fn what_is_accepted_of_changed_code_does_no_harm_to_the_process() {
    if !apart("mutants::what_is_accepted_of_changed_code_does_no_harm_to_the_process") {
        return;
    }
    let step = std::env::var("CRESSET_EXHAUSTIVE").ok().and_then(|one_in| one_in.parse().ok()).unwrap_or(31);
    let shared = shared();
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut total = 0;
    for text in TEXTS {
        let plain = Config::new().execution(Execution::Interpreter).engine().unwrap();
        let bits = listing::code(&plain, text, &[], cresset::Cpu::X86_64V3).unwrap().code.len() as u64 * 8;
        shared.at.store(0, Ordering::Relaxed);
        while shared.at.load(Ordering::Relaxed) < bits {
            let (end, told) = end_and_errors(|| {
                let engine = engine();
                change(None);
                run(&engine, text, shared);
                allow_memory_alone();
                let mut at = shared.at.load(Ordering::Relaxed);
                while at < bits {
                    shared.at.store(at, Ordering::Relaxed);
                    // SAFETY: ends a child that hangs.
                    unsafe { libc::alarm(5) };
                    change(Some((at as u32 / 8, 1 << (at % 8))));
                    run(&engine, text, shared);
                    at += step;
                }
                shared.at.store(bits, Ordering::Relaxed);
            });
            let at = shared.at.load(Ordering::Relaxed);
            if end != End::Exit(0) || at < bits {
                let told = told.lines().last().unwrap_or_default();
                found.entry(format!("{end:?}")).or_default().push(format!("bit {at} of {text}: {told}"));
                shared.at.store(at + step, Ordering::Relaxed);
            }
        }
        total += bits / step;
    }
    let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
    let (rejected, values, traps) = (of(&shared.rejected), of(&shared.values), of(&shared.traps));
    println!("{total} changes: {rejected} rejected; the others gave {values} values and {traps} traps");
    assert!(rejected > total / 2 && values > 100 && traps > 100, "{rejected} of {total}, {values}, {traps}");
    assert!(found.is_empty(), "{found:#?}");
}
