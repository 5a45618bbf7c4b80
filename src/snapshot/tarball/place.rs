//! Puts the entries of an archive below the staging directory, links last.

use super::TarballError;
use super::reader::{Kind, Member, Reader};
use super::unpack::{Allowed, is_top};
use crate::host::directory::{Directory, NAMESPACE};
use crate::model::digest::Digest;
use crate::snapshot::manifest::{Content, Entry, Limits, Name, Time};
use crate::snapshot::unpack::{Place, leads_out, moment};
use std::collections::{BTreeMap, HashMap};
use std::io::Read;

const CHUNK: usize = 256 << 10;

/// The most bytes of names that are kept until the links are made.
const NAMES: usize = if cfg!(test) { 1 << 20 } else { 256 << 20 };

/// What stands under a path so far.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Placed {
    /// A directory; stated by an entry, or only leading to one. Its place among the entries.
    Directory {
        stated: bool,
        entry: usize,
    },
    /// A file, or a further name of the file under that path.
    File {
        first: Option<Name>,
    },
    Symlink,
}

pub(super) struct Builder<'a> {
    staging: &'a Directory,
    place: Place<'a>,
    allowed: &'a Allowed,
    placed: HashMap<Name, Placed>,
    /// Directories and links, for the end.
    entries: Vec<Entry>,
    /// Bytes of the names that are kept until the end.
    names: usize,
    /// Bytes of file content.
    bytes: u64,
    top: Option<Member>,
    buffer: Vec<u8>,
}

impl<'a> Builder<'a> {
    pub(super) fn new(staging: &'a Directory, allowed: &'a Allowed) -> Self {
        Self {
            staging,
            place: Place::new(staging, allowed.owners),
            allowed,
            placed: HashMap::new(),
            entries: Vec::new(),
            names: 0,
            bytes: 0,
            top: None,
            buffer: vec![0; CHUNK],
        }
    }

    /// Judges an entry and puts it in its place; links only by [`Builder::finish`].
    pub(super) fn add<R: Read>(
        &mut self,
        member: Member,
        reader: &mut Reader<R>,
    ) -> Result<(), TarballError> {
        self.judge(&member)?;
        self.count_names(&member)?;
        if is_top(&member.path) {
            return self.set_top(member);
        }
        self.make_parents(&member.path)?;
        match member.kind.clone() {
            Kind::Directory => self.directory(member),
            Kind::File(size) => self.file(member, size, reader),
            Kind::Symlink(target) => {
                self.occupy(&member.path, Placed::Symlink)?;
                self.entries.push(entry(member, Content::Symlink { target }));
                Ok(())
            }
            Kind::Hardlink(target) => self.hardlink(member, &target),
        }
    }

    /// Makes the links, then gives the directories their attributes, the deepest first.
    pub(super) fn finish(mut self) -> Result<(), TarballError> {
        self.entries.sort_by(|a, b| a.path.cmp(&b.path));
        self.place.links(&self.entries)?;
        self.place.directory_attributes(&self.entries)?;
        match &self.top {
            Some(top) => {
                let owner = self.allowed.owners.then_some((top.uid, top.gid));
                self.staging.set_attributes(owner, top.mode, moment(top.modified))?;
            }
            None => {
                let modified = self.staging.own_metadata()?.modified;
                self.staging.set_attributes(None, 0o755, modified)?;
            }
        }
        Ok(())
    }

    /// What is kept until the end is bounded, however many entries are allowed.
    fn count_names(&mut self, member: &Member) -> Result<(), TarballError> {
        let target = match &member.kind {
            Kind::Symlink(target) | Kind::Hardlink(target) => target.as_bytes().len(),
            Kind::Directory | Kind::File(_) => 0,
        };
        self.names += member.path.as_bytes().len() + target;
        if self.names > NAMES {
            let reason = "the names up to it take more than 256 MiB together";
            return Err(TarballError::Refused { path: member.path.clone(), reason });
        }
        Ok(())
    }

    fn judge(&self, member: &Member) -> Result<(), TarballError> {
        let refuse = |reason| Err(TarballError::Refused { path: member.path.clone(), reason });
        let limits = Limits::default();
        let fault = member.path.fault(limits.path_bytes, limits.depth);
        if let Some(reason) = fault.filter(|_| !is_top(&member.path)) {
            return refuse(reason);
        }
        if member.mode & 0o6000 != 0 && !self.allowed.setuid {
            return refuse("it is setuid or setgid");
        }
        if member.extended.keys().any(|name| !name.starts_with(NAMESPACE) || name.contains(&0)) {
            return refuse("it carries an extended attribute that is not of the user namespace");
        }
        let too_long = |(name, value): (&Vec<u8>, &Vec<u8>)| name.len() > 255 || value.len() > 64 << 10;
        if member.extended.iter().any(too_long) {
            return refuse("it carries an extended attribute longer than 64 KiB");
        }
        if !member.extended.is_empty() && !matches!(member.kind, Kind::Directory | Kind::File(_)) {
            return refuse("it is a link with extended attributes");
        }
        if let Kind::Symlink(target) = &member.kind {
            if target.as_bytes().is_empty() || target.as_bytes().contains(&0) {
                return refuse("its link target is empty or contains a NUL byte");
            }
            if target.as_bytes().len() > 4095 {
                return refuse("its link target is too long");
            }
            if !self.allowed.outside_links && leads_out(&member.path, target, &[]) {
                return refuse("it links out of the archive");
            }
        }
        Ok(())
    }

