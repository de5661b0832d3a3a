//! Publishing through a sealed file, where memory that was written may not become executable: by a switch for tests, and by real policies.

use cresset::memory::failpoint;
use cresset::memory::{CodeArena, CodePart, MemoryError, Publication, page_size};

use crate::failures::fail_each;
use crate::policy::forbid_new_code;
#[cfg(target_arch = "x86_64")]
use crate::policy::{FILE, MAPPING, PROTECTION, Refused, refuse};
use crate::process::{assert_dies, assert_never_writable_and_executable, footprint, in_child, perms_at, write_byte};
use crate::{RETURN_42, TRAP, accept, call, publish};

/// Publishes, runs, shares and drops code; nothing is left.
fn live() -> Result<(), MemoryError> {
    let arena = CodeArena::default();
    let first = publish(&arena, &[1, 2])?;
    assert!(perms_at(first.base()).starts_with("r-x"));
    assert_eq!((perms_at(first.pool_base()), first.pool()), ("r--p".into(), [1, 2].as_slice()));
    let large = arena.writable(1 << 20, 4096)?.seal(accept)?;
    assert!(large.code().chunks(TRAP.len()).all(|word| word == TRAP));
    let mut batch = arena.writable(3 * page_size(), 0)?;
    let parts: Vec<CodePart> =
        (0..40).map(|i| CodePart { code: i * 256..i * 256 + RETURN_42.len(), pool: 0..0 }).collect();
    for part in &parts {
        batch.write_code_at(part.code.start, RETURN_42)?;
    }
    let mut seen = 0;
    let mut parts = batch.seal_parts(&parts, |bytes, _| {
        seen += usize::from(bytes == RETURN_42);
        Ok(())
    })?;
    assert_eq!(seen, 40);
    // A page in the middle goes before its neighbours.
    parts.drain(16..32);
    drop(first);
    arena.trim();
    assert!(parts.iter().all(|part| call(part) == 42));
    let again = publish(&arena, &[3])?;
    assert_eq!(call(&again), 42);
    assert_never_writable_and_executable();
    drop((again, parts, large));
    arena.trim();
    assert_eq!(arena.stats().used_bytes, 0);
    Ok(())
}

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

#[test]
fn code_is_published_through_a_sealed_file_where_a_policy_denies_it_else() {
    in_child(|| {
        assert_eq!(CodeArena::default().publication(), Publication::Protection);
        failpoint::deny_execution(true);
        assert_eq!(CodeArena::default().publication(), Publication::SealedFile);
        live().unwrap();
        let (before, open) = (footprint(), descriptors());
        live().unwrap();
        assert_eq!((footprint(), descriptors()), (before, open));
        failpoint::deny_execution(false);
        live().unwrap();
    });
}

#[test]
fn it_takes_exactly_these_steps() {
    in_child(|| {
        let arena = CodeArena::default();
        // Address space is there already, and no neighbour hides what happens to the pages.
        drop(publish(&arena, &[1]).unwrap());
        arena.trim();
        failpoint::deny_execution(true);
        let events = std::rc::Rc::new(std::cell::RefCell::new(Vec::new()));
        let seen = events.clone();
        failpoint::observe(Some(Box::new(move |event| {
            assert_never_writable_and_executable();
            seen.borrow_mut().push((event.call, event.len, event.bits & !0x10));
        })));
        let mut verified = 0;
        let mut code = arena.writable(RETURN_42.len(), 8).unwrap();
        code.write_code(RETURN_42).unwrap();
        let code = code.seal(|bytes, address| {
            assert_eq!((bytes, perms_at(address)), (RETURN_42, "r--p".to_owned()));
            verified = address;
            Ok(())
        });
        failpoint::observe(None);
        let code = code.unwrap();
        assert_eq!((code.base(), call(&code)), (verified, 42));
        let (page, read, execute) = (page_size(), libc::PROT_READ, libc::PROT_READ | libc::PROT_EXEC);
        // Read-only as ever, and then the file in their place; no page that was written is made executable.
        let steps = events.borrow();
        let opened = steps.len() - 3;
        assert_eq!(steps[opened..], [("mprotect", page, read), ("mprotect", page, read), ("mmap", page, execute)]);
    });
}

