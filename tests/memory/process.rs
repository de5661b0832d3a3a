//! What tests ask of the process: its mappings, and children that may die.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

/// A line of `/proc/self/maps`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapping {
    pub start: usize,
    pub end: usize,
    pub perms: String,
}

pub fn mappings() -> Vec<Mapping> {
    let text = std::fs::read_to_string("/proc/self/maps").unwrap();
    text.lines()
        .map(|line| {
            let mut fields = line.split_whitespace();
            let (start, end) = fields.next().unwrap().split_once('-').unwrap();
            let [start, end] = [start, end].map(|number| usize::from_str_radix(number, 16).unwrap());
            Mapping { start, end, perms: fields.next().unwrap().to_owned() }
        })
        .collect()
}

/// The permissions of the mapping that holds `address`, such as `r-xp`.
pub fn perms_at(address: usize) -> String {
    let all = mappings();
    let found = all.iter().find(|mapping| (mapping.start..mapping.end).contains(&address));
    found.map_or_else(|| "unmapped".to_owned(), |mapping| mapping.perms.clone())
}

#[track_caller]
pub fn assert_never_writable_and_executable() {
    for mapping in mappings() {
        assert!(!(mapping.perms.contains('w') && mapping.perms.contains('x')), "{mapping:x?}");
    }
}

/// The mappings and the bytes of address space of the whole process. Exact in a child, which has one thread.
pub fn footprint() -> (usize, usize) {
    let mut all = mappings();
    let bytes = all.iter().map(|mapping| mapping.end - mapping.start).sum();
    // An emulator splits mappings where its own host does, which is not ours to count.
    if cfg!(not(target_arch = "x86_64")) {
        all.dedup_by(|next, last| {
            let joined = last.end == next.start && last.perms == next.perms;
            if joined {
                last.end = next.end;
            }
            joined
        });
    }
    (all.len(), bytes)
}

#[derive(Debug, PartialEq, Eq)]
pub enum End {
    Exit(i32),
    Signal(i32),
}

static IN_CHILD: AtomicBool = AtomicBool::new(false);

/// Lets a panic in a child be seen: the harness would capture what is printed in the usual way, and lose it.
fn show_panics_of_children() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !IN_CHILD.load(Ordering::Relaxed) {
                return usual(info);
            }
            let text = format!("in a child: {info}\n");
            // SAFETY: writes the text.
            unsafe { libc::write(2, text.as_ptr().cast(), text.len()) };
        }));
    });
}

/// Runs `body` in a child process.
fn fork(body: impl FnOnce()) -> End {
    show_panics_of_children();
    // SAFETY: the child runs the body on its only thread and ends without running destructors of the parent.
    let pid = unsafe { libc::fork() };
    assert!(pid >= 0, "fork failed");
    if pid == 0 {
        // SAFETY: the default actions end the child, as it should; the alarm ends one that hangs.
        unsafe {
            for signal in [libc::SIGSEGV, libc::SIGBUS, libc::SIGILL, libc::SIGTRAP] {
                libc::signal(signal, libc::SIG_DFL);
            }
            libc::alarm(300);
            libc::setrlimit(libc::RLIMIT_CORE, &libc::rlimit { rlim_cur: 0, rlim_max: 0 });
        }
        IN_CHILD.store(true, Ordering::Relaxed);
        let code = match catch_unwind(AssertUnwindSafe(body)) {
            Ok(()) => 0,
            Err(_) => 101,
        };
        // SAFETY: ends the child.
        unsafe { libc::_exit(code) };
    }
    let mut status = 0;
    // SAFETY: waits for the child just made.
    assert_eq!(unsafe { libc::waitpid(pid, &mut status, 0) }, pid);
    if libc::WIFSIGNALED(status) { End::Signal(libc::WTERMSIG(status)) } else { End::Exit(libc::WEXITSTATUS(status)) }
}

/// How a child that runs `body` ends.
#[allow(dead_code, reason = "for the tests of faults")]
pub fn end_of(body: impl FnOnce()) -> End {
    fork(body)
}

/// Runs a test in a child with one thread; its assertions hold here.
#[track_caller]
pub fn in_child(body: impl FnOnce()) {
    assert_eq!(fork(body), End::Exit(0));
}

#[track_caller]
pub fn assert_dies(signal: i32, body: impl FnOnce()) {
    assert_eq!(fork(body), End::Signal(signal));
}

pub fn read_byte(address: usize) -> u8 {
    // SAFETY: reads memory of the test, or ends the child that does it.
    unsafe { std::ptr::with_exposed_provenance::<u8>(address).read_volatile() }
}

pub fn write_byte(address: usize, value: u8) {
    // SAFETY: writes memory of the test, or ends the child that does it.
    unsafe { std::ptr::with_exposed_provenance_mut::<u8>(address).write_volatile(value) }
}

/// Neither a byte at `address` can be read nor one written.
#[track_caller]
pub fn assert_no_access(address: usize) {
    assert_dies(libc::SIGSEGV, || _ = read_byte(address));
    assert_dies(libc::SIGSEGV, || write_byte(address, 1));
}

#[track_caller]
pub fn assert_read_write(address: usize) {
    write_byte(address, 0x5A);
    assert_eq!(read_byte(address), 0x5A);
}

/// How a child that runs `body` ends, and what it says on its error output: up to a pipe's room.
#[allow(dead_code, reason = "for the tests of faults")]
pub fn end_and_errors(body: impl FnOnce()) -> (End, String) {
    let mut ends = [0; 2];
    // SAFETY: makes a pipe.
    assert_eq!(unsafe { libc::pipe(ends.as_mut_ptr()) }, 0);
    let end = fork(|| {
        // SAFETY: the child's errors go into the pipe.
        unsafe { libc::dup2(ends[1], 2) };
        body();
    });
    let mut told = vec![0_u8; 1 << 16];
    // SAFETY: reads what is there, up to the room; nobody has the end to write any more.
    let len = unsafe {
        libc::close(ends[1]);
        let len = libc::read(ends[0], told.as_mut_ptr().cast(), told.len());
        libc::close(ends[0]);
        len
    };
    told.truncate(usize::try_from(len).unwrap());
    (end, String::from_utf8_lossy(&told).into_owned())
}
