//! Data in mappings, from bytes that may be anything: what is done with a region, by the host and by programs, beside a vector that says what must be seen.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use cresset::{Advice, Arg, Buffer, Config, Data, DataError, DataMut, Execution, Limits, Module, TrapKind};
use std::fs::File;
use std::path::PathBuf;

/// Adds its index to each element from `a` to `b`, within 16 bits.
const TEXT: &str =
    "fn change(mut xs: [i32], a: i64, b: i64) -> i64 { for i in a..b { xs[i] = bit_and(xs[i] + i, 65535); } len(xs) }
    fn total(xs: [i32], a: i64, b: i64) -> i64 { var s = 0; for i in a..b { s += xs[i]; } s }";

/// Choices from bytes; zeros where there are no more.
struct Choices<'a>(&'a [u8]);

impl Choices<'_> {
    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    /// Small as a rule, around the size of a page often, huge now and then.
    fn size(&mut self) -> usize {
        let (kind, low, high) = (self.byte(), self.byte(), self.byte());
        let word = usize::from(low) | usize::from(high) << 8;
        match kind % 8 {
            0..3 => usize::from(low),
            3..6 => word % 9000,
            6 => word,
            _ if kind == 255 => usize::MAX / 4 - word,
            _ => 1024 + usize::from(low % 4),
        }
    }

    fn value(&mut self) -> i32 {
        i32::from(self.byte()) * 257
    }
}

/// A file of this thread's own.
struct TempFile(PathBuf);

impl TempFile {
    fn new() -> TempFile {
        let name = format!("cresset-regions-{}-{:?}", std::process::id(), std::thread::current().id());
        TempFile(std::env::temp_dir().join(name))
    }

    fn open(&self) -> File {
        File::options().read(true).write(true).open(&self.0).expect("the file")
    }
}

impl Drop for TempFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// A region of any kind.
enum Region {
    Buffer(Buffer<i32>),
    Data(Data<i32>),
    DataMut(DataMut<i32>),
}

/// A region, and what it must hold.
struct Tested {
    region: Region,
    model: Vec<i32>,
    /// Its file became shorter: from this element on anything may be seen, or nothing.
    certain: usize,
    capacity: usize,
}

/// Does with a region what the bytes say.
pub fn check(data: &[u8]) {
    thread_local!(static MODULE: Module = {
        let limits = Limits::default().fuel(100_000);
        let engine = Config::new().execution(Execution::Auto).catch_faults(true).limits(limits).engine();
        engine.and_then(|engine| engine.compile(TEXT)).expect("a right program")
    });
    MODULE.with(|module| {
        let mut choices = Choices(data);
        let file = TempFile::new();
        let Some(mut tested) = make(&mut choices, &file) else { return };
        while !choices.0.is_empty() {
            tested = step(tested, &mut choices, &file, module);
        }
        tested.compare(0, tested.model.len());
    });
}

