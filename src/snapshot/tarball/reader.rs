//! Reads a tar stream entry by entry: every ambiguity that readers of tar disagree about is refused (pure).

use super::TarballError;
use super::extension::{self, Extension};
use super::header::{self, BLOCK, Header};
use crate::snapshot::manifest::{Name, Time};
use std::collections::BTreeMap;
use std::io::{ErrorKind, Read};

/// The most zeros after the end of the archive: writers fill up their last record.
const FILLING: u64 = 1 << 20;

/// The most bytes of headers that hold for all entries.
const GLOBAL: u64 = 2 << 20;

/// The size from which a header may leave it to a PAX record.
const LARGE: u64 = 1 << 33;

/// One entry of the archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Member {
    /// The path without a leading `./`; empty for the top itself.
    pub(super) path: Name,
    /// The 12 permission bits.
    pub(super) mode: u32,
    /// The owner's number.
    pub(super) uid: u32,
    /// The group's number.
    pub(super) gid: u32,
    /// Last change of the content.
    pub(super) modified: Time,
    /// Extended attributes by name.
    pub(super) extended: BTreeMap<Vec<u8>, Vec<u8>>,
    /// What it is.
    pub(super) kind: Kind,
}

/// What an entry is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    Directory,
    /// A file with so many bytes of content, which follow.
    File(u64),
    Symlink(Name),
    Hardlink(Name),
}

/// A tar stream.
pub(super) struct Reader<R> {
    input: R,
    /// Bytes read so far, for messages.
    offset: u64,
    /// Bytes of content that the entry before still has.
    content: u64,
    /// Bytes of zeros after that content.
    padding: u64,
    /// Bytes of the headers that hold for all entries: no entry stands for them, so nothing else counts them.
    global: u64,
}

impl<R: Read> Reader<R> {
    pub(super) fn new(input: R) -> Self {
        Self { input, offset: 0, content: 0, padding: 0, global: 0 }
    }

    /// The next entry, after what is left of the one before; none at the end of the archive.
    pub(super) fn next(&mut self) -> Result<Option<Member>, TarballError> {
        self.skip_rest()?;
        let (mut records, mut long_path, mut long_target) = (None, None, None);
        loop {
            let at = self.offset;
            let refuse = |reason| TarballError::Malformed { offset: at, reason };
            let block = self.block()?;
            let extended = records.is_some() || long_path.is_some() || long_target.is_some();
            if header::is_end(&block) {
                if extended {
                    return Err(refuse("it ends where an entry should follow"));
                }
                return self.end().map(|()| None);
            }
            let found = header::parse(&block).map_err(refuse)?;
            match found.kind {
                b'x' if !extended => {
                    let bytes = self.short(found.size)?;
                    records = Some(extension::parse(&bytes).map_err(refuse)?);
                }
                b'g' if !extended => {
                    let bytes = self.short(found.size)?;
                    extension::check_global(&bytes).map_err(refuse)?;
                    self.global += self.offset - at;
                    if self.global > GLOBAL {
                        return Err(refuse("its PAX headers for all entries are longer than 2 MiB"));
                    }
                }
                b'L' if records.is_none() && long_path.is_none() => {
                    long_path = Some(self.long_name(found.size)?);
                }
                b'K' if records.is_none() && long_target.is_none() => {
                    long_target = Some(self.long_name(found.size)?);
                }
                b'x' | b'g' | b'L' | b'K' => return Err(refuse("it extends one header in several ways")),
                _ => {
                    let mut extension = records.unwrap_or_default();
                    extension.path = extension.path.or(long_path);
                    extension.target = extension.target.or(long_target);
                    return self.member(found, extension, at).map(Some);
                }
            }
        }
    }

    /// Reads content of the entry; 0 bytes at its end.
    pub(super) fn read(&mut self, into: &mut [u8]) -> Result<usize, TarballError> {
        let most = into.len().min(usize::try_from(self.content).unwrap_or(usize::MAX));
        if most == 0 {
            return Ok(0);
        }
        let length = self.some(&mut into[..most])?;
        if length == 0 {
            return Err(TarballError::Short { offset: self.offset });
        }
        self.content -= length as u64;
        Ok(length)
    }