#[test]
fn each_failure_on_that_way_is_an_error_and_nothing_is_lost() {
    in_child(|| {
        failpoint::deny_execution(true);
        fail_each(live);
        assert!(descriptors() < 16, "{}", descriptors());
    });
}

#[test]
fn sealed_code_is_never_written_again() {
    failpoint::deny_execution(true);
    let arena = CodeArena::default();
    let code = publish(&arena, &[]).unwrap();
    failpoint::deny_execution(false);
    assert_dies(libc::SIGSEGV, || write_byte(code.base(), 0));
    if perms_at(code.base()) == "r-xs" {
        in_child(|| {
            let page = std::ptr::with_exposed_provenance_mut(code.base());
            for bits in [libc::PROT_WRITE, libc::PROT_READ | libc::PROT_WRITE | libc::PROT_EXEC] {
                // SAFETY: asks for what must be refused.
                let refused = unsafe { libc::mprotect(page, page_size(), bits) };
                assert_eq!((refused, std::io::Error::last_os_error().raw_os_error()), (-1, Some(libc::EACCES)));
            }
        });
    } else {
        eprintln!("not tested: this kernel maps no sealed file shared");
    }
    assert_eq!(call(&code), 42);
}

#[test]
fn refused_code_never_becomes_a_file() {
    in_child(|| {
        failpoint::deny_execution(true);
        let arena = CodeArena::default();
        let before = descriptors();
        let refused = arena.writable(8, 0).unwrap().seal(|_, _| Err("no".into())).unwrap_err();
        assert_eq!(refused, MemoryError::Rejected { reason: "no".into() });
        assert_eq!((arena.stats().used_bytes, descriptors()), (0, before));
    });
}

#[test]
fn under_the_kernels_own_policy_too() {
    in_child(|| {
        let early = CodeArena::default();
        let before = publish(&early, &[1]).unwrap();
        if !forbid_new_code() {
            return;
        }
        assert_eq!((early.publication(), call(&before)), (Publication::SealedFile, 42));
        live().unwrap();
        fail_each(live);
        assert_eq!(call(&publish(&early, &[2]).unwrap()), 42);
    });
}

#[cfg(target_arch = "x86_64")]
#[test]
fn under_a_filter_that_refuses_to_make_written_pages_executable_too() {
    in_child(|| {
        refuse(&[PROTECTION]);
        assert_eq!(CodeArena::default().publication(), Publication::SealedFile);
        live().unwrap();
    });
    in_child(|| {
        refuse(&[Refused { errno: libc::EPERM, ..PROTECTION }]);
        live().unwrap();
    });
}

/// No file, no descriptor, no file of that size, no executable mapping: the denial stays, and is told as one.
#[cfg(target_arch = "x86_64")]
#[test]
fn where_neither_way_is_open_the_denial_is_told() {
    let limit = |resource, least| {
        let limit = libc::rlimit { rlim_cur: least, rlim_max: least };
        // SAFETY: limits this child alone.
        assert_eq!(unsafe { libc::setrlimit(resource, &limit) }, 0);
    };
    let ways: [&dyn Fn(); 5] = [
        &|| refuse(&[PROTECTION, MAPPING]),
        &|| refuse(&[PROTECTION, FILE]),
        &|| refuse(&[PROTECTION, Refused { errno: libc::EACCES, ..FILE }]),
        &|| {
            refuse(&[PROTECTION]);
            limit(libc::RLIMIT_FSIZE, 100);
        },
        &|| {
            refuse(&[PROTECTION]);
            limit(libc::RLIMIT_NOFILE, 0);
        },
    ];
    for way in ways {
        in_child(|| {
            way();
            let arena = CodeArena::default();
            let refused = publish(&arena, &[1]).unwrap_err();
            assert!(refused.is_execution_denied(), "{refused}");
            assert_eq!((arena.stats().used_bytes, arena.publication()), (0, Publication::None));
        });
    }
}
