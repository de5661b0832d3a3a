//! Files that appear whole or not at all: written beside their place, then renamed into it.

use super::table::Fault;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Files that are being written, for whoever ends the process early.
static UNFINISHED: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

fn unfinished() -> MutexGuard<'static, Vec<PathBuf>> {
    UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Removes what is half written, because the process ends: from now on no file is begun or finished.
pub fn abandon() {
    let mut files = unfinished();
    for file in files.drain(..) {
        // It may be gone already, and nobody can be told.
        let _ = fs::remove_file(file);
    }
    std::mem::forget(files);
}

/// A file on its way, or a stream.
pub struct SafeFile {
    writer: BufWriter<Box<dyn Write + Send>>,
    place: Option<Place>,
    name: String,
}

struct Place {
    beside: PathBuf,
    path: PathBuf,
    done: bool,
}

impl SafeFile {
    /// Begins a file; `-` is standard output. What is no regular file, as a pipe or `/dev/null`, is written directly.
    pub fn create(path: &Path) -> Result<SafeFile, Fault> {
        let name = if path == Path::new("-") { "standard output".to_owned() } else { path.display().to_string() };
        let wrong = |error: io::Error| format!("cannot write {name}: {error}");
        let direct = |writer: Box<dyn Write + Send>| BufWriter::with_capacity(1 << 17, writer);
        if path == Path::new("-") {
            return Ok(SafeFile { writer: direct(Box::new(io::stdout())), place: None, name });
        }
        // Where a link leads, so that it stays a link.
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let known = fs::metadata(&path).ok();
        if let Some(known) = &known {
            if known.is_dir() {
                return Err(format!("cannot write {name}: it is a folder").into());
            }
            // Whoever may not write to the file may not replace it either.
            let open = OpenOptions::new().write(true).open(&path).map_err(wrong)?;
            if !known.is_file() {
                return Ok(SafeFile { writer: direct(Box::new(open)), place: None, name });
            }
        }
        let (file, beside) = begin(&path).map_err(wrong)?;
        if let Some(known) = known {
            // As it was, where the system lets us.
            let _ = file.set_permissions(known.permissions());
        }
        let place = Place { beside, path, done: false };
        Ok(SafeFile { writer: direct(Box::new(file)), place: Some(place), name })
    }

    /// Puts the file into its place.
    pub fn finish(mut self) -> Result<(), Fault> {
        self.writer.flush().map_err(|error| self.fault(error))?;
        if let Some(place) = &mut self.place {
            // Held until the name has changed: Ctrl-C comes before or after.
            let mut files = unfinished();
            files.retain(|file| *file != place.beside);
            if let Err(error) = fs::rename(&place.beside, &place.path) {
                drop(files);
                return Err(self.fault(error));
            }
            place.done = true;
        }
        Ok(())
    }

    /// An error with the file's name; that of a closed pipe stays what it is.
    fn fault(&self, error: io::Error) -> Fault {
        fault(&self.name, error)
    }
}

/// An error of writing with the file's name; that of a closed pipe stays what it is.
pub fn fault(name: &str, error: io::Error) -> Fault {
    match error.kind() {
        io::ErrorKind::BrokenPipe => error.into(),
        _ => format!("cannot write {name}: {error}").into(),
    }
}

impl Write for SafeFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writer.write(bytes)
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.writer.write_all(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if !self.done {
            unfinished().retain(|file| *file != self.beside);
            // Nothing more can be done where even that fails.
            let _ = fs::remove_file(&self.beside);
        }
    }
}

/// A new file in the same folder: only there a rename is one step.
fn begin(path: &Path) -> io::Result<(File, PathBuf)> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_string_lossy().into_owned();
    let short: String = name.chars().take(60).collect();
    let mut files = unfinished();
    let mut number = 0_u32;
    loop {
        let beside = path.with_file_name(format!(".{short}.{}-{number}.tmp", std::process::id()));
        match OpenOptions::new().write(true).create_new(true).open(&beside) {
            Ok(file) => {
                files.push(beside.clone());
                return Ok((file, beside));
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && number < 1_000 => number += 1,
            Err(error) => return Err(error),
        }
    }
}
