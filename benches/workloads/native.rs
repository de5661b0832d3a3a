//! The workloads in C: compiled by gcc when the benchmark starts, loaded as a shared object.

use std::ffi::{CString, c_void};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

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
        let object = Object::compile(include_str!("native.c"), &[])?;
        macro_rules! functions {
            ($($name:ident),*) => {
                // SAFETY: `native.c` defines these functions with these types.
                unsafe { Native { $($name: std::mem::transmute::<*mut c_void, _>(object.symbol(stringify!($name))?)),* } }
            };
        }
        Some(functions!(s1, s2, s3, s4, l1, l2, l3, l4, l5))
    }
}

type Column = *const f64;

/// The functions of `columns.c`: how many rows, their columns, where results go.
pub struct NativeColumns {
    pub c1: unsafe extern "C" fn(i64, Column, Column, Column, *mut f64),
    pub c2: unsafe extern "C" fn(i64, Column, Column, Column, *mut f64),
    pub c3: unsafe extern "C" fn(i64, Column, Column, Column, *mut f64),
    pub c4: unsafe extern "C" fn(i64, Column, Column, Column, *mut f64),
    pub c5: unsafe extern "C" fn(i64, Column, *mut f64),
    pub c6: unsafe extern "C" fn(i64, Column, Column, *mut i64),
    pub c6_by_hand: unsafe extern "C" fn(i64, Column, Column, *mut i64),
    pub c7: unsafe extern "C" fn(i64, Column, Column, Column, Column, Column, *mut f64),
}

impl NativeColumns {
    /// Compiles and loads them with more options. `None`, with a note, where there is no C compiler.
    #[allow(clippy::missing_transmute_annotations, reason = "each field's type says it")]
    pub fn load(options: &[&str]) -> Option<NativeColumns> {
        let object = Object::compile(include_str!("columns.c"), options)?;
        macro_rules! functions {
            ($($name:ident),*) => {
                // SAFETY: `columns.c` defines these functions with these types.
                unsafe { NativeColumns { $($name: std::mem::transmute::<*mut c_void, _>(object.symbol(stringify!($name))?)),* } }
            };
        }
        Some(functions!(c1, c2, c3, c4, c5, c6, c6_by_hand, c7))
    }
}

/// A loaded shared object; it is never closed.
struct Object(*mut c_void);

impl Object {
    fn compile(text: &str, options: &[&str]) -> Option<Object> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let object = std::env::temp_dir().join(format!("cresset-bench-{}-{number}.so", std::process::id()));
        let source = object.with_extension("c");
        std::fs::write(&source, text).ok()?;
        let compiler = std::env::var("CC").unwrap_or_else(|_| "gcc".to_owned());
        let flags = ["-O3", "-march=native", "-shared", "-fPIC", "-o"];
        let built = Command::new(&compiler).args(flags).arg(&object).args(options).arg(&source).arg("-lm").status();
        let _ = std::fs::remove_file(&source);
        if !built.is_ok_and(|status| status.success()) {
            println!("(no `{compiler}`: the lines for C are left out)");
            return None;
        }
        let path = CString::new(object.to_str()?).ok()?;
        // SAFETY: the object was just made from one of the C files here, which have no initializers; it is never closed.
        let handle = unsafe { libc::dlopen(path.as_ptr(), libc::RTLD_NOW) };
        let _ = std::fs::remove_file(&object);
        if handle.is_null() {
            println!("(`{compiler}` made an object that cannot be loaded: the lines for C are left out)");
            return None;
        }
        Some(Object(handle))
    }

    fn symbol(&self, name: &str) -> Option<*mut c_void> {
        let name = CString::new(name).ok()?;
        // SAFETY: the handle is a loaded object.
        let address = unsafe { libc::dlsym(self.0, name.as_ptr()) };
        (!address.is_null()).then_some(address)
    }
}
