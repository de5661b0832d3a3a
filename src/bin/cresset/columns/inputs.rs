//! Opens what `-i` names.

use super::args::DataArgs;
use super::arrow_source::ArrowSource;
use super::csv_source::{CsvOptions, CsvSource};
use super::format::{self, Format};
use super::names::is_identifier;
use super::raw_source::RawSource;
use super::table::{Fault, Source};
use cresset::Elem;
use cresset::diagnostic::cut;
use std::fs::{File, OpenOptions};
use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::path::Path;

/// `NAME=FILE` or `FILE`.
pub fn split(text: &str) -> (Option<&str>, &Path) {
    match text.split_once('=') {
        Some((name, file)) if is_identifier(name) && !Path::new(text).exists() => (Some(name), Path::new(file)),
        _ => (None, Path::new(text)),
    }
}

/// The separator of cells that the command line says, or a comma.
pub fn delimiter(args: &DataArgs) -> Result<u8, Fault> {
    match args.delimiter.as_deref() {
        None => Ok(b','),
        Some("\\t" | "tab") => Ok(b'\t'),
        Some(text) => match text.as_bytes() {
            [byte] if byte.is_ascii() && !matches!(byte, b'"' | b'\n' | b'\r') => Ok(*byte),
            _ => Err(format!("--delimiter `{}`: one character, as `;` or tab", cut(text)).into()),
        },
    }
}

/// The table that the command line names.
pub fn open(args: &DataArgs) -> Result<Box<dyn Source>, Fault> {
    let mut raw: Vec<(String, &Path, Elem)> = Vec::new();
    let mut table: Option<(&Path, Format)> = None;
    for text in &args.inputs {
        let (name, path) = split(text);
        let known = args.from.or_else(|| Format::of(path)).or((path == Path::new("-")).then_some(Format::Csv));
        match known.ok_or_else(|| format::unknown(path, "from"))? {
            Format::Raw(elem) => {
                let stem = || path.file_stem().and_then(|stem| stem.to_str()).filter(|stem| is_identifier(stem));
                let name = name.or_else(stem).ok_or_else(|| {
                    format!("{}: say what formulas call it: -i NAME={}", path.display(), path.display())
                })?;
                raw.push((name.to_owned(), path, elem));
            }
            format => {
                if let Some(name) = name {
                    return Err(format!(
                        "-i {name}={}: only raw files are bound to names; a table has its columns' (--name gives others)",
                        path.display()
                    )
                    .into());
                }
                if table.replace((path, format)).is_some() {
                    return Err("there is more than one table: give one -i".into());
                }
            }
        }
    }
    match table {
        None => Ok(Box::new(RawSource::open(&raw)?)),
        Some(_) if !raw.is_empty() => Err("a table and raw files cannot be read together".into()),
        Some((path, format)) => open_table(args, path, format),
    }
}

fn open_table(args: &DataArgs, path: &Path, format: Format) -> Result<Box<dyn Source>, Fault> {
    let name = crate::program::name_of(path);
    if !format.is_text() && (!args.types.is_empty() || args.no_header) {
        return Err(format!("--type and --no-header are for CSV; {name} has its own types").into());
    }
    let wrong = |error: io::Error| format!("cannot read {name}: {error}");
    if path == Path::new("-") {
        return Ok(match format {
            Format::Csv | Format::Tsv => csv(args, &name, format, Box::new(io::stdin()), None)?,
            Format::Arrow => {
                let mut start = Vec::new();
                io::stdin().take(6).read_to_end(&mut start).map_err(wrong)?;
                if start == b"ARROW1" {
                    Box::new(ArrowSource::arrow(&name, spooled(&start).map_err(wrong)?)?)
                } else {
                    Box::new(ArrowSource::arrow_stream(&name, Cursor::new(start).chain(io::stdin()))?)
                }
            }
            _ => Box::new(ArrowSource::parquet(&name, spooled(&[]).map_err(wrong)?)?),
        });
    }
    let file = File::open(path).map_err(wrong)?;
    let known = file.metadata().map_err(wrong)?;
    if known.is_dir() {
        return Err(format!("cannot read {name}: it is a folder").into());
    }
    Ok(match format {
        Format::Csv | Format::Tsv => {
            let size = known.is_file().then_some(known.len());
            csv(args, &name, format, Box::new(file), size)?
        }
        Format::Arrow => Box::new(ArrowSource::arrow(&name, file)?),
        _ => Box::new(ArrowSource::parquet(&name, file)?),
    })
}

fn csv(
    args: &DataArgs,
    name: &str,
    format: Format,
    input: Box<dyn Read>,
    size: Option<u64>,
) -> Result<Box<dyn Source>, Fault> {
    let delimiter = if format == Format::Tsv && args.delimiter.is_none() { b'\t' } else { delimiter(args)? };
    let options = CsvOptions {
        delimiter,
        header: !args.no_header,
        missing: args.missing.clone(),
        on_error: args.on_error,
        types: args.types.clone(),
    };
    Ok(Box::new(CsvSource::open(name, input, size, &options)?))
}

/// Standard input in a file without a name: these formats are read from their ends.
fn spooled(start: &[u8]) -> io::Result<File> {
    let folder = std::env::temp_dir();
    let mut number = 0_u32;
    let (mut file, path) = loop {
        let path = folder.join(format!("cresset-{}-{number}.tmp", std::process::id()));
        match OpenOptions::new().read(true).write(true).create_new(true).open(&path) {
            Ok(file) => break (file, path),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && number < 1_000 => number += 1,
            Err(error) => return Err(error),
        }
    };
    std::fs::remove_file(path)?;
    io::copy(&mut Cursor::new(start).chain(io::stdin()), &mut file)?;
    file.seek(SeekFrom::Start(0))?;
    Ok(file)
}