fn make(choices: &mut Choices<'_>, file: &TempFile) -> Option<Tested> {
    let kind = choices.byte() % 7;
    let (len, seed) = (choices.size(), choices.value());
    if kind < 2 {
        let capacity = len.max(choices.size());
        let region = match kind {
            0 => Buffer::with_capacity(len, capacity).map(Region::Buffer),
            _ => DataMut::shared(len).map(Region::DataMut),
        };
        return match region {
            Ok(region) => Some(Tested { region, model: vec![0; len], certain: usize::MAX, capacity }),
            Err(error) => {
                assert!(len.max(capacity) > 1 << 20, "{len} {capacity}: {error}");
                None
            }
        };
    }
    // A file whose length need not be whole elements.
    let (elements, ragged) = (len % 20_000, usize::from(choices.byte() % 4));
    let values: Vec<i32> = (0..elements as i32).map(|i| (seed ^ i) & 0xFFFF).collect();
    let mut bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    bytes.resize(bytes.len() + ragged, 7);
    std::fs::write(&file.0, &bytes).expect("a file");
    let offset = if choices.byte().is_multiple_of(3) { 0 } else { choices.size() };
    let wanted = (!choices.byte().is_multiple_of(3)).then(|| choices.size());
    let opened = file.open();
    let region = match kind {
        2 => Data::map(&opened, offset as u64, wanted).map(Region::Data),
        3 | 4 => DataMut::map(&opened, offset as u64, wanted).map(Region::DataMut),
        5 => DataMut::map_private(&opened, offset as u64, wanted).map(Region::DataMut),
        _ => Buffer::read_file(&opened, offset as u64, wanted.unwrap_or(0)).map(Region::Buffer),
    };
    let wanted = if kind == 6 { Some(wanted.unwrap_or(0)) } else { wanted };
    let rest = bytes.len().checked_sub(offset);
    let fits = rest.is_some_and(|rest| match wanted {
        Some(wanted) => wanted.checked_mul(4).is_some_and(|bytes| bytes <= rest),
        None => rest % 4 == 0,
    });
    match region {
        Ok(region) => {
            assert!(fits, "{offset} {wanted:?} of {}", bytes.len());
            let len = wanted.unwrap_or(rest.unwrap_or(0) / 4);
            let there = bytes[offset..][..4 * len].chunks_exact(4);
            let model: Vec<i32> = there.map(|word| i32::from_le_bytes(word.try_into().expect("four"))).collect();
            Some(Tested { region, capacity: model.len(), model, certain: usize::MAX })
        }
        Err(error) => {
            assert!(!fits || !offset.is_multiple_of(4), "{offset} {wanted:?} of {}: {error}", bytes.len());
            None
        }
    }
}

fn step(mut tested: Tested, choices: &mut Choices<'_>, file: &TempFile, module: &Module) -> Tested {
    match choices.byte() % 10 {
        0 => {
            let (at, len) = (choices.size(), choices.size());
            tested.compare(at, len);
        }
        1 => {
            let (at, values) = (choices.size(), vec![choices.value(); choices.size() % 3000]);
            tested.write(at, &values);
        }
        2 => {
            if let Region::Buffer(buffer) = &mut tested.region {
                let len = choices.size();
                if buffer.resize(len).is_ok() {
                    assert!(len <= tested.capacity.max(buffer.capacity()));
                    // What is new is zero.
                    tested.model.resize(len, 0);
                } else {
                    assert!(len > buffer.len());
                }
            }
        }
        3 => {
            let all = [Advice::Normal, Advice::Sequential, Advice::Random, Advice::WillNeed, Advice::HugePages];
            let advice = all[usize::from(choices.byte()) % all.len()];
            let _ = match &mut tested.region {
                Region::Buffer(region) => region.advise(advice),
                Region::Data(region) => region.advise(advice),
                Region::DataMut(region) => region.advise(advice),
            };
        }
        4 => {
            if let Region::DataMut(region) = &tested.region {
                let _ = region.flush();
            }
        }
        5 => {
            let region = match tested.region {
                Region::Buffer(buffer) => buffer.freeze(),
                Region::DataMut(data) => data.freeze(),
                Region::Data(data) => Ok(data),
            };
            tested.region = Region::Data(region.expect("a region to read"));
        }
        6 => {
            // Whatever is mapped of the file, from there on it may be gone.
            if !matches!(tested.region, Region::Buffer(_)) && file.0.exists() {
                let len = choices.size() % 100_000;
                let before = std::fs::metadata(&file.0).expect("the file").len();
                if (len as u64) < before {
                    file.open().set_len(len as u64).expect("a length");
                    // Where in the file it starts is forgotten here: nothing is certain.
                    tested.certain = 0;
                }
            }
        }
        7 => tested.run(choices, module, true),
        8 => tested.run(choices, module, false),
        _ => tested.guarded(),
    }
    tested
}

impl Tested {
    fn len(&self) -> usize {
        match &self.region {
            Region::Buffer(region) => region.len(),
            Region::Data(region) => region.len(),
            Region::DataMut(region) => region.len(),
        }
    }

