//! Publishing machine code while others do: never writable and executable, never writable again; by the process's mappings and by the kernel's refusal.

use std::thread;

use cresset::memory::failpoint;
use cresset::{Config, Engine, Execution};

use crate::process::assert_never_writable_and_executable;

fn engine() -> Engine {
    Config::new().execution(Execution::Jit).engine().unwrap()
}

/// Compiles, runs and drops programs of many sizes; some stay for a while.
fn publish(engine: &Engine, worker: usize, rounds: usize) {
    let mut live = Vec::new();
    for round in 0..rounds {
        let terms: Vec<String> = (0..round * 7 % 120).map(|i| format!("{}.5 * x", i + worker)).collect();
        let text = format!(
            "fn f(x) = {worker} + {round} * x{}{};",
            if terms.is_empty() { "" } else { " + " },
            terms.join(" + ")
        );
        let module = engine.compile(&text).unwrap();
        let value = module.func::<fn(f64) -> f64>("f").unwrap().call(0.0).unwrap();
        assert_eq!(value, worker as f64);
        live.push(module);
        if round % 3 != 0 {
            live.swap_remove(round * 31 % live.len());
        }
    }
    for module in &live {
        assert_eq!(module.func::<fn(f64) -> f64>("f").unwrap().call(0.0).unwrap(), worker as f64);
    }
}

#[test]
fn at_every_step_of_eight_threads_no_page_is_writable_and_executable() {
    let (threads, rounds) = if cfg!(target_arch = "x86_64") { (8, 40) } else { (4, 6) };
    let engine = engine();
    thread::scope(|scope| {
        for worker in 0..threads {
            let engine = &engine;
            scope.spawn(move || {
                failpoint::observe(Some(Box::new(|_| assert_never_writable_and_executable())));
                publish(engine, worker, rounds);
                failpoint::observe(None);
            });
        }
    });
    assert_never_writable_and_executable();
}

/// A filter that the kernel holds: making pages writable and executable kills, and so does making a page writable that ever was executable.
#[cfg(target_arch = "x86_64")]
mod filtered {
    use super::*;
    use crate::process::{End, assert_dies, end_of, in_child};
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// In an argument that the calls do not look at: this one was seen already.
    const SEEN: u32 = 0x5EE2_0001;
    const WRITABLE_AND_EXECUTABLE: i32 = 90;
    const WRITABLE_AGAIN: i32 = 91;
    const TABLE_FULL: i32 = 92;
    const PAGE: usize = 4096;

    /// Pages that are or were executable, since they were last mapped afresh.
    static EXECUTABLE: [AtomicUsize; 1 << 14] = [const { AtomicUsize::new(0) }; 1 << 14];
    const GONE: usize = 1;

