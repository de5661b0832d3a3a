//! Arrays of elements in mappings of their own: fresh memory, memory shared with children, files.
//!
//! Three types, by who else can change the elements:
//!
//! - [`Buffer`]: fresh memory of this process alone. It is a slice (`Deref`), and grows in place.
//! - [`Data`] and [`DataMut`]: a file, or memory shared across `fork`, to read or to write. Others may change the elements at any
//!   moment, and a file may become shorter. So no reference to them is ever handed out: a `&[T]` promises that nobody
//!   writes. They are passed to programs, which load each element when its turn comes, or copied.
//!
//! Only `Buffer` and `DataMut` can be passed to a `mut` parameter; a read-only mapping has no way to become one.

use super::MemoryError;
use super::copy::{Copied, copy_bytes};
use super::data_map::{self, Kind, Region};
pub use super::data_map::{Advice, DataError};
use std::fs::File;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut, Range};
use std::path::Path;

mod sealed {
    pub trait Sealed {}
}

/// Elements whose zero bytes are a value: all of the language's.
pub trait Plain: Copy + Send + Sync + 'static + sealed::Sealed {}

/// Elements of which all bytes are a value, so that a file may hold them: all but `bool`.
pub trait AnyBits: Plain {}

macro_rules! elements {
    ($($plain:ty)*; $($any:ty)*) => {
        $(impl sealed::Sealed for $plain {} impl Plain for $plain {})*
        $(impl AnyBits for $any {})*
    };
}

elements!(f64 f32 i64 i32 u8 bool; f64 f32 i64 i32 u8);

/// An array that is passed to a program where it lies.
///
/// Made only from what it borrows, so that the address stays valid, and nobody in this process uses a writable one meanwhile.
#[derive(Debug, PartialEq, Eq)]
pub struct View<'a> {
    address: usize,
    len: usize,
    /// The bytes of an element.
    size: usize,
    writable: bool,
    can_lose_pages: bool,
    borrow: PhantomData<&'a mut ()>,
}

/// Where a [`View`] comes from that only reads: any number of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadView<'a> {
    address: usize,
    len: usize,
    size: usize,
    can_lose_pages: bool,
    borrow: PhantomData<&'a ()>,
}

impl<'a> ReadView<'a> {
    /// How many elements.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// To pass to a program.
    pub fn view(self) -> View<'a> {
        let ReadView { address, len, size, can_lose_pages, .. } = self;
        View { address, len, size, writable: false, can_lose_pages, borrow: PhantomData }
    }

    /// Some of the elements; none where there are not so many.
    pub(crate) fn part(self, range: Range<usize>) -> ReadView<'a> {
        let (start, len) = part(self.len, range);
        ReadView { address: self.address + start * self.size, len, ..self }
    }
}

/// Where a part of so many elements begins, and its length: none where there are not so many.
fn part(len: usize, range: Range<usize>) -> (usize, usize) {
    if range.start <= range.end && range.end <= len { (range.start, range.end - range.start) } else { (0, 0) }
}

