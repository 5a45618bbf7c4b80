//! The rules that a manifest keeps, whoever wrote it: what passes here can be restored without guessing.

use super::{At, Content, Entry, FRAME_LIMIT, Frame, Limits, Manifest, ManifestError, Name};
use crate::snapshot::{frame, layout};
use std::collections::{HashMap, HashSet};

pub(super) fn check(manifest: &Manifest, limits: &Limits) -> Result<(), ManifestError> {
    for (field, text, limit) in
        [("source", &manifest.metadata.source, 255), ("eos_version", &manifest.metadata.eos_version, 64)]
    {
        if text.is_empty() || text.len() > limit || text.chars().any(char::is_control) {
            return Err(ManifestError::Metadata { field, limit });
        }
    }
    if manifest.entries.len() > limits.entries {
        return Err(ManifestError::TooMany { entries: manifest.entries.len(), limit: limits.entries });
    }
    check_entries(&manifest.entries, limits)?;
    check_frames(manifest)?;
    check_borrowed(manifest)?;
    check_length(manifest)
}

fn check_entries(entries: &[Entry], limits: &Limits) -> Result<(), ManifestError> {
    let mut directories: HashSet<&[u8]> = HashSet::new();
    let mut files: HashMap<&[u8], &Entry> = HashMap::new();
    let mut previous: Option<&Name> = None;
    for entry in entries {
        let refuse = |reason| ManifestError::Entry { path: entry.path.clone(), reason };
        if let Some(reason) = entry.path.fault(limits.path_bytes, limits.depth) {
            return Err(refuse(reason));
        }
        match previous {
            Some(before) if *before == entry.path => return Err(refuse("it is listed twice")),
            Some(before) if *before > entry.path => return Err(refuse("it is not in ascending order")),
            _ => previous = Some(&entry.path),
        }
        let (parent, _) = entry.path.split();
        if !parent.is_empty() && !directories.contains(parent) {
            return Err(refuse("its parent is not a listed directory"));
        }
        if entry.mode > 0o7777 || entry.modified.1 > 999_999_999 {
            return Err(refuse("its mode or its time is out of range"));
        }
        check_extended(entry).map_err(refuse)?;
        match &entry.content {
            Content::Directory => drop(directories.insert(entry.path.as_bytes())),
            Content::File { size, .. } if *size > i64::MAX as u64 => {
                return Err(refuse("its size is out of range"));
            }
            Content::File { .. } => drop(files.insert(entry.path.as_bytes(), entry)),
            Content::Symlink { target } => check_target(target).map_err(refuse)?,
            Content::Hardlink { target } => {
                check_hardlink(entry, files.get(target.as_bytes())).map_err(refuse)?
            }
        }
    }
    Ok(())
}

/// Attributes outside of the `user` namespace grant rights, and links have none.
fn check_extended(entry: &Entry) -> Result<(), &'static str> {
    let linked = matches!(entry.content, Content::Symlink { .. } | Content::Hardlink { .. });
    if linked && !entry.extended.is_empty() {
        return Err("it is a link with extended attributes");
    }
    for (name, value) in &entry.extended {
        let name = name.as_bytes();
        if !name.starts_with(b"user.") || name.len() > 255 || name.contains(&0) {
            return Err("an extended attribute of it is not of the user namespace");
        }
        if value.as_bytes().len() > 64 << 10 {
            return Err("an extended attribute of it is longer than 64 KiB");
        }
    }
    Ok(())
}

fn check_target(target: &Name) -> Result<(), &'static str> {
    match target.as_bytes() {
        [] => Err("its link target is empty"),
        bytes if bytes.len() > 4095 => Err("its link target is too long"),
        bytes if bytes.contains(&0) => Err("its link target contains a NUL byte"),
        _ => Ok(()),
    }
}

fn check_hardlink(entry: &Entry, target: Option<&&Entry>) -> Result<(), &'static str> {
    let file = target.ok_or("its hard link target is not a file listed before it")?;
    let attributes = |entry: &Entry| (entry.mode, entry.uid, entry.gid, entry.modified);
    if attributes(entry) == attributes(file) {
        Ok(())
    } else {
        Err("its attributes contradict its hard link target")
    }
}

