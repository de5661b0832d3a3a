//! Faults under a running program, with handlers of every kind before and behind ours.

use std::sync::atomic::{AtomicI32, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use cresset::memory::page_size;
use cresset::{Arg, Buffer, Config, Data, DataMut, Engine, Error, Execution, Func, Module, TrapKind, Value};

use crate::process::{assert_dies, in_child};
use crate::{TempFile, apart};

const ELEMENTS: usize = 8192;

fn engine(shrink: impl Fn() + Send + Sync + 'static) -> Engine {
    Config::new().execution(Execution::Jit).catch_faults(true).host_fn("shrink", shrink).engine().unwrap()
}

/// Loops over the array, which is cut off half way.
const LOOP: &str =
    "fn f(xs: [f64]) -> f64 { var s = 0.0; for i in 0..len(xs) { if i == 100 { shrink(); } s += xs[i]; } s }";

/// A file, and a program that makes it shorter while it reads it.
struct Shrinking {
    file: TempFile,
    engine: Engine,
}

impl Shrinking {
    fn new(name: &str) -> Shrinking {
        let file = TempFile::floats(name, &vec![1.0; ELEMENTS]);
        let path = file.path.clone();
        let engine = engine(move || {
            std::fs::File::options().write(true).open(&path).unwrap().set_len(page_size() as u64).unwrap();
        });
        Shrinking { file, engine }
    }

    fn module(&self, text: &str) -> Module {
        self.engine.compile(text).unwrap()
    }

    #[track_caller]
    fn run(&self, module: &Module) -> cresset::Trap {
        self.file.len(8 * ELEMENTS as u64);
        let data = Data::<f64>::open(&self.file.path).unwrap();
        trap(module.call("f", &mut [Arg::from(&data)]))
    }
}

#[track_caller]
fn trap(outcome: Result<Value, Error>) -> cresset::Trap {
    outcome.unwrap_err().trap().unwrap().clone()
}

#[track_caller]
fn assert_bus_error(trap: &cresset::Trap, text: &str, expression: &str) {
    assert_eq!(trap.kind, TrapKind::BusError);
    let (start, end) = (trap.span.start as usize, trap.span.end as usize);
    assert_eq!(&text[start..end], expression);
}

#[test]
fn a_file_cut_off_under_a_program_is_a_trap_at_its_place() {
    let shrinking = Shrinking::new("loop");
    let module = shrinking.module(LOOP);
    for _ in 0..100 {
        assert_bus_error(&shrinking.run(&module), LOOP, "xs[i]");
    }
    // The next call works.
    let data = Data::<f64>::open(&TempFile::floats("whole", &[2.0; 50]).path).unwrap();
    assert_eq!(module.call("f", &mut [Arg::from(&data)]).unwrap(), Value::F64(100.0));
}

#[test]
fn the_call_stack_is_told() {
    let shrinking = Shrinking::new("stack");
    let text = "fn g(xs: [f64], n: i64) -> f64 { if n == 0 { shrink(); xs[len(xs) - 1] } else { 1 + g(xs, n - 1) } }
        fn f(xs: [f64]) -> f64 { 2 * g(xs, 5) }";
    let trap = shrinking.run(&shrinking.module(text));
    assert_bus_error(&trap, text, "xs[len(xs) - 1]");
    let calls: Vec<&str> =
        trap.stack.iter().map(|frame| &text[frame.call.start as usize..frame.call.end as usize]).collect();
    assert_eq!(calls, ["g(xs, n - 1)", "g(xs, n - 1)", "g(xs, n - 1)", "g(xs, n - 1)", "g(xs, n - 1)", "g(xs, 5)"]);
}

#[test]
fn whole_array_operations_trap_likewise() {
    let shrinking = Shrinking::new("whole");
    for operation in ["sum(xs)", "dot(xs, xs)", "max(xs)", "mean(xs)"] {
        let text = format!("fn f(xs: [f64]) {{ shrink(); {operation} }}");
        assert_bus_error(&shrinking.run(&shrinking.module(&text)), &text, operation);
    }
    let text = "fn f(xs: [f64]) { var to = [0.0; 8192]; shrink(); copy(to, xs); to[0] }";
    assert_bus_error(&shrinking.run(&shrinking.module(text)), text, "copy(to, xs)");
    // A result that lies in the file is copied out behind the program's end.
    let text = "fn f(xs: [f64]) { shrink(); xs[1..] }";
    assert_eq!(shrinking.run(&shrinking.module(text)).kind, TrapKind::BusError);
}

#[test]
fn writing_to_a_file_cut_off_is_a_trap_too() {
    let shrinking = Shrinking::new("write");
    for text in [
        "fn f(mut xs: [f64]) { shrink(); for i in 0..len(xs) { xs[i] = 1.5; } }",
        "fn f(mut xs: [f64]) { shrink(); fill(xs, 1.5); }",
    ] {
        let module = shrinking.module(text);
        for private in [false, true] {
            shrinking.file.len(8 * ELEMENTS as u64);
            let path = &shrinking.file.path;
            let mut data = if private { DataMut::<f64>::open_private(path) } else { DataMut::open(path) }.unwrap();
            let trap = trap(module.call("f", &mut [Arg::from(&mut data)]));
            assert_eq!(trap.kind, TrapKind::BusError);
            // What was written before the trap stays.
            assert_eq!(data.get(page_size() / 8 - 1), Ok(1.5));
        }
    }
}

/// The floating-point control register, as the host set it.
#[cfg(target_arch = "x86_64")]
fn control() -> u32 {
    let mut word = 0;
    // SAFETY: stores the register into a local.
    unsafe { std::arch::asm!("stmxcsr [{}]", in(reg) &mut word) };
    word & 0xFFC0
}

#[cfg(target_arch = "x86_64")]
fn set_control(word: u32) {
    // SAFETY: a word without reserved bits.
    unsafe { std::arch::asm!("ldmxcsr [{}]", in(reg) &word) };
}

#[cfg(target_arch = "aarch64")]
fn control() -> u64 {
    let word: u64;
    // SAFETY: reads the register.
    unsafe { std::arch::asm!("mrs {}, fpcr", out(reg) word) };
    word
}

#[cfg(target_arch = "aarch64")]
fn set_control(word: u64) {
    // SAFETY: sets rounding and flushing only.
    unsafe { std::arch::asm!("msr fpcr, {}", in(reg) word) };
}

#[cfg(target_arch = "x86_64")]
const ODD: u32 = 0x1F80 | 0x6000 | 0x8040;
#[cfg(target_arch = "aarch64")]
const ODD: u64 = (3 << 22) | (1 << 24);

/// The thread's alternate stack and mask of signals.
fn signal_state() -> (usize, usize, i32, Vec<bool>) {
    // SAFETY: asks for both.
    unsafe {
        let (mut stack, mut mask): (libc::stack_t, libc::sigset_t) = (std::mem::zeroed(), std::mem::zeroed());
        assert_eq!(libc::sigaltstack(std::ptr::null(), &mut stack), 0);
        assert_eq!(libc::pthread_sigmask(libc::SIG_BLOCK, std::ptr::null(), &mut mask), 0);
        let blocked = (1..32).map(|signal| libc::sigismember(&mask, signal) == 1).collect();
        (stack.ss_sp as usize, stack.ss_size, stack.ss_flags, blocked)
    }
}

fn block(signal: i32) {
    // SAFETY: changes the mask of this thread.
    unsafe {
        let mut set = std::mem::zeroed();
        libc::sigemptyset(&mut set);
        libc::sigaddset(&mut set, signal);
        assert_eq!(libc::pthread_sigmask(libc::SIG_BLOCK, &set, std::ptr::null_mut()), 0);
    }
}

fn set_alternate_stack(size: usize) {
    let flags = if size == 0 { libc::SS_DISABLE } else { 0 };
    let memory = Box::leak(vec![0_u8; size.max(1)].into_boxed_slice());
    let stack = libc::stack_t { ss_sp: memory.as_mut_ptr().cast(), ss_flags: flags, ss_size: size };
    // SAFETY: the memory is never freed.
    assert_eq!(unsafe { libc::sigaltstack(&stack, std::ptr::null_mut()) }, 0);
}

#[test]
fn mask_alternate_stack_and_registers_are_as_before() {
    let shrinking = Shrinking::new("state");
    let module = shrinking.module(LOOP);
    // SAFETY: reads a number that the kernel gave; an emulator may give none.
    let least = unsafe { libc::getauxval(libc::AT_MINSIGSTKSZ) } as usize;
    std::thread::scope(|scope| {
        for (stack, blocked) in [(0, false), (least.max(libc::MINSIGSTKSZ) + 2048, false), (64 << 10, true), (0, true)]
        {
            let (shrinking, module) = (&shrinking, &module);
            let run = move || {
                set_alternate_stack(stack);
                if blocked {
                    block(libc::SIGBUS);
                    block(libc::SIGUSR1);
                }
                let usual = control();
                set_control(ODD);
                let before = signal_state();
                for _ in 0..20 {
                    assert_bus_error(&shrinking.run(module), LOOP, "xs[i]");
                    assert_eq!((control(), signal_state()), (ODD, before.clone()));
                }
                set_control(usual);
            };
            scope.spawn(run).join().unwrap();
        }
    });
}

#[test]
fn a_thread_that_c_made_can_trap() {
    extern "C" fn body(argument: *mut libc::c_void) -> *mut libc::c_void {
        // SAFETY: the test passes this and waits.
        let shrinking = unsafe { &*argument.cast::<Shrinking>() };
        let module = shrinking.module(LOOP);
        let caught = (0..20).all(|_| shrinking.run(&module).kind == TrapKind::BusError);
        std::ptr::without_provenance_mut(usize::from(caught))
    }
    let shrinking = Shrinking::new("foreign");
    // SAFETY: the thread ends before `shrinking` goes.
    unsafe {
        let mut thread = std::mem::zeroed();
        let argument = (&raw const shrinking).cast_mut().cast();
        assert_eq!(libc::pthread_create(&mut thread, std::ptr::null(), body, argument), 0);
        let mut caught = std::ptr::null_mut();
        assert_eq!(libc::pthread_join(thread, &mut caught), 0);
        assert_eq!(caught.addr(), 1);
    }
}

#[test]
fn many_threads_trap_many_times() {
    let (threads, rounds) = if cfg!(target_arch = "x86_64") { (8, 300) } else { (4, 20) };
    std::thread::scope(|scope| {
        for thread in 0..threads {
            scope.spawn(move || {
                let shrinking = Shrinking::new(&format!("storm-{thread}"));
                let module = shrinking.module(LOOP);
                for _ in 0..rounds {
                    assert_eq!(shrinking.run(&module).kind, TrapKind::BusError);
                }
            });
        }
    });
}

#[test]
fn a_call_back_into_the_engine_keeps_the_outer_call_apart() {
    let inner = TempFile::floats("inner", &vec![1.0; ELEMENTS]);
    let outer = TempFile::floats("outer", &vec![1.0; ELEMENTS]);
    let paths = (inner.path.clone(), outer.path.clone());
    let nested = engine(|| ()).compile("fn f(xs: [f64], i: i64) = xs[i];").unwrap();
    let engine = Config::new()
        .catch_faults(true)
        .host_fn("nested", move || -> bool {
            let data = Data::<f64>::open(&paths.0).unwrap();
            let cut = |path| std::fs::File::options().write(true).open(path).unwrap().set_len(0).unwrap();
            cut(&paths.0);
            let inner = nested.call("f", &mut [Arg::from(&data), Arg::from(5000_i64)]);
            cut(&paths.1);
            trap(inner).kind == TrapKind::BusError
        })
        .engine()
        .unwrap();
    let text = "fn f(xs: [f64]) -> f64 { if nested() { xs[5000] } else { 0 } }";
    let data = Data::<f64>::open(&outer.path).unwrap();
    assert_bus_error(&trap(engine.compile(text).unwrap().call("f", &mut [Arg::from(&data)])), text, "xs[5000]");
}

#[test]
fn a_call_back_into_the_same_program_leaves_the_outer_call_its_context() {
    let file = TempFile::floats("same", &vec![1.0; ELEMENTS]);
    let path = file.path.clone();
    let inner = Arc::new(OnceLock::<Func<fn(i64) -> i64>>::new());
    let of_host = inner.clone();
    let config = Config::new().execution(Execution::Jit).catch_faults(true).host_fn("again", move || -> bool {
        // Recursive, so that it runs on a stack of its own with a context of its own.
        let depth = of_host.get().unwrap().call(10).unwrap();
        std::fs::File::options().write(true).open(&path).unwrap().set_len(0).unwrap();
        depth == 10
    });
    let engine = config.engine().unwrap();
    let text = "fn deep(n: i64) -> i64 { if n < 1 { 0 } else { 1 + deep(n - 1) } }
                fn f(xs: [f64]) -> f64 { if again() { xs[5000] } else { 0 } }";
    let module = engine.compile(text).unwrap();
    inner.set(module.func("deep").unwrap()).ok().unwrap();
    let data = Data::<f64>::open(&file.path).unwrap();
    assert_bus_error(&trap(module.call("f", &mut [Arg::from(&data)])), text, "xs[5000]");
}

static CALLS: AtomicUsize = AtomicUsize::new(0);
static SEEN: AtomicI32 = AtomicI32::new(0);
static CHAINED: AtomicUsize = AtomicUsize::new(0);

/// Sets an action, and gives the one before.
fn set_action(signal: i32, handler: usize, flags: i32, blocked: Option<i32>) -> libc::sigaction {
    // SAFETY: the handlers of these tests keep to what a handler may do.
    unsafe {
        let (mut action, mut before): (libc::sigaction, libc::sigaction) = (std::mem::zeroed(), std::mem::zeroed());
        action.sa_sigaction = handler;
        action.sa_flags = flags;
        libc::sigemptyset(&mut action.sa_mask);
        if let Some(blocked) = blocked {
            libc::sigaddset(&mut action.sa_mask, blocked);
        }
        assert_eq!(libc::sigaction(signal, &action, &mut before), 0);
        before
    }
}

fn fault() {
    // SAFETY: none: this is the fault that the test is about.
    unsafe { std::ptr::without_provenance_mut::<u32>(64).write_volatile(1) };
}

extern "C" fn leave_with_details(signal: i32, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    // SAFETY: what a handler is given; ends the child.
    unsafe {
        let right =
            signal == libc::SIGSEGV && (*info).si_addr().addr() == 64 && (*info).si_code == 1 && !context.is_null();
        let mut mask = std::mem::zeroed();
        libc::pthread_sigmask(libc::SIG_BLOCK, std::ptr::null(), &mut mask);
        let masked = libc::sigismember(&mask, libc::SIGSEGV) == 1 && libc::sigismember(&mask, libc::SIGUSR2) == 1;
        libc::_exit(if right && masked { 42 } else { 43 });
    }
}

extern "C" fn plain_leave(signal: i32) {
    // SAFETY: ends the child.
    unsafe { libc::_exit(if signal == libc::SIGSEGV { 44 } else { 45 }) };
}

#[track_caller]
fn leaves_with(code: i32, body: impl FnOnce()) {
    assert_eq!(crate::process::end_of(body), crate::process::End::Exit(code));
}

/// In a child, before any handler of ours is installed there: `set` says what was there before.
fn with_handlers(set: impl FnOnce(), then: impl FnOnce(&Module)) {
    set();
    let engine = engine(|| ());
    let module = engine.compile("fn f(xs: [f64]) = xs[0];").unwrap();
    then(&module);
}

#[test]
fn a_fault_of_the_host_reaches_the_handler_that_was_there() {
    if !apart("faults::a_fault_of_the_host_reaches_the_handler_that_was_there") {
        return;
    }
    let detailed = leave_with_details as *const () as usize;
    leaves_with(42, || {
        let set = || _ = set_action(libc::SIGSEGV, detailed, libc::SA_SIGINFO, Some(libc::SIGUSR2));
        with_handlers(set, |_| fault());
    });
    leaves_with(44, || {
        with_handlers(|| _ = set_action(libc::SIGSEGV, plain_leave as *const () as usize, 0, None), |_| fault());
    });
    // A callback's fault is the host's.
    leaves_with(44, || {
        set_action(libc::SIGSEGV, plain_leave as *const () as usize, libc::SA_ONSTACK, None);
        let engine = engine(fault);
        let buffer = Buffer::<f64>::new(10).unwrap();
        let _ = engine.compile("fn f(xs: [f64]) { shrink(); xs[0] }").unwrap().call("f", &mut [Arg::from(&buffer)]);
    });
    // The default, and what is ignored though it cannot be.
    for action in [libc::SIG_DFL, libc::SIG_IGN] {
        assert_dies(libc::SIGSEGV, || with_handlers(|| _ = set_action(libc::SIGSEGV, action, 0, None), |_| fault()));
    }
    // What somebody sends is ignored, or kills, as it was.
    let send = || {
        // SAFETY: sends a signal to this child.
        unsafe { libc::raise(libc::SIGSEGV) };
    };
    leaves_with(0, || with_handlers(|| _ = set_action(libc::SIGSEGV, libc::SIG_IGN, 0, None), |_| send()));
    assert_dies(libc::SIGSEGV, || with_handlers(|| _ = set_action(libc::SIGSEGV, libc::SIG_DFL, 0, None), |_| send()));
    // A handler that is to be called once is.
    assert_dies(libc::SIGSEGV, || {
        let once = count_sent as *const () as usize;
        with_handlers(
            || _ = set_action(libc::SIGSEGV, once, libc::SA_SIGINFO | libc::SA_RESETHAND, None),
            |_| {
                send();
                assert_eq!(CALLS.load(Ordering::Relaxed), 1);
                send();
            },
        );
    });
}

extern "C" fn count_sent(_: i32, _: *mut libc::siginfo_t, _: *mut libc::c_void) {
    CALLS.fetch_add(1, Ordering::Relaxed);
}

/// As a virtual machine does: a fault at a null reference of its own code goes on elsewhere.
extern "C" fn recover_null(signal: i32, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    SEEN.store(signal, Ordering::Relaxed);
    // SAFETY: what a handler is given; the faulting instruction is `probe_null`'s, which is followed by its return.
    unsafe {
        if (*info).si_addr().addr() != 0 {
            libc::_exit(46);
        }
        let registers = &mut (*context.cast::<libc::ucontext_t>()).uc_mcontext;
        #[cfg(target_arch = "x86_64")]
        {
            registers.gregs[libc::REG_RIP as usize] += 2;
        }
        #[cfg(target_arch = "aarch64")]
        {
            registers.pc += 4;
        }
    }
}

/// Reads address 0 by an instruction of known length.
#[unsafe(naked)]
extern "C" fn probe_null() {
    #[cfg(target_arch = "x86_64")]
    std::arch::naked_asm!("xor eax, eax", "mov al, [rax]", "ret");
    #[cfg(target_arch = "aarch64")]
    std::arch::naked_asm!("mov x9, #0", "ldrb w9, [x9]", "ret");
}

#[test]
fn a_virtual_machine_recovers_from_its_own_faults_before_and_behind_us() {
    if !apart("faults::a_virtual_machine_recovers_from_its_own_faults_before_and_behind_us") {
        return;
    }
    let handler = recover_null as *const () as usize;
    let flags = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_RESTART | libc::SA_NODEFER;
    in_child(|| {
        set_action(libc::SIGSEGV, handler, flags, None);
        let shrinking = Shrinking::new("machine-before");
        let module = shrinking.module(LOOP);
        for _ in 0..10 {
            probe_null();
            assert_eq!(SEEN.swap(0, Ordering::Relaxed), libc::SIGSEGV);
            assert_eq!(shrinking.run(&module).kind, TrapKind::BusError);
        }
        std::fs::remove_file(&shrinking.file.path).unwrap();
    });
    in_child(|| {
        let shrinking = Shrinking::new("machine-behind");
        let module = shrinking.module(LOOP);
        set_action(libc::SIGSEGV, handler, flags, None);
        for _ in 0..10 {
            probe_null();
            assert_eq!(SEEN.swap(0, Ordering::Relaxed), libc::SIGSEGV);
            assert_eq!(shrinking.run(&module).kind, TrapKind::BusError);
        }
        std::fs::remove_file(&shrinking.file.path).unwrap();
    });
}

/// Passes everything on to the handler that it found.
extern "C" fn chain(signal: i32, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    SEEN.fetch_add(1, Ordering::Relaxed);
    // SAFETY: the test stored a handler with three arguments.
    let next: extern "C" fn(i32, *mut libc::siginfo_t, *mut libc::c_void) =
        unsafe { std::mem::transmute(CHAINED.load(Ordering::Relaxed)) };
    next(signal, info, context);
}

#[test]
fn a_handler_installed_after_ours_passes_our_faults_on() {
    if !apart("faults::a_handler_installed_after_ours_passes_our_faults_on") {
        return;
    }
    in_child(|| {
        let shrinking = Shrinking::new("chain");
        let module = shrinking.module(LOOP);
        let ours = set_action(libc::SIGBUS, chain as *const () as usize, libc::SA_SIGINFO | libc::SA_ONSTACK, None);
        assert!(ours.sa_flags & libc::SA_SIGINFO != 0 && ours.sa_flags & libc::SA_ONSTACK != 0);
        CHAINED.store(ours.sa_sigaction, Ordering::Relaxed);
        for round in 1..=10 {
            assert_eq!(shrinking.run(&module).kind, TrapKind::BusError);
            assert_eq!(SEEN.load(Ordering::Relaxed), round);
        }
        std::fs::remove_file(&shrinking.file.path).unwrap();
    });
    // One that resets the action, as Rust's own does for a signal that was sent, does not disarm us.
    in_child(|| {
        let shrinking = Shrinking::new("reset");
        let module = shrinking.module(LOOP);
        set_action(libc::SIGBUS, libc::SIG_DFL, 0, None);
        assert_eq!(shrinking.run(&module).kind, TrapKind::BusError);
        std::fs::remove_file(&shrinking.file.path).unwrap();
    });
}

#[test]
fn a_stack_overflow_of_the_host_is_told_by_rust() {
    const NAME: &str = "a_stack_overflow_of_the_host_is_told_by_rust";
    #[inline(never)]
    fn deep(n: u64) -> u64 {
        let room = std::hint::black_box([n; 64]);
        if n == u64::MAX { 0 } else { deep(n + 1) + room[(n % 64) as usize] }
    }
    if std::env::var_os("CRESSET_WALLS_OVERFLOW").is_some() {
        let engine = Config::new().catch_faults(true).host_fn("deep", || deep(0) as i64).engine().unwrap();
        let buffer = Buffer::<f64>::new(4).unwrap();
        let module = engine.compile("fn f(xs: [f64]) -> i64 { deep() + len(xs) }").unwrap();
        std::thread::spawn(move || module.call("f", &mut [Arg::from(&buffer)]).is_ok()).join().unwrap();
        return;
    }
    if cfg!(not(target_arch = "x86_64")) {
        eprintln!("not tested: an emulated program cannot start itself");
        return;
    }
    let outcome = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &format!("faults::{NAME}"), "--nocapture"])
        .env("CRESSET_WALLS_OVERFLOW", "1")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&outcome.stderr);
    assert!(!outcome.status.success() && text.contains("has overflowed its stack"), "{text}");
}