impl View<'_> {
    /// Some of the elements; none where there are not so many.
    pub(crate) fn part_mut(&mut self, range: Range<usize>) -> View<'_> {
        let (start, len) = part(self.len, range);
        View { address: self.address + start * self.size, len, borrow: PhantomData, ..*self }
    }

    /// Its address, for machine code.
    pub(crate) fn address(&self) -> u64 {
        self.address as u64
    }

    /// Where a page may vanish.
    pub(crate) fn fleeting_pages(&self) -> Option<Range<usize>> {
        self.can_lose_pages.then(|| self.address..self.address + self.len * self.size)
    }

    /// A copy of the elements.
    pub(crate) fn to_vec<T: AnyBits>(&self) -> Result<Vec<T>, DataError> {
        let bytes = self.bytes::<T>()?;
        let mut copy: Vec<T> = Vec::new();
        copy.try_reserve_exact(self.len).map_err(|_| MemoryError::TooLarge { size: bytes })?;
        let from = std::ptr::with_exposed_provenance(self.address);
        // SAFETY: so many bytes lie there as long as the borrow lives, and the vector has room for them; all bytes are elements (`AnyBits`).
        match unsafe { copy_bytes(from, copy.as_mut_ptr().cast(), bytes) } {
            Copied::PageLost => Err(DataError::PageLost),
            Copied::All => {
                // SAFETY: all of them were written.
                unsafe { copy.set_len(self.len) };
                Ok(copy)
            }
        }
    }

    /// Replaces the elements, if a program may write to them.
    pub(crate) fn write_all<T: AnyBits>(&mut self, from: &[T]) -> Result<(), DataError> {
        let bytes = self.bytes::<T>()?;
        if !self.writable || from.len() != self.len {
            return Err(DataError::OutOfRange { start: 0, len: from.len() as u64, available: self.len as u64 });
        }
        let to = std::ptr::with_exposed_provenance_mut(self.address);
        // SAFETY: so many bytes may be written there as long as the borrow lives.
        match unsafe { copy_bytes(from.as_ptr().cast(), to, bytes) } {
            Copied::PageLost => Err(DataError::PageLost),
            Copied::All => Ok(()),
        }
    }

    fn bytes<T>(&self) -> Result<usize, DataError> {
        let bytes = bytes_of::<T>(self.len)?;
        let matches = size_of::<T>() == self.size;
        if matches { Ok(bytes) } else { Err(DataError::Ragged { bytes: bytes as u64, size: self.size }) }
    }

    /// How many elements.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether a program may write to it.
    pub fn is_writable(&self) -> bool {
        self.writable
    }

    /// Whether it is a file's: pages vanish when the file becomes shorter.
    pub fn can_lose_pages(&self) -> bool {
        self.can_lose_pages
    }
}

fn bytes_of<T>(len: usize) -> Result<usize, DataError> {
    len.checked_mul(size_of::<T>()).ok_or(DataError::Memory(MemoryError::TooLarge { size: len }))
}

/// How many elements these bytes are.
fn elements_in<T>(bytes: u64) -> Result<usize, DataError> {
    let size = size_of::<T>();
    if !bytes.is_multiple_of(size as u64) {
        return Err(DataError::Ragged { bytes, size });
    }
    usize::try_from(bytes / size as u64).map_err(|_| DataError::Memory(MemoryError::TooLarge { size: usize::MAX }))
}

/// A region of a file that holds whole, aligned elements.
fn map_elements<T>(file: &File, offset: u64, len: Option<usize>, kind: Kind) -> Result<Region, DataError> {
    if !offset.is_multiple_of(align_of::<T>() as u64) {
        return Err(DataError::Misaligned { offset, align: align_of::<T>() });
    }
    let bytes = len.map(bytes_of::<T>).transpose()?.map(|bytes| bytes as u64);
    let region = Region::of_file(file, offset, bytes, kind)?;
    elements_in::<T>(region.len() as u64)?;
    Ok(region)
}

macro_rules! common {
    () => {
        /// How many elements.
        pub fn len(&self) -> usize {
            self.region.len() / size_of::<T>()
        }

        /// Whether there are none.
        pub fn is_empty(&self) -> bool {
            self.len() == 0
        }

        /// Tells the system how the elements will be used.
        ///
        /// [`Advice::DoNotNeed`] makes fresh private memory zero and forgets what was written to a private mapping of a file.
        ///
        /// # Errors
        /// Where the system refuses, as for huge pages of files that have none.
        pub fn advise(&mut self, advice: Advice) -> Result<(), DataError> {
            self.region.advise(advice)
        }

        /// Brings all elements into memory now, so that no later access waits.
        ///
        /// # Errors
        /// [`DataError::PageLost`] where the file became shorter; where there is no memory, or the system cannot.
        pub fn populate(&self) -> Result<(), DataError> {
            self.region.populate()
        }

        /// Keeps the elements in memory until [`unlock`](Self::unlock) or the end of the mapping.
        ///
        /// # Errors
        /// Where the system's limit (`RLIMIT_MEMLOCK`) is passed.
        pub fn lock(&self) -> Result<(), DataError> {
            self.region.lock(true)
        }

        /// Lets the elements be paged out again.
        ///
        /// # Errors
        /// Where the system refuses.
        pub fn unlock(&self) -> Result<(), DataError> {
            self.region.lock(false)
        }

        /// The addresses of the inaccessible pages before and behind.
        pub fn guards(&self) -> [Range<usize>; 2] {
            self.region.guards()
        }
    };
}

