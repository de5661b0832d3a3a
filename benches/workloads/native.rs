//! The workloads in C: compiled by gcc when the benchmark starts, loaded as a shared object.

use std::ffi::{CString, c_void};
use std::process::Command;

/// The functions of `native.c`.
pub struct Native {
    pub s1: unsafe extern "C" fn(f64, f64) -> f64,
    pub s2: unsafe extern "C" fn(f64) -> f64,
    pub s3: unsafe extern "C" fn(f64, f64, f64, f64, f64) -> f64,
    pub s4: unsafe extern "C" fn(f64, f64, f64) -> f64,
    pub l1: unsafe extern "C" fn(i64) -> i64,
    pub l2: unsafe extern "C" fn(*const f64, i64) -> f64,
    pub l3: unsafe extern "C" fn(i64) -> i64,
    pub l4: unsafe extern "C" fn(*mut u8, i64) -> i64,
    pub l5: unsafe extern "C" fn(i64) -> i64,
}

impl Native {
    /// Compiles and loads them. `None`, with a note, where there is no C compiler.
    #[allow(clippy::missing_transmute_annotations, reason = "each field's type says it")]
    pub fn load() -> Option<Native> {
        let object = std::env::temp_dir().join(format!("cresset-bench-{}.so", std::process::id()));
        let source = object.with_extension("c");
        std::fs::write(&source, include_str!("native.c")).ok()?;
        let compiler = std::env::var("CC").unwrap_or_else(|_| "gcc".to_owned());
        let flags = ["-O3", "-march=native", "-shared", "-fPIC", "-o"];
        let built = Command::new(&compiler).args(flags).arg(&object).arg(&source).arg("-lm").status();
        let _ = std::fs::remove_file(&source);
        if !built.is_ok_and(|status| status.success()) {
            println!("(no `{compiler}`: the lines for C are left out)");
            return None;
        }
        let path = CString::new(object.to_str()?).ok()?;
        // SAFETY: the object was just made from `native.c`, which has no initializers; it is never closed.
        let handle = unsafe { libc::dlopen(path.as_ptr(), libc::RTLD_NOW) };
        let _ = std::fs::remove_file(&object);
        if handle.is_null() {
            println!("(`{compiler}` made an object that cannot be loaded: the lines for C are left out)");
            return None;
        }
        macro_rules! functions {
            ($($name:ident),*) => {
                // SAFETY: `native.c` defines these functions with these types.
                unsafe { Native { $($name: std::mem::transmute::<*mut c_void, _>(symbol(handle, stringify!($name))?)),* } }
            };
        }
        Some(functions!(s1, s2, s3, s4, l1, l2, l3, l4, l5))
    }
}

fn symbol(handle: *mut c_void, name: &str) -> Option<*mut c_void> {
    let name = CString::new(name).ok()?;
    // SAFETY: `handle` is a loaded object.
    let address = unsafe { libc::dlsym(handle, name.as_ptr()) };
    (!address.is_null()).then_some(address)
}