/// A page that vanishes though nobody can shorten it: what a wrong address in generated code would look like.
#[test]
fn a_fault_of_our_code_that_no_file_explains_ends_the_process() {
    if !apart("faults::a_fault_of_our_code_that_no_file_explains_ends_the_process") {
        return;
    }
    for text in ["fn f(xs: [f64]) { shrink(); xs[8000] }", "fn f(mut xs: [f64]) { shrink(); xs[8000] = 1.0; }"] {
        assert_dies(libc::SIGABRT, || {
            let mut buffer = Buffer::<f64>::new(ELEMENTS).unwrap();
            let address = buffer.as_ptr() as usize;
            let engine = engine(move || {
                let page = std::ptr::with_exposed_provenance_mut(address);
                // SAFETY: takes the access to memory of this child away.
                assert_eq!(unsafe { libc::mprotect(page, 8 * ELEMENTS, libc::PROT_NONE) }, 0);
            });
            let module = engine.compile(text).unwrap();
            let _ = module.call("f", &mut [Arg::from(&mut buffer)]);
        });
    }
}

/// The same in calls that are entered as a C function, or under no more than a context: the program counter alone tells.
#[test]
fn a_stray_fault_through_a_typed_handle_ends_the_process_with_the_report_too() {
    if !apart("faults::a_stray_fault_through_a_typed_handle_ends_the_process_with_the_report_too") {
        return;
    }
    let text =
        "fn checked(xs: [f64], i: i64) = xs[i]; fn pure(xs: [f64]) -> f64 { if len(xs) > 9 { xs[7] } else { 0 } }";
    let check = |call: &dyn Fn(&Module, &[f64])| {
        assert_aborts_with_report(|| {
            let module = engine(|| ()).compile(text).unwrap();
            let buffer = Buffer::<f64>::new(ELEMENTS).unwrap();
            let page = std::ptr::with_exposed_provenance_mut(buffer.as_ptr() as usize);
            // SAFETY: takes the access to memory of this child away: what a wrong address in generated code would meet.
            assert_eq!(unsafe { libc::mprotect(page, 8 * ELEMENTS, libc::PROT_NONE) }, 0);
            // SAFETY: none: reading it is the fault that the test is about.
            let xs = unsafe { std::slice::from_raw_parts(buffer.as_ptr(), ELEMENTS) };
            call(&module, xs);
        });
    };
    check(&|module, xs| _ = module.func::<fn(&[f64], i64) -> f64>("checked").unwrap().call((xs, 5)));
    check(&|module, xs| _ = module.func::<fn(&[f64]) -> f64>("pure").unwrap().call(xs));
    check(&|module, xs| {
        let mut sandbox = engine(|| ()).sandbox(cresset::Limits::default()).unwrap();
        _ = module.func::<fn(&[f64], i64) -> f64>("checked").unwrap().call_in(&mut sandbox, (xs, 5));
    });
    // Inside a call with a scope of its own, through a host function, too.
    check(&|module, xs| {
        let (inner, address) = (module.func::<fn(&[f64], i64) -> f64>("checked").unwrap(), xs.as_ptr() as usize);
        let outer = Config::new().catch_faults(true).host_fn("inner", move || {
            // SAFETY: as above.
            let xs = unsafe { std::slice::from_raw_parts(std::ptr::with_exposed_provenance(address), ELEMENTS) };
            inner.call((xs, 3)).is_ok()
        });
        _ = outer.engine().unwrap().compile("inner()").unwrap().run(&mut []);
    });
    // Dropped code is no code of ours any more: what happens there is the host's.
    assert_dies(libc::SIGSEGV, || {
        let engine = engine(|| ());
        let module = engine.compile("fn f(x) = x;").unwrap();
        let _ = module.func::<fn(f64) -> f64>("f").unwrap().call(1.0);
        drop((module, engine));
        fault();
    });
}