    /// Reads elements, and compares what must be there.
    fn compare(&self, at: usize, len: usize) {
        assert_eq!(self.len(), self.model.len());
        let expected = at.checked_add(len).and_then(|end| self.model.get(at..end));
        let mut seen = vec![0; len.min(1 << 17)];
        let outcome = match &self.region {
            Region::Buffer(region) => match at.checked_add(len).and_then(|end| region.get(at..end)) {
                Some(there) => {
                    seen = there.to_vec();
                    Ok(())
                }
                None => Err(()),
            },
            _ if seen.len() < len => Err(()),
            Region::Data(region) => region.read(at, &mut seen).map_err(drop),
            Region::DataMut(region) => region.read(at, &mut seen).map_err(drop),
        };
        match (outcome, expected) {
            (Ok(()), Some(expected)) if self.certain == usize::MAX => assert!(seen == expected, "{at} {len}"),
            (Ok(()), Some(_)) => {}
            (Ok(()), None) => panic!("{len} at {at} of {} were read", self.len()),
            (Err(()), expected) => assert!(expected.is_none() || self.certain == 0, "{len} at {at} were not read"),
        }
    }

    fn write(&mut self, at: usize, values: &[i32]) {
        let fits = at.checked_add(values.len()).is_some_and(|end| end <= self.model.len());
        let outcome = match &mut self.region {
            Region::Buffer(region) => match at.checked_add(values.len()).and_then(|end| region.get_mut(at..end)) {
                Some(there) => {
                    there.copy_from_slice(values);
                    Ok(())
                }
                None => Err(DataError::PageLost),
            },
            Region::DataMut(region) => region.write(at, values),
            Region::Data(_) => return,
        };
        assert!(outcome.is_err() || fits);
        assert!(outcome.is_ok() || !fits || self.certain == 0, "{outcome:?}");
        if fits {
            self.model[at..at + values.len()].copy_from_slice(values);
        }
    }

    /// A program over the region, and the same by hand over the model.
    fn run(&mut self, choices: &mut Choices<'_>, module: &Module, writes: bool) {
        let (a, b) = (choices.size().min(1 << 40) as i64 - 3, choices.size().min(1 << 40) as i64);
        let len = self.model.len() as i64;
        let steps = (b - a).max(0);
        if steps > 50_000 {
            return;
        }
        let mut expected: Result<i64, i64> = Ok(if writes { len } else { 0 });
        for i in a..b {
            let Some(value) = usize::try_from(i).ok().and_then(|i| self.model.get_mut(i)) else {
                expected = Err(i);
                break;
            };
            match &mut expected {
                Ok(_) if writes && !matches!(self.region, Region::Data(_)) => {
                    *value = ((i64::from(*value) + i) & 0xFFFF) as i32;
                }
                Ok(total) if !writes => *total += i64::from(*value),
                _ => {}
            }
        }
        let arg = match &mut self.region {
            Region::Buffer(region) => Arg::from(region),
            Region::Data(region) => Arg::from(&*region),
            Region::DataMut(region) => Arg::from(region),
        };
        let is_writable = !matches!(&arg, Arg::Mapped(mapped) if !mapped.view().is_writable());
        let name = if writes { "change" } else { "total" };
        let outcome = module.call(name, &mut [arg, Arg::I64(a), Arg::I64(b)]);
        match outcome {
            Ok(value) if self.certain == usize::MAX => {
                assert_eq!(value, cresset::Value::I64(expected.expect("no trap was due")));
            }
            Ok(_) => {}
            Err(cresset::Error::Trap(trap)) => match trap.kind {
                TrapKind::OutOfBounds => {
                    // Where bytes may be gone, the index that is out of bounds is still the same, if it is reached.
                    assert_eq!(trap.bounds, Some((expected.expect_err("a trap"), len)));
                }
                TrapKind::BusError => assert_eq!(self.certain, 0),
                // Elements of a file that became longer again, or were written by nobody, are any number.
                TrapKind::OutOfMemory | TrapKind::IntegerOverflow => assert_eq!(self.certain, 0),
                kind => panic!("{kind}"),
            },
            Err(cresset::Error::Signature(_)) => assert!(writes && !is_writable),
            Err(error) => panic!("{error}"),
        }
    }

    /// What is behind a region is a guard.
    fn guarded(&self) {
        let [before, behind] = match &self.region {
            Region::Buffer(region) => region.guards(),
            Region::Data(region) => region.guards(),
            Region::DataMut(region) => region.guards(),
        };
        for guard in [before, behind] {
            assert!(guard.len() >= cresset::memory::GUARD_SIZE, "{guard:x?}");
        }
    }
}