macro_rules! reading {
    () => {
        /// Copies elements from index `at` on into `to`. What others change meanwhile may be seen or not.
        ///
        /// # Errors
        /// [`DataError::OutOfRange`]; [`DataError::PageLost`] where the file became shorter, never a signal.
        pub fn read(&self, at: usize, to: &mut [T]) -> Result<(), DataError> {
            let bytes = bytes_of::<T>(at)?;
            // SAFETY: `to` takes so many bytes, and all bytes are elements (`AnyBits`).
            unsafe { self.region.copy_out(bytes, to.as_mut_ptr().cast(), size_of_val(to)) }
        }

        /// Copies one element.
        ///
        /// # Errors
        /// As [`read`](Self::read).
        pub fn get(&self, at: usize) -> Result<T, DataError> {
            let mut element = std::mem::MaybeUninit::<T>::uninit();
            // SAFETY: room for one element; all bytes are elements (`AnyBits`), and on success all of them were written.
            unsafe {
                self.region.copy_out(bytes_of::<T>(at)?, element.as_mut_ptr().cast(), size_of::<T>())?;
                Ok(element.assume_init())
            }
        }

        /// Copies all elements.
        ///
        /// # Errors
        /// As [`read`](Self::read), and where there is no memory.
        pub fn to_vec(&self) -> Result<Vec<T>, DataError> {
            let (len, bytes) = (self.len(), self.region.len());
            let mut copy: Vec<T> = Vec::new();
            copy.try_reserve_exact(len).map_err(|_| MemoryError::TooLarge { size: bytes })?;
            // SAFETY: the vector has room for so many elements; all bytes are elements (`AnyBits`), and on success all were written.
            unsafe {
                self.region.copy_out(0, copy.as_mut_ptr().cast(), bytes)?;
                copy.set_len(len);
            }
            Ok(copy)
        }

        /// The elements as a slice.
        ///
        /// # Safety
        /// While the slice lives nobody may change the elements, in this process or another, and the file must not become shorter.
        pub unsafe fn as_slice_unchecked(&self) -> &[T] {
            // SAFETY: so many aligned elements lie there (`map_elements`); the rest is the caller's promise.
            unsafe { std::slice::from_raw_parts(self.base(), self.len()) }
        }

        /// To pass to programs that only read.
        pub fn read_view(&self) -> ReadView<'_> {
            ReadView {
                address: self.base().expose_provenance(),
                len: self.len(),
                size: size_of::<T>(),
                can_lose_pages: self.region.can_lose_pages(),
                borrow: PhantomData,
            }
        }

        fn base(&self) -> *mut T {
            if self.is_empty() { std::ptr::dangling_mut() } else { self.region.base().cast() }
        }
    };
}

/// Elements in fresh memory of this process alone: a slice between guards, which grows without moving.
///
/// ```
/// use cresset::{Buffer, Engine};
/// let mut squares = Buffer::<f64>::new(100)?;
/// let module = Engine::new()?.compile("fn fill_in(mut xs: [f64]) { for i in 0..len(xs) { xs[i] = i * i; } }")?;
/// module.func::<fn(&mut [f64])>("fill_in")?.call(&mut squares)?;
/// assert_eq!(squares[9], 81.0);
/// # Ok::<(), cresset::Error>(())
/// ```
#[derive(Debug)]
pub struct Buffer<T: Plain> {
    region: Region,
    elements: PhantomData<T>,
}

impl<T: Plain> Buffer<T> {
    /// So many elements, all zero.
    ///
    /// # Errors
    /// Where there is no memory or address space.
    pub fn new(len: usize) -> Result<Self, DataError> {
        Self::with_capacity(len, len)
    }