/// The child dies by the alarm, and says so.
#[track_caller]
fn assert_aborts_with_report(body: impl FnOnce()) {
    let (end, told) = crate::process::end_and_errors(body);
    assert_eq!(end, crate::process::End::Signal(libc::SIGABRT), "{told}");
    assert!(told.contains("cresset: generated code faulted where it must not: signal 0b"), "{told}");
}

/// A fault in the handler itself: the process dies of it at once, or goes where a fault of the host goes; it neither hangs nor goes round.
#[test]
fn a_fault_in_the_handler_ends_the_process_at_once() {
    if !apart("faults::a_fault_in_the_handler_ends_the_process_at_once") {
        return;
    }
    let run = |times: u8, previous: Option<usize>| {
        let started = std::time::Instant::now();
        let file = TempFile::floats("nested", &vec![1.0; ELEMENTS]);
        let end = crate::process::end_of(|| {
            // SAFETY: ends a child that hangs.
            unsafe { libc::alarm(2) };
            if let Some(handler) = previous {
                set_action(libc::SIGSEGV, handler, 0, None);
            }
            let path = file.path.clone();
            let engine = engine(move || std::fs::File::options().write(true).open(&path).unwrap().set_len(0).unwrap());
            let module = engine.compile(LOOP).unwrap();
            let data = Data::<f64>::open(&file.path).unwrap();
            cresset::runtime::signals::fault_in_handler(times);
            let _ = module.call("f", &mut [Arg::from(&data)]);
        });
        assert!(started.elapsed() < std::time::Duration::from_secs(1), "{:?}", started.elapsed());
        end
    };
    use crate::process::End;
    // One fault on top of the lost page: no claim to it, and the default action of the host's.
    assert_eq!(run(1, None), End::Signal(libc::SIGSEGV));
    // It goes to the handler that was there, as any fault of the host's does.
    assert_eq!(run(1, Some(plain_leave as *const () as usize)), End::Exit(44));
    // And one on top of that: the signal is blocked by then, and the kernel ends the process.
    assert_eq!(run(2, Some(plain_leave as *const () as usize)), End::Signal(libc::SIGSEGV));
    assert_eq!(run(u8::MAX, None), End::Signal(libc::SIGSEGV));
}