    fn set_top(&mut self, member: Member) -> Result<(), TarballError> {
        let refuse = |reason| Err(TarballError::Refused { path: Name::new("."), reason });
        if member.kind != Kind::Directory {
            return refuse("it is the archive's top and no directory");
        }
        if self.top.is_some() {
            return refuse("it is there twice");
        }
        self.staging.set_extended(&member.extended)?;
        self.top = Some(Member { extended: BTreeMap::new(), ..member });
        Ok(())
    }

    fn occupy(&mut self, path: &Name, what: Placed) -> Result<(), TarballError> {
        let full = self.placed.len() >= self.allowed.entries;
        match self.placed.insert(path.clone(), what) {
            None if full => Err(TarballError::Limit {
                bytes: self.bytes,
                entries: self.placed.len(),
                max_bytes: self.allowed.bytes,
                max_entries: self.allowed.entries,
            }),
            None => Ok(()),
            Some(_) => Err(TarballError::Refused { path: path.clone(), reason: "it is there twice" }),
        }
    }

    /// Archives may leave out the directories that lead to their entries.
    fn make_parents(&mut self, path: &Name) -> Result<(), TarballError> {
        let slashes = path.as_bytes().iter().enumerate().filter(|(_, byte)| **byte == b'/');
        for (slash, _) in slashes {
            let parent = Name::new(&path.as_bytes()[..slash]);
            match self.placed.get(&parent) {
                Some(Placed::Directory { .. }) => {}
                Some(_) => {
                    let reason = "it lies below something that is no directory";
                    return Err(TarballError::Refused { path: path.clone(), reason });
                }
                None => self.imply(parent)?,
            }
        }
        Ok(())
    }

    fn imply(&mut self, path: Name) -> Result<(), TarballError> {
        self.occupy(&path, Placed::Directory { stated: false, entry: self.entries.len() })?;
        self.names += path.as_bytes().len();
        let made = self.staging.own_metadata()?.modified;
        let entry = Entry {
            path,
            mode: 0o755,
            uid: rustix::process::geteuid().as_raw(),
            gid: rustix::process::getegid().as_raw(),
            modified: Time(made.seconds, made.nanoseconds),
            extended: BTreeMap::new(),
            content: Content::Directory,
        };
        self.place.directory(&entry)?;
        self.entries.push(entry);
        Ok(())
    }

    fn directory(&mut self, member: Member) -> Result<(), TarballError> {
        let (extended, path) = (member.extended.clone(), member.path.clone());
        let stated = entry(Member { extended: BTreeMap::new(), ..member }, Content::Directory);
        match self.placed.get_mut(&path) {
            Some(Placed::Directory { stated: known, entry }) if !*known => {
                *known = true;
                self.entries[*entry] = stated;
            }
            _ => {
                let entry = self.entries.len();
                self.occupy(&path, Placed::Directory { stated: true, entry })?;
                self.place.directory(&stated)?;
                self.entries.push(stated);
            }
        }
        // While it still belongs to this process, and is not kept in memory.
        Ok(self.staging.open_directory(path.as_path())?.set_extended(&extended)?)
    }

    fn file<R: Read>(
        &mut self,
        member: Member,
        size: u64,
        reader: &mut Reader<R>,
    ) -> Result<(), TarballError> {
        self.occupy(&member.path, Placed::File { first: None })?;
        let digest = Digest::of(b"");
        let entry = entry(member, Content::File { size, digest, sparse: false, at: None });
        let mut file = self.place.file(&entry)?;
        self.bytes = self.bytes.saturating_add(size);
        loop {
            let length = reader.read(&mut self.buffer)?;
            if length == 0 {
                break;
            }
            file.write(&self.buffer[..length])?;
        }
        Ok(file.finish()?)
    }

    fn hardlink(&mut self, member: Member, target: &Name) -> Result<(), TarballError> {
        let first = match self.placed.get(target) {
            Some(Placed::File { first }) => first.clone().unwrap_or_else(|| target.clone()),
            _ => {
                let reason = "its hard link target is not a file before it in the archive";
                return Err(TarballError::Refused { path: member.path, reason });
            }
        };
        self.occupy(&member.path, Placed::File { first: Some(first.clone()) })?;
        self.entries.push(entry(member, Content::Hardlink { target: first }));
        Ok(())
    }
}

fn entry(member: Member, content: Content) -> Entry {
    let Member { path, mode, uid, gid, modified, extended, .. } = member;
    let extended = extended.into_iter().map(|(name, value)| (Name::new(name), Name::new(value))).collect();
    Entry { path, mode, uid, gid, modified, extended, content }
}