    /// So many elements, all zero, with address space reserved for `capacity`. What is only reserved takes no memory.
    ///
    /// # Errors
    /// Where there is no memory or address space.
    pub fn with_capacity(len: usize, capacity: usize) -> Result<Self, DataError> {
        let region = Region::fresh(bytes_of::<T>(len)?, bytes_of::<T>(capacity)?, false)?;
        Ok(Self { region, elements: PhantomData })
    }

    /// How many elements it can grow to without moving: it never moves.
    pub fn capacity(&self) -> usize {
        self.region.capacity() / size_of::<T>()
    }

    /// Grows or shrinks to so many elements. New ones are zero; memory of those that go is given back.
    ///
    /// # Errors
    /// [`DataError::OutOfRange`] past the capacity; where there is no memory. The elements are as before then.
    pub fn resize(&mut self, len: usize) -> Result<(), DataError> {
        self.region.resize(bytes_of::<T>(len)?)
    }

    common!();
}

impl<T: AnyBits> Buffer<T> {
    /// Copies elements out of a file, from any byte offset on, aligned or not.
    ///
    /// # Errors
    /// Where the file has fewer bytes ([`DataError::OutOfRange`], [`DataError::PageLost`]) or cannot be read, or there is no memory.
    pub fn read_file(file: &File, offset: u64, len: usize) -> Result<Self, DataError> {
        let available = data_map::length_of(file)?;
        let bytes = bytes_of::<T>(len)?;
        if offset.checked_add(bytes as u64).is_none_or(|end| end > available) {
            return Err(DataError::OutOfRange { start: offset, len: bytes as u64, available });
        }
        let buffer = Self::new(len)?;
        // SAFETY: the region has so many bytes, and nobody else knows it yet.
        unsafe { data_map::read_at(file, offset, buffer.region.base(), bytes) }?;
        Ok(buffer)
    }

    /// Gives up the right to write: the pages become read-only for good.
    ///
    /// # Errors
    /// Where the system refuses.
    pub fn freeze(mut self) -> Result<Data<T>, DataError> {
        self.region.make_read_only()?;
        Ok(Data { region: self.region, elements: PhantomData })
    }
}

impl<T: Plain> Deref for Buffer<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        if self.is_empty() {
            return &[];
        }
        // SAFETY: so many initialised elements lie in a private mapping of our own, aligned to a page; only `&mut self` changes them.
        unsafe { std::slice::from_raw_parts(self.region.base().cast(), self.len()) }
    }
}

impl<T: Plain> DerefMut for Buffer<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        if self.is_empty() {
            return &mut [];
        }
        // SAFETY: as in `deref`, and `&mut self` is the only way to them.
        unsafe { std::slice::from_raw_parts_mut(self.region.base().cast(), self.len()) }
    }
}

/// Elements to read in place: of a file, or of memory that was made read-only.
///
/// ```no_run
/// use cresset::{Arg, Config, Data};
/// let data = Data::<f64>::open("prices.f64")?;
/// let engine = Config::new().catch_faults(true).engine()?;
/// let module = engine.compile("fn total(xs: [f64]) = sum(xs);")?;
/// let total = module.call("total", &mut [Arg::from(&data)])?;
/// # Ok::<(), cresset::Error>(())
/// ```
#[derive(Debug)]
pub struct Data<T: AnyBits> {
    region: Region,
    elements: PhantomData<T>,
}

impl<T: AnyBits> Data<T> {
    /// Maps a whole file to read. It is closed afterwards; the mapping stays.
    ///
    /// # Errors
    /// Where it cannot be opened, is no regular file, or is no whole number of elements.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, DataError> {
        Self::map(&data_map::open(path.as_ref(), false)?, 0, None)
    }

    /// Maps elements of a file to read, from a byte offset on; all that follow if no length is given.
    ///
    /// # Errors
    /// As [`Data::open`]; [`DataError::OutOfRange`] past the end; [`DataError::Misaligned`] where the offset is no multiple of an element's size:
    /// [`Buffer::read_file`] copies from any.
    pub fn map(file: &File, offset: u64, len: Option<usize>) -> Result<Self, DataError> {
        Ok(Self { region: map_elements::<T>(file, offset, len, Kind::FileRead)?, elements: PhantomData })
    }

    /// To pass to a program.
    pub fn view(&self) -> View<'_> {
        self.read_view().view()
    }

    common!();
    reading!();
}