    fn slots(page: usize) -> impl Iterator<Item = &'static AtomicUsize> {
        let start = (page / PAGE).wrapping_mul(0x9E37_79B9) % EXECUTABLE.len();
        (0..EXECUTABLE.len()).map(move |step| &EXECUTABLE[(start + step) % EXECUTABLE.len()])
    }

    fn pages(address: usize, len: usize) -> impl Iterator<Item = usize> {
        (address..address + len).step_by(PAGE)
    }

    fn contains(page: usize) -> bool {
        for slot in slots(page) {
            match slot.load(Ordering::Relaxed) {
                0 => return false,
                found if found == page => return true,
                _ => {}
            }
        }
        false
    }

    fn insert(page: usize) {
        if contains(page) {
            return;
        }
        for slot in slots(page) {
            let found = slot.load(Ordering::Relaxed);
            if found <= GONE && slot.compare_exchange(found, page, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
                return;
            }
        }
        leave(TABLE_FULL);
    }

    fn remove(page: usize) {
        for slot in slots(page) {
            match slot.load(Ordering::Relaxed) {
                0 => return,
                found if found == page => return slot.store(GONE, Ordering::Relaxed),
                _ => {}
            }
        }
    }

    fn leave(code: i32) {
        // SAFETY: ends the child.
        unsafe { libc::_exit(code) };
    }

    extern "C" fn on_call(_: i32, _: *mut libc::siginfo_t, context: *mut libc::c_void) {
        // SAFETY: the kernel gives the registers of the call that the filter held back; it is made here, marked.
        unsafe {
            let registers = &mut (*context.cast::<libc::ucontext_t>()).uc_mcontext.gregs;
            let argument = |register: i32| registers[register as usize];
            let call = argument(libc::REG_RAX);
            let (address, len) = (argument(libc::REG_RDI) as usize, argument(libc::REG_RSI) as usize);
            let bits = argument(libc::REG_RDX) as i32;
            if call == libc::SYS_mprotect {
                let (write, execute) = (bits & libc::PROT_WRITE != 0, bits & libc::PROT_EXEC != 0);
                if write && execute {
                    leave(WRITABLE_AND_EXECUTABLE);
                }
                if write && pages(address, len).any(contains) {
                    leave(WRITABLE_AGAIN);
                }
                if execute {
                    pages(address, len).for_each(insert);
                }
            } else {
                pages(address, len).for_each(remove);
            }
            let before = *libc::__errno_location();
            let outcome = libc::syscall(call, address, len, bits as libc::c_long, 0, 0, SEEN as libc::c_long);
            let errno = *libc::__errno_location();
            *libc::__errno_location() = before;
            registers[libc::REG_RAX as usize] = if outcome == -1 { -i64::from(errno) } else { outcome };
        }
    }

    fn install_filter() {
        const LOAD: u16 = 0x20;
        const JUMP_EQUAL: u16 = 0x15;
        const JUMP_ANY_BIT: u16 = 0x45;
        const RETURN: u16 = 0x06;
        const ARCH_X86_64: u32 = 0xC000_003E;
        let argument = |n: u32| 16 + 8 * n;
        let op = |code: u16, k: u32, jt: u8, jf: u8| libc::sock_filter { code, jt, jf, k };
        let [kill, allow, trap] = [libc::SECCOMP_RET_KILL_PROCESS, libc::SECCOMP_RET_ALLOW, libc::SECCOMP_RET_TRAP]
            .map(|k| op(RETURN, k, 0, 0));
        let number = |call: libc::c_long| call as u32;
        let mut program = [
            op(LOAD, 4, 0, 0),
            op(JUMP_EQUAL, ARCH_X86_64, 1, 0),
            kill,
            op(LOAD, 0, 0, 0),
            op(JUMP_EQUAL, number(libc::SYS_mprotect), 4, 0),
            op(JUMP_EQUAL, number(libc::SYS_munmap), 3, 0),
            op(JUMP_EQUAL, number(libc::SYS_mmap), 5, 0),
            op(JUMP_EQUAL, number(libc::SYS_pkey_mprotect), 7, 0),
            allow,
            // A call that was seen goes through.
            op(LOAD, argument(5), 0, 0),
            op(JUMP_EQUAL, SEEN, 4, 0),
            trap,
            // A mapping is never made executable.
            op(LOAD, argument(2), 0, 0),
            op(JUMP_ANY_BIT, libc::PROT_EXEC as u32, 1, 0),
            allow,
            kill,
        ];
        program[10].jt = 3;
        let filter = libc::sock_fprog { len: program.len() as u16, filter: program.as_mut_ptr() };
        // SAFETY: a handler that keeps to what a handler may do, then the filter, for this child and the threads that it makes.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = on_call as *const () as usize;
            action.sa_flags = libc::SA_SIGINFO | libc::SA_NODEFER;
            assert_eq!(libc::sigaction(libc::SIGSYS, &action, std::ptr::null_mut()), 0);
            assert_eq!(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
            let outcome = libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, 0, &filter);
            assert_eq!(outcome, 0, "{}", std::io::Error::last_os_error());
        }
    }

    /// Fresh mappings are told by the library: the call has no argument left for a mark.
    fn follow_fresh_mappings() {
        failpoint::observe(Some(Box::new(|event| {
            if event.call == "mmap" {
                pages(event.addr, event.len).for_each(remove);
            }
        })));
    }

    fn map(bits: i32) -> usize {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        // SAFETY: a mapping of its own.
        let page = unsafe { libc::mmap(std::ptr::null_mut(), PAGE, bits, flags, -1, 0) };
        assert_ne!(page, libc::MAP_FAILED);
        page as usize
    }

    fn protect(page: usize, bits: i32) {
        // SAFETY: a page of this test's own.
        assert_eq!(unsafe { libc::mprotect(std::ptr::with_exposed_provenance_mut(page), PAGE, bits) }, 0);
    }

    #[test]
    fn the_filter_bites() {
        let [read, write, execute] =
            [libc::PROT_READ, libc::PROT_READ | libc::PROT_WRITE, libc::PROT_READ | libc::PROT_EXEC];
        let ends = |body: fn([i32; 3])| {
            end_of(|| {
                install_filter();
                body([read, write, execute]);
            })
        };
        assert_eq!(ends(|[_, w, x]| protect(map(w), w | x)), End::Exit(WRITABLE_AND_EXECUTABLE));
        let again = ends(|[r, w, x]| {
            let page = map(w);
            protect(page, x);
            protect(page, r);
            protect(page, w);
        });
        assert_eq!(again, End::Exit(WRITABLE_AGAIN));
        assert_eq!(ends(|[r, w, _]| protect(map(w), r)), End::Exit(0));
        assert_dies(libc::SIGSYS, || {
            install_filter();
            map(libc::PROT_READ | libc::PROT_WRITE | libc::PROT_EXEC);
        });
    }

    #[test]
    fn eight_threads_publish_under_the_filter() {
        in_child(|| {
            install_filter();
            let engine = engine();
            thread::scope(|scope| {
                for worker in 0..8 {
                    let engine = &engine;
                    scope.spawn(move || {
                        follow_fresh_mappings();
                        publish(engine, worker, 60);
                        failpoint::observe(None);
                    });
                }
            });
            follow_fresh_mappings();
            drop(engine);
            assert!(EXECUTABLE.iter().any(|slot| slot.load(Ordering::Relaxed) != 0), "the filter saw no code");
        });
    }
}