fn check_frames(manifest: &Manifest) -> Result<(), ManifestError> {
    let (mut part, mut offset, mut count) = (0usize, 0u64, 0usize);
    let mut digests = HashSet::new();
    for (index, one) in manifest.frames.iter().enumerate() {
        let refuse = |reason| ManifestError::Frame { frame: index, reason };
        if one.part as usize == part + 1 && count > 0 {
            close_part(manifest, part, offset, count)?;
            (part, offset, count) = (part + 1, 0, 0);
        }
        if one.part as usize != part || part >= manifest.parts.len() {
            return Err(refuse("its part is not the one in order"));
        }
        if one.offset != offset {
            return Err(refuse("it does not begin where the frame before it ends"));
        }
        if one.uncompressed == 0 || one.uncompressed > FRAME_LIMIT {
            return Err(refuse("its uncompressed length is out of range"));
        }
        if one.compressed == 0 || one.compressed as usize > frame::compressed_limit() {
            return Err(refuse("its compressed length is out of range"));
        }
        (offset, count) = (offset + u64::from(one.compressed), count + 1);
    }
    if count > 0 {
        close_part(manifest, part, offset, count)?;
        part += 1;
    }
    if part != manifest.parts.len() {
        return Err(ManifestError::Part { part, reason: "it has no frames" });
    }
    match manifest.parts.iter().position(|one| !digests.insert(one.digest)) {
        Some(part) => Err(ManifestError::Part { part, reason: "it is listed twice" }),
        None => Ok(()),
    }
}

fn close_part(manifest: &Manifest, part: usize, end: u64, frames: usize) -> Result<(), ManifestError> {
    let stated = manifest.parts.get(part).map(|one| one.size);
    if stated == Some(end + frame::seek_table_length(frames) as u64) {
        return Ok(());
    }
    Err(ManifestError::Part { part, reason: "its size contradicts its frames" })
}

/// What is borrowed lies whole in a borrowed part, apart from all else, and none is borrowed for nothing.
fn check_borrowed(manifest: &Manifest) -> Result<(), ManifestError> {
    let count = manifest.parts.iter().take_while(|part| part.borrowed).count();
    if let Some(after) = manifest.parts[count..].iter().position(|part| part.borrowed) {
        let reason = "it is borrowed and comes after one that is not";
        return Err(ManifestError::Part { part: count + after, reason });
    }
    let mut lengths = vec![0u64; count];
    for frame in &manifest.frames {
        if let Some(length) = lengths.get_mut(frame.part as usize) {
            *length += u64::from(frame.uncompressed);
        }
    }
    let mut taken = Vec::new();
    for (index, entry) in manifest.entries.iter().enumerate() {
        let Content::File { size, at: Some(At(part, offset)), .. } = entry.content else { continue };
        let refuse = |reason| ManifestError::Entry { path: entry.path.clone(), reason };
        let Some(length) = lengths.get(part as usize) else {
            return Err(refuse("its content is borrowed from a part that is not borrowed"));
        };
        if size == 0 || offset.checked_add(size).is_none_or(|end| end > *length) {
            return Err(refuse("its content is borrowed from beyond the end of a part"));
        }
        taken.push((part, offset, size, index));
    }
    taken.sort_unstable();
    for pair in taken.windows(2) {
        let ((part, offset, size, _), (next, start, _, index)) = (pair[0], pair[1]);
        if part == next && start < offset + size {
            let path = manifest.entries[index].path.clone();
            return Err(ManifestError::Entry {
                path,
                reason: "its content is borrowed by another entry too",
            });
        }
    }
    let named: HashSet<u32> = taken.iter().map(|one| one.0).collect();
    match (0..count).find(|part| !named.contains(&(*part as u32))) {
        Some(part) => Err(ManifestError::Part { part, reason: "it is borrowed and nothing in it is used" }),
        None => Ok(()),
    }
}

/// The own frames hold the own stream, neither more nor less.
fn check_length(manifest: &Manifest) -> Result<(), ManifestError> {
    let own = |frame: &&Frame| !manifest.parts[frame.part as usize].borrowed;
    let framed: u64 = manifest.frames.iter().filter(own).map(|frame| u64::from(frame.uncompressed)).sum();
    match layout::stream_length(&manifest.entries) {
        Some(listed) if listed == framed => Ok(()),
        listed => Err(ManifestError::Length { framed, listed: listed.unwrap_or(u64::MAX) }),
    }
}