/// Elements to read and write in place, which others may see and change: of a file, or shared with children.
#[derive(Debug)]
pub struct DataMut<T: AnyBits> {
    region: Region,
    elements: PhantomData<T>,
}

impl<T: AnyBits> DataMut<T> {
    /// So many zero elements that this process shares with the children it forks from now on.
    ///
    /// # Errors
    /// Where there is no memory or address space.
    pub fn shared(len: usize) -> Result<Self, DataError> {
        let bytes = bytes_of::<T>(len)?;
        Ok(Self { region: Region::fresh(bytes, bytes, true)?, elements: PhantomData })
    }

    /// Maps a whole file to read and write; what is written goes to the file.
    ///
    /// # Errors
    /// As [`Data::open`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self, DataError> {
        Self::map(&data_map::open(path.as_ref(), true)?, 0, None)
    }

    /// Makes a file of so many zero elements, or empties the one there, and maps it. Its room on the disk is taken now, where the file system can
    /// promise it, so that no later store finds the disk full.
    ///
    /// # Errors
    /// As [`Data::open`], and where there is no room.
    pub fn create(path: impl AsRef<Path>, len: usize) -> Result<Self, DataError> {
        let file = data_map::create(path.as_ref(), bytes_of::<T>(len)? as u64)?;
        Self::map(&file, 0, None)
    }

    /// Maps elements of a file that is open for reading and writing; what is written goes to the file.
    ///
    /// # Errors
    /// As [`Data::map`].
    pub fn map(file: &File, offset: u64, len: Option<usize>) -> Result<Self, DataError> {
        Ok(Self { region: map_elements::<T>(file, offset, len, Kind::FileShared)?, elements: PhantomData })
    }

    /// Maps a whole file to change a copy: a page is copied when it is first written to, and the file never changes.
    ///
    /// # Errors
    /// As [`Data::open`].
    pub fn open_private(path: impl AsRef<Path>) -> Result<Self, DataError> {
        Self::map_private(&data_map::open(path.as_ref(), false)?, 0, None)
    }

    /// Maps elements of a file likewise.
    ///
    /// # Errors
    /// As [`Data::map`].
    pub fn map_private(file: &File, offset: u64, len: Option<usize>) -> Result<Self, DataError> {
        Ok(Self { region: map_elements::<T>(file, offset, len, Kind::FilePrivate)?, elements: PhantomData })
    }

    /// Copies elements in, from index `at` on.
    ///
    /// # Errors
    /// [`DataError::OutOfRange`]; [`DataError::PageLost`] where the file became shorter, never a signal.
    pub fn write(&mut self, at: usize, from: &[T]) -> Result<(), DataError> {
        let bytes = bytes_of::<T>(at)?;
        // SAFETY: at `from` lie so many bytes.
        unsafe { self.region.copy_in(bytes, from.as_ptr().cast(), size_of_val(from)) }
    }

    /// Writes what was changed to the file, and waits until it is there. Other processes that map the file see it without.
    ///
    /// # Errors
    /// Where the disk refuses.
    pub fn flush(&self) -> Result<(), DataError> {
        self.region.flush()
    }

    /// Gives up the right to write: the pages become read-only in this process for good.
    ///
    /// # Errors
    /// Where the system refuses.
    pub fn freeze(mut self) -> Result<Data<T>, DataError> {
        self.region.make_read_only()?;
        Ok(Data { region: self.region, elements: PhantomData })
    }

    /// To pass to a program that may write.
    pub fn view_mut(&mut self) -> View<'_> {
        debug_assert!(self.region.is_writable());
        View { writable: true, ..self.view() }
    }

    /// To pass to a program that only reads.
    pub fn view(&self) -> View<'_> {
        self.read_view().view()
    }

    common!();
    reading!();
}