#[test]
fn without_the_wish_no_handler_is_installed() {
    if !apart("faults::without_the_wish_no_handler_is_installed") {
        return;
    }
    let action = |signal| {
        // SAFETY: reads the action.
        unsafe {
            let mut now: libc::sigaction = std::mem::zeroed();
            assert_eq!(libc::sigaction(signal, std::ptr::null(), &mut now), 0);
            (now.sa_sigaction, now.sa_flags)
        }
    };
    let signals = [libc::SIGSEGV, libc::SIGBUS, libc::SIGILL, libc::SIGFPE];
    let before = signals.map(action);
    let engine = Config::new().execution(Execution::Jit).engine().unwrap();
    for text in ["1 / 0", "div(1, 0)", "[1][5]", "while true { }", "fn f(n: i64) -> i64 { f(n + 1) } f(0)", "i64(NAN)"]
    {
        let _ = engine.compile(text).unwrap().run(&mut []);
    }
    assert_eq!(signals.map(action), before);
    let engine = engine.compile("1").map(|_| Config::new().catch_faults(true).engine().unwrap());
    let ours = signals.map(action);
    assert!(ours.iter().zip(&before).all(|(ours, before)| ours != before) && engine.is_ok());
    // Once for the process.
    let _second = Config::new().catch_faults(true).engine().unwrap();
    assert_eq!(signals.map(action), ours);
}
