//! From a text to something callable, one by one and dropped again, published behind guards; beside what the system alone takes to make a page of code.

mod workloads;

use cresset::{Config, Elem, Engine, InputType, Type};
use std::hint::black_box;
use workloads::clock::{Comparison, heading};
use workloads::{C1, OPTION, S1, S3, XY, XYDE, terms};

/// Maps a page, writes to it, makes it read-only, then executable, and unmaps it: what publishing one program takes at least, by itself.
fn one_page() {
    let size = 4096;
    let (none, flags) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
    // SAFETY: a mapping of its own, used and unmapped here.
    unsafe {
        let page = libc::mmap(std::ptr::null_mut(), size, none, flags, -1, 0);
        assert_ne!(page, libc::MAP_FAILED);
        page.cast::<u8>().write_bytes(0xCC, size);
        libc::mprotect(page, size, libc::PROT_READ);
        libc::mprotect(page, size, libc::PROT_READ | libc::PROT_EXEC);
        libc::munmap(page, size);
    }
}

type Inputs = &'static [(&'static str, Type)];

fn main() {
    let engine = Engine::new().expect("an engine");
    let [verified, unverified] = [true, false].map(|verify| Config::new().verify(verify).engine().expect("an engine"));
    heading("µs a program");
    let (t100, t1000) = (terms(100), terms(1000));
    let texts: [(_, &str, Inputs); 4] =
        [("S1", S1, XY), ("S3", S3, OPTION), ("T100", &t100, XYDE), ("T1000", &t1000, XYDE)];
    for (title, text, inputs) in texts {
        Comparison::new(title, 1)
            .add("one page of code", one_page)
            .add("cresset, code verified", || _ = black_box(verified.compile_with(text, inputs).expect(title)))
            .add("not verified", || _ = black_box(unverified.compile_with(text, inputs).expect(title)))
            .report(1e3);
    }
    let columns = ["a", "b", "c"].map(|name| (name, InputType::Column(Elem::F64)));
    let kernel =
        |engine: &Engine| _ = black_box(engine.kernel(C1).and_then(|kernel| kernel.for_types(&columns)).expect("C1"));
    Comparison::new("C1", 1)
        .add("one page of code", one_page)
        .add("cresset, code verified", || kernel(&verified))
        .add("not verified", || kernel(&unverified))
        .report(1e3);
    let batch = [(S1, XY); 10_000];
    Comparison::new("S1, a batch of 10,000", batch.len())
        .add("one page of code", || (0..batch.len()).for_each(|_| one_page()))
        .add("cresset", || _ = black_box(engine.compile_batch(batch)))
        .report(1e3);
}
