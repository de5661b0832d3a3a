//! Data regions of every kind: what others see of them, where they end, what fails and how.

use cresset::memory::{failpoint, page_size};
use cresset::{Advice, Arg, Buffer, Config, Data, DataError, DataMut, Elem, Engine, Error, Execution, Module, Value};
use std::fs::File;

use crate::TempFile;
use crate::process::{assert_dies, assert_no_access, footprint, in_child, perms_at, read_byte, write_byte};

const BOTH: [Execution; 2] = [Execution::Jit, Execution::Interpreter];

fn module(execution: Execution, text: &str) -> Module {
    let engine: Engine = Config::new().execution(execution).catch_faults(true).engine().unwrap();
    engine.compile(text).unwrap()
}

#[track_caller]
fn call(module: &Module, args: &mut [Arg<'_>]) -> Value {
    module.call("f", args).unwrap()
}

const SUM: &str = "fn f(xs: [f64]) = sum(xs) + (if len(xs) > 0 { xs[len(xs) - 1] } else { 0 });";
const DOUBLE: &str = "fn f(mut xs: [f64]) { for i in 0..len(xs) { xs[i] *= 2; } }";

#[test]
fn every_kind_is_passed_to_programs_as_an_array() {
    let values: Vec<f64> = (0..3000).map(f64::from).collect();
    let expected = Value::F64(2999.0 * 1500.0 + 2999.0);
    for execution in BOTH {
        let (sum, double) = (module(execution, SUM), module(execution, DOUBLE));
        let file = TempFile::floats(&format!("kinds-{execution:?}"), &values);
        let read = Data::<f64>::open(&file.path).unwrap();
        assert_eq!(call(&sum, &mut [Arg::from(&read)]), expected);

        let mut private = DataMut::<f64>::open_private(&file.path).unwrap();
        assert_eq!(call(&sum, &mut [Arg::from(&private)]), expected);
        call(&double, &mut [Arg::from(&mut private)]);
        assert_eq!(private.get(10).unwrap(), 20.0);
        assert_eq!((read.get(10).unwrap(), file.bytes()[80..88].to_vec()), (10.0, 10_f64.to_le_bytes().to_vec()));

        let mut shared = DataMut::<f64>::open(&file.path).unwrap();
        call(&double, &mut [Arg::from(&mut shared)]);
        shared.flush().unwrap();
        assert_eq!((read.get(10).unwrap(), file.bytes()[80..88].to_vec()), (20.0, 20_f64.to_le_bytes().to_vec()));
        assert_eq!(private.get(10).unwrap(), 20.0, "a page of its own since it was written");

        let mut anonymous = DataMut::<f64>::shared(values.len()).unwrap();
        anonymous.write(0, &values).unwrap();
        assert_eq!(call(&sum, &mut [Arg::from(&mut anonymous)]), expected);

        let mut buffer = Buffer::<f64>::new(values.len()).unwrap();
        buffer.copy_from_slice(&values);
        assert_eq!(call(&sum, &mut [Arg::from(&buffer)]), expected);
        call(&double, &mut [Arg::from(&mut buffer)]);
        assert_eq!(buffer[2999], 5998.0);
        let frozen = buffer.freeze().unwrap();
        assert_eq!(call(&sum, &mut [Arg::from(&frozen)]), Value::F64(2.0 * (2999.0 * 1500.0 + 2999.0)));
    }
}

#[test]
fn a_read_only_mapping_is_no_mut_parameter() {
    let file = TempFile::floats("read-only", &[1.0; 10]);
    for execution in BOTH {
        let double = module(execution, DOUBLE);
        let data = Data::<f64>::open(&file.path).unwrap();
        let shared = DataMut::<f64>::open(&file.path).unwrap();
        for mut args in [[Arg::from(&data)], [Arg::from(&shared)]] {
            let refused = double.call("f", &mut args).unwrap_err();
            assert!(matches!(&refused, Error::Signature(text) if text.contains("`xs` of `f` is `mut`")), "{refused}");
        }
        let other = Data::<u8>::open(&file.path).unwrap();
        assert!(matches!(double.call("f", &mut [Arg::from(&other)]), Err(Error::Signature(_))));
        assert_eq!((Arg::from(&other).ty(), data.get(3)), (cresset::Type::Array(Elem::U8), Ok(1.0)));
    }
}

#[test]
fn a_mapped_file_needs_the_handlers_under_machine_code() {
    let file = TempFile::floats("handlers", &[1.0, 2.0]);
    let data = Data::<f64>::open(&file.path).unwrap();
    let engine = Config::new().execution(Execution::Jit).engine().unwrap();
    let refused = engine.compile(SUM).unwrap().call("f", &mut [Arg::from(&data)]).unwrap_err();
    assert!(matches!(&refused, Error::Machine(text) if text.contains("catch_faults")), "{refused}");
    // What nobody can shorten does not.
    let shared = DataMut::<f64>::shared(4).unwrap();
    assert_eq!(engine.compile(SUM).unwrap().call("f", &mut [Arg::from(&shared)]).unwrap(), Value::F64(0.0));
}

#[test]
fn any_offset_and_length() {
    let page = page_size() as u64;
    let bytes: Vec<u8> = (0..3 * page + 17).map(|i| (i % 251) as u8).collect();
    let file = TempFile::new("offsets", &bytes);
    let open = File::open(&file.path).unwrap();
    let lens = [0, 1, page - 1, page, page + 1, 2 * page];
    for offset in [0, 1, 7, page - 1, page, page + 1, 2 * page + 16] {
        for len in lens.into_iter().filter(|len| offset + len <= bytes.len() as u64) {
            let data = Data::<u8>::map(&open, offset, Some(len as usize)).unwrap();
            assert_eq!(data.to_vec().unwrap(), bytes[offset as usize..][..len as usize], "{offset} {len}");
            let [before, behind] = data.guards();
            assert_no_access(before.end - 1);
            assert_no_access(behind.start);
        }
        let rest = Data::<u8>::map(&open, offset, None).unwrap();
        assert_eq!(rest.len(), bytes.len() - offset as usize);
    }
    // Nothing after the end belongs to the array, and only whole aligned elements do.
    let out = |start, len| DataError::OutOfRange { start, len, available: bytes.len() as u64 };
    let len = bytes.len() as u64;
    assert_eq!(Data::<u8>::map(&open, 0, Some(len as usize + 1)).unwrap_err(), out(0, len + 1));
    assert_eq!(Data::<u8>::map(&open, len + 1, None).unwrap_err(), out(len + 1, 0));
    assert_eq!(Data::<u8>::map(&open, u64::MAX, Some(1)).unwrap_err(), out(u64::MAX, 1));
    assert!(Data::<f64>::map(&open, 0, Some(usize::MAX)).is_err());
    assert_eq!(Data::<f64>::map(&open, 4, Some(1)).unwrap_err(), DataError::Misaligned { offset: 4, align: 8 });
    assert_eq!(Data::<f64>::map(&open, 8, None).unwrap_err(), DataError::Ragged { bytes: len - 8, size: 8 });
    // A copy takes any offset.
    let copied = Buffer::<i32>::read_file(&open, 3, 100).unwrap();
    assert_eq!(copied[1], i32::from_le_bytes(bytes[7..11].try_into().unwrap()));
    assert_eq!(Buffer::<i32>::read_file(&open, len - 3, 1).unwrap_err(), out(len - 3, 4));
}

#[test]
fn no_elements_are_no_mapping_but_guards() {
    let file = TempFile::new("empty", &[]);
    let data = Data::<f64>::open(&file.path).unwrap();
    let shared = DataMut::<f64>::open(&file.path).unwrap();
    let created = DataMut::<f64>::create(&file.path, 0).unwrap();
    let buffer = Buffer::<f64>::new(0).unwrap();
    let anonymous = DataMut::<f64>::shared(0).unwrap();
    assert_eq!((data.to_vec(), buffer.len(), anonymous.to_vec()), (Ok(vec![]), 0, Ok(vec![])));
    shared.flush().unwrap();
    created.populate().unwrap();
    for [before, behind] in [data.guards(), shared.guards(), buffer.guards(), anonymous.guards()] {
        assert_eq!(before.end, behind.start);
        assert_no_access(before.end - 1);
        assert_no_access(behind.start);
    }
    for execution in BOTH {
        assert_eq!(call(&module(execution, SUM), &mut [Arg::from(&data)]), Value::F64(0.0));
        assert_eq!(call(&module(execution, SUM), &mut [Arg::from(&buffer)]), Value::F64(0.0));
    }
}

#[test]
fn the_last_page_ends_in_zeros_that_are_not_the_arrays() {
    let file = TempFile::floats("tail", &[5.0; 3]);
    for execution in BOTH {
        let beyond = module(execution, "fn f(xs: [f64], i: i64) = xs[i];");
        let data = Data::<f64>::open(&file.path).unwrap();
        assert_eq!(call(&beyond, &mut [Arg::from(&data), Arg::from(2_i64)]), Value::F64(5.0));
        let error = beyond.call("f", &mut [Arg::from(&data), Arg::from(3_i64)]).unwrap_err();
        assert_eq!(error.trap().unwrap().bounds, Some((3, 3)));
    }
}

#[test]
fn what_is_no_regular_file_is_refused() {
    for path in ["/dev/zero", "/dev/null", "/proc", "/"] {
        let refused = Data::<u8>::open(path).unwrap_err();
        assert!(matches!(refused, DataError::NotAFile), "{path}: {refused}");
    }
    let missing = Data::<u8>::open("/nonexistent").unwrap_err();
    assert_eq!(missing, DataError::File { call: "open", errno: libc::ENOENT });
    let fifo = std::env::temp_dir().join(format!("cresset-walls-{}-fifo", std::process::id()));
    let name = std::ffi::CString::new(fifo.to_str().unwrap()).unwrap();
    // SAFETY: makes a pipe with a name.
    assert_eq!(unsafe { libc::mkfifo(name.as_ptr(), 0o600) }, 0);
    assert_eq!(Data::<u8>::open(&fifo).unwrap_err(), DataError::NotAFile);
    std::fs::remove_file(&fifo).unwrap();
    // Opened to read only, a file cannot be mapped to be written back, but it can be copied page by page.
    let file = TempFile::floats("denied", &[1.0]);
    let read_only = File::open(&file.path).unwrap();
    assert!(DataMut::<f64>::map(&read_only, 0, None).is_err());
    assert!(DataMut::<f64>::map_private(&read_only, 0, None).is_ok());
}

#[test]
fn a_file_that_became_shorter_is_an_error_of_each_copy() {
    let values = vec![1.5; 4096];
    let file = TempFile::floats("shorter", &values);
    let read = Data::<f64>::open(&file.path).unwrap();
    let mut shared = DataMut::<f64>::open(&file.path).unwrap();
    file.len(page_size() as u64 + 8);
    let per_page = page_size() / 8;
    assert_eq!(read.get(0), Ok(1.5));
    assert_eq!((read.get(per_page), read.get(per_page + 1)), (Ok(1.5), Ok(0.0)), "the rest of the last page is zero");
    assert_eq!(read.get(2 * per_page), Err(DataError::PageLost));
    assert_eq!(read.to_vec(), Err(DataError::PageLost));
    assert_eq!(shared.write(4095, &[2.0]), Err(DataError::PageLost));
    assert_eq!(shared.write(1, &[2.0]), Ok(()));
    assert_eq!(read.get(1), Ok(2.0));
    assert_eq!(shared.get(4096), Err(DataError::OutOfRange { start: 4096 * 8, len: 8, available: 4096 * 8 }));
    if cfg!(target_arch = "x86_64") {
        assert_eq!(read.populate(), Err(DataError::PageLost));
    }
    file.len(8 * 4096);
    assert_eq!(read.get(4095), Ok(0.0));
}

#[test]
fn a_buffer_grows_in_place_and_new_elements_are_zero() {
    let page = page_size() / 8;
    let mut buffer = Buffer::<f64>::with_capacity(10, 100 * page).unwrap();
    let first = buffer.as_ptr();
    buffer.fill(1.0);
    for len in [page - 1, page, page + 1, 50 * page + 3, 100 * page, 3, 0, 20, page + 5] {
        let before = buffer.len();
        buffer.resize(len).unwrap();
        assert_eq!((buffer.len(), buffer.as_ptr()), (len, if len == 0 { buffer.as_ptr() } else { first }));
        assert!(buffer.iter().skip(before).all(|&x| x == 0.0), "{before} {len}");
        buffer.fill(1.0);
        assert_no_access(buffer.guards()[1].start);
        assert_no_access(buffer.guards()[0].end - 1);
    }
    assert_eq!(buffer.capacity(), 100 * page);
    assert!(matches!(buffer.resize(100 * page + 1), Err(DataError::OutOfRange { .. })));
    assert!(buffer.resize(usize::MAX).is_err());
    assert_eq!(buffer.len(), page + 5);
    // Address space alone is no memory.
    if cfg!(target_arch = "x86_64") {
        assert!(Buffer::<u8>::with_capacity(1, 1 << 40).is_ok());
    }
    assert!(Buffer::<f64>::new(usize::MAX / 8).is_err());
}

#[test]
fn children_share_what_is_shared_and_nothing_else() {
    let mut shared = DataMut::<i64>::shared(1000).unwrap();
    let mut own = Buffer::<i64>::new(1000).unwrap();
    own[5] = 1;
    in_child(|| {
        shared.write(5, &[7]).unwrap();
        own[5] = 7;
    });
    assert_eq!((shared.get(5), own[5]), (Ok(7), 1));
}

#[test]
fn frozen_pages_cannot_be_written() {
    let mut buffer = Buffer::<u8>::new(100).unwrap();
    buffer[1] = 9;
    let address = buffer.as_ptr() as usize;
    let frozen = buffer.freeze().unwrap();
    assert_eq!((perms_at(address).as_str(), frozen.get(1)), ("r--p", Ok(9)));
    assert_dies(libc::SIGSEGV, || write_byte(address, 1));
    in_child(|| assert_eq!(read_byte(address), 0));
    let file = TempFile::floats("frozen", &[1.0]);
    let mut shared = DataMut::<f64>::open(&file.path).unwrap();
    shared.write(0, &[3.0]).unwrap();
    let frozen = shared.freeze().unwrap();
    assert_eq!((frozen.get(0), file.bytes()), (Ok(3.0), 3_f64.to_le_bytes().to_vec()));
}

#[test]
fn advice_is_taken_and_changes_no_element() {
    let file = TempFile::floats("advice", &[2.5; 10_000]);
    let mut data = Data::<f64>::open(&file.path).unwrap();
    let gentle = [Advice::Normal, Advice::Sequential, Advice::Random, Advice::WillNeed, Advice::DoNotNeed];
    for advice in gentle {
        data.advise(advice).unwrap();
        assert_eq!(data.get(9_999), Ok(2.5), "{advice:?}");
    }
    let mut buffer = Buffer::<f64>::new(1 << 20).unwrap();
    buffer[7] = 1.0;
    for advice in gentle[..4].iter().copied().chain([Advice::SmallPages]) {
        buffer.advise(advice).unwrap();
        assert_eq!(buffer[7], 1.0, "{advice:?}");
    }
    // A kernel without huge pages refuses; either way the elements stay.
    let _ = buffer.advise(Advice::HugePages);
    assert_eq!(buffer[7], 1.0);
    buffer.advise(Advice::DoNotNeed).unwrap();
    // An emulator may ignore it.
    if cfg!(target_arch = "x86_64") {
        assert_eq!(buffer[7], 0.0, "fresh memory reads as zero");
    }
    buffer.populate().unwrap();
    let small = Buffer::<u8>::new(4096).unwrap();
    small.lock().and_then(|()| small.unlock()).unwrap();
}

#[test]
fn locking_past_the_limit_is_an_error() {
    if cfg!(not(target_arch = "x86_64")) {
        eprintln!("not tested: an emulator does not enforce limits");
        return;
    }
    in_child(|| {
        let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        // SAFETY: limits this child alone.
        unsafe {
            assert_eq!(libc::setrlimit(libc::RLIMIT_MEMLOCK, &none), 0);
            // The limit does not hold for a privileged process.
            assert!(libc::geteuid() != 0 || libc::setuid(65534) == 0);
        }
        assert!(Buffer::<u8>::new(1 << 20).unwrap().lock().is_err());
    });
}

#[test]
fn each_call_of_the_system_fails_once_and_nothing_is_lost() {
    let file = TempFile::floats("failing", &[1.0; 2000]);
    in_child(|| {
        let body = || -> Result<(), DataError> {
            let mut shared = DataMut::<f64>::open(&file.path)?;
            shared.advise(Advice::WillNeed)?;
            shared.flush()?;
            let read = shared.freeze()?;
            let mut buffer = Buffer::<f64>::with_capacity(10, 100_000)?;
            buffer.resize(50_000)?;
            buffer.resize(5)?;
            let anonymous = DataMut::<u8>::shared(5000)?;
            anonymous.lock()?;
            drop((read, buffer, DataMut::<f64>::open_private(&file.path)?));
            anonymous.unlock()
        };
        failpoint::fail(0, 0);
        body().unwrap();
        let calls = failpoint::disarm();
        assert!(calls >= 13, "{calls}");
        let before = footprint();
        for first in 1..=calls {
            failpoint::fail(first, 1);
            let outcome = body();
            failpoint::disarm();
            assert!(matches!(outcome, Err(DataError::Memory(_))), "{first}: {outcome:?}");
            assert_eq!(footprint(), before, "{first}");
        }
    });
}