    fn member(&mut self, header: Header, extension: Extension, at: u64) -> Result<Member, TarballError> {
        let refuse = |reason| TarballError::Malformed { offset: at, reason };
        let size = agreed_size(header.size, extension.size).map_err(refuse)?;
        let target = Name::new(extension.target.unwrap_or(header.target));
        let path = extension.path.unwrap_or(header.path);
        let (named_as_directory, nameless) = (path.ends_with(b"/"), path.is_empty());
        let (path, kind) = (plain(path), header.kind);
        let member = |kind| {
            Ok(Member {
                mode: u32::try_from(header.mode).ok().filter(|mode| *mode <= 0o7777).ok_or("mode")?,
                uid: owner(extension.uid.unwrap_or(header.uid)).ok_or("owner")?,
                gid: owner(extension.gid.unwrap_or(header.gid)).ok_or("group")?,
                modified: time(extension.modified.unwrap_or(Time(header.modified, 0))).ok_or("time")?,
                extended: extension.extended,
                path: path.clone(),
                kind,
            })
        };
        let refuse = |reason| TarballError::Refused { path: path.clone(), reason };
        let kind = match kind {
            _ if nameless => return Err(refuse("its name is empty")),
            b'0' | 0 if named_as_directory => {
                return Err(refuse("its name is a directory's, and its type a file's"));
            }
            b'1' | b'2' if named_as_directory => {
                return Err(refuse("its name is a directory's, and its type a link's"));
            }
            b'0' | 0 => Kind::File(size),
            _ if size > 0 => return Err(refuse("it is no file, and has content")),
            b'5' => Kind::Directory,
            b'2' => Kind::Symlink(target),
            b'1' => Kind::Hardlink(plain(target.as_bytes().to_vec())),
            b'3' | b'4' => return Err(refuse("it is a device")),
            b'6' => return Err(refuse("it is a pipe")),
            _ => return Err(refuse("it is of a type that only some programs know")),
        };
        (self.content, self.padding) = (size, filling(size));
        member(kind).map_err(|field: &'static str| match field {
            "mode" => refuse("its mode is out of range"),
            "owner" => refuse("its owner is out of range"),
            "time" => refuse("its time is out of range"),
            _ => refuse("its group is out of range"),
        })
    }

    /// A name that did not fit its header, in GNU's form: it ends with a zero.
    fn long_name(&mut self, size: u64) -> Result<Vec<u8>, TarballError> {
        let at = self.offset;
        let mut bytes = self.short(size)?;
        match bytes.pop() {
            Some(0) if !bytes.contains(&0) => Ok(bytes),
            _ => Err(TarballError::Malformed { offset: at, reason: "a long name does not end with a zero" }),
        }
    }

    fn short(&mut self, size: u64) -> Result<Vec<u8>, TarballError> {
        if size > extension::LIMIT {
            let reason = "the extension of a header is longer than 1 MiB";
            return Err(TarballError::Malformed { offset: self.offset, reason });
        }
        let mut bytes = vec![0; size as usize];
        self.exact(&mut bytes)?;
        let mut padding = vec![0; filling(size) as usize];
        self.exact(&mut padding)?;
        Ok(bytes)
    }

    fn skip_rest(&mut self) -> Result<(), TarballError> {
        let mut buffer = [0; 16 << 10];
        while self.read(&mut buffer)? > 0 {}
        let mut padding = [0; BLOCK];
        let length = std::mem::take(&mut self.padding) as usize;
        self.exact(&mut padding[..length])
    }

    /// The second empty block, and nothing but zeros after it.
    fn end(&mut self) -> Result<(), TarballError> {
        if !header::is_end(&self.block()?) {
            let reason = "an empty block stands between its entries";
            return Err(TarballError::Malformed { offset: self.offset - BLOCK as u64, reason });
        }
        let (mut buffer, mut filled) = ([0; 16 << 10], 0);
        loop {
            let at = self.offset;
            let length = self.some(&mut buffer)?;
            filled += length as u64;
            if buffer[..length].iter().any(|byte| *byte != 0) || filled > FILLING {
                return Err(TarballError::Extra { offset: at });
            }
            if length == 0 {
                return Ok(());
            }
        }
    }

    fn block(&mut self) -> Result<[u8; BLOCK], TarballError> {
        let mut block = [0; BLOCK];
        self.exact(&mut block)?;
        Ok(block)
    }

    fn exact(&mut self, mut into: &mut [u8]) -> Result<(), TarballError> {
        while !into.is_empty() {
            let length = self.some(into)?;
            if length == 0 {
                return Err(TarballError::Short { offset: self.offset });
            }
            into = &mut into[length..];
        }
        Ok(())
    }

    /// Some bytes; none at the end of the input.
    fn some(&mut self, into: &mut [u8]) -> Result<usize, TarballError> {
        loop {
            match self.input.read(into) {
                Ok(length) => {
                    self.offset += length as u64;
                    return Ok(length);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(source) => return Err(TarballError::Input { offset: self.offset, source }),
            }
        }
    }
}

/// The path without `./` before it and `/` after it; the rest is judged by its user.
fn plain(mut path: Vec<u8>) -> Name {
    if path.ends_with(b"/") && path.len() > 1 {
        path.pop();
    }
    if path == b"." {
        return Name::new(Vec::new());
    }
    match path.strip_prefix(b"./") {
        Some(rest) => Name::new(rest.to_vec()),
        None => Name::new(path),
    }
}

/// Readers that believe one of two sizes find other entries than those that believe the other.
fn agreed_size(header: u64, record: Option<u64>) -> Result<u64, &'static str> {
    match record {
        None => Ok(header),
        Some(record) if record == header => Ok(record),
        Some(record) if record >= LARGE && header == 0 => Ok(record),
        Some(_) => Err("a header and its PAX record state different sizes"),
    }
}

/// The largest number means "leave it as it is" to the system, so it is nobody's.
fn owner(number: i64) -> Option<u32> {
    u32::try_from(number).ok().filter(|number| *number != u32::MAX)
}

/// Within ten thousand years: a file system that cannot keep a time takes another one without a word.
fn time(time: Time) -> Option<Time> {
    const YEARS: i64 = 10_000 * 31_556_952;
    Some(time).filter(|time| (-YEARS..YEARS).contains(&time.0))
}

fn filling(size: u64) -> u64 {
    (BLOCK as u64 - size % BLOCK as u64) % BLOCK as u64
}
