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

/// What stands under a path so far.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Placed {
    /// A directory; stated by an entry, or only leading to one.
    Directory {
        stated: bool,
    },
    /// A file, or a further name of the file under this path.
    File {
        first: Name,
    },
    Symlink,
}

pub(super) struct Builder<'a> {
    staging: &'a Directory,
    place: Place<'a>,
    allowed: &'a Allowed,
    placed: HashMap<Name, Placed>,
    /// Directories and links, for the end.
    entries: BTreeMap<Name, Entry>,
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
            entries: BTreeMap::new(),
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
        if is_top(&member.path) {
            return self.set_top(member);
        }
        self.make_parents(&member.path)?;
        match member.kind.clone() {
            Kind::Directory => self.directory(member),
            Kind::File(size) => self.file(member, size, reader),
            Kind::Symlink(target) => {
                self.occupy(&member.path, Placed::Symlink)?;
                self.keep(entry(member, Content::Symlink { target }));
                Ok(())
            }
            Kind::Hardlink(target) => self.hardlink(member, &target),
        }
    }

    /// How many there are so far, the directories that only lead to them included.
    pub(super) fn entries(&self) -> usize {
        self.placed.len() + usize::from(self.top.is_some())
    }

    /// Makes the links, then gives the directories their attributes, the deepest first.
    pub(super) fn finish(mut self) -> Result<(), TarballError> {
        let entries: Vec<Entry> = std::mem::take(&mut self.entries).into_values().collect();
        self.place.links(&entries)?;
        self.place.directory_attributes(&entries)?;
        match &self.top {
            Some(top) => {
                self.staging.set_extended(&top.extended)?;
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
        self.top = Some(member);
        Ok(())
    }

    fn occupy(&mut self, path: &Name, what: Placed) -> Result<(), TarballError> {
        match self.placed.insert(path.clone(), what) {
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
                None => {
                    self.placed.insert(parent.clone(), Placed::Directory { stated: false });
                    let made = self.staging.own_metadata()?.modified;
                    let entry = Entry {
                        path: parent,
                        mode: 0o755,
                        uid: rustix::process::geteuid().as_raw(),
                        gid: rustix::process::getegid().as_raw(),
                        modified: Time(made.seconds, made.nanoseconds),
                        extended: BTreeMap::new(),
                        content: Content::Directory,
                    };
                    self.place.directory(&entry)?;
                    self.keep(entry);
                }
            }
        }
        Ok(())
    }

    /// For the end, in the order of the paths; a directory that is stated replaces the implied one.
    fn keep(&mut self, entry: Entry) {
        self.entries.insert(entry.path.clone(), entry);
    }

    fn directory(&mut self, member: Member) -> Result<(), TarballError> {
        let entry = entry(member, Content::Directory);
        match self.placed.get_mut(&entry.path) {
            Some(Placed::Directory { stated }) if !*stated => {
                *stated = true;
            }
            _ => {
                self.occupy(&entry.path, Placed::Directory { stated: true })?;
                self.place.directory(&entry)?;
            }
        }
        self.keep(entry);
        Ok(())
    }

    fn file<R: Read>(
        &mut self,
        member: Member,
        size: u64,
        reader: &mut Reader<R>,
    ) -> Result<(), TarballError> {
        self.occupy(&member.path, Placed::File { first: member.path.clone() })?;
        let digest = Digest::of(b"");
        let entry = entry(member, Content::File { size, digest, sparse: false });
        let mut file = self.place.file(&entry, false)?;
        loop {
            let length = reader.read(&mut self.buffer)?;
            if length == 0 {
                break;
            }
            file.write(&self.buffer[..length])?;
        }
        file.finish(size)?;
        Ok(())
    }

    fn hardlink(&mut self, member: Member, target: &Name) -> Result<(), TarballError> {
        let first = match self.placed.get(target) {
            Some(Placed::File { first }) => first.clone(),
            _ => {
                let reason = "its hard link target is not a file before it in the archive";
                return Err(TarballError::Refused { path: member.path, reason });
            }
        };
        self.occupy(&member.path, Placed::File { first: first.clone() })?;
        self.keep(entry(member, Content::Hardlink { target: first }));
        Ok(())
    }
}

fn entry(member: Member, content: Content) -> Entry {
    let Member { path, mode, uid, gid, modified, extended, .. } = member;
    let extended = extended.into_iter().map(|(name, value)| (Name::new(name), Name::new(value))).collect();
    Entry { path, mode, uid, gid, modified, extended, content }
}
