//! How much processor time each part of a verified pull costs by itself: the least that a whole pull can take.
//!
//! `cargo bench --bench floor -- TREE` takes the files of a tree, compresses them into frames of 2 MiB as a capture
//! does, and then has one thread do each part of the work alone, three times; the least time counts. What two ends on
//! one machine need for all parts together, divided by its processors, bounds the wall time from below, whatever
//! program does it.
#![allow(clippy::print_stdout, reason = "its output is its purpose")]

use anyhow::{Context, Result};
use eos::host::directory::{Aligned, Direct};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use std::collections::HashSet;
use std::fs::{self, File};
use std::hint::black_box;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;
use zstd::bulk::{Compressor, Decompressor};

const ROUNDS: usize = 3;
const FRAME: usize = 2 << 20;
/// Plain bytes of a TLS record, the most that RFC 8446 allows.
const RECORD: usize = 16 << 10;

struct Sample {
    /// Where each file lies below the tree, and how long it is.
    files: Vec<(PathBuf, usize)>,
    /// Compressed frames, each with what it holds: a range of a file.
    frames: Vec<(Vec<u8>, Vec<Piece>)>,
    stored: u64,
    content: u64,
}

/// So many bytes of this file, from this offset on; they begin here in the frame.
struct Piece {
    file: usize,
    offset: usize,
    length: usize,
    begin: usize,
}

fn main() -> Result<()> {
    let Some(tree) = std::env::args().skip(1).find(|argument| !argument.starts_with("--")) else {
        println!("nothing is measured without a tree: cargo bench --bench floor -- TREE");
        return Ok(());
    };
    let tree = PathBuf::from(tree);
    let folder = tempfile::tempdir_in(tree.parent().context("the tree has no parent")?)?;
    let sample = Sample::of(&tree)?;
    println!("{} bytes in {} files, {} compressed", sample.content, sample.files.len(), sample.stored);
    let stages: [(&str, &dyn Fn() -> Result<()>); 9] = [
        ("holder: read from the page cache", &|| sample.read(folder.path())),
        ("holder: AES-256-GCM, seal", &|| sample.seal(false)),
        ("both: through a socket on loopback", &|| sample.through_a_socket()),
        ("puller: AES-256-GCM, open", &|| sample.seal(true)),
        ("puller: BLAKE3 of the frames", &|| sample.digest_frames()),
        ("puller: zstd", &|| sample.decompress(|_, _| Ok(()))),
        ("puller: zstd and BLAKE3 of the files", &|| sample.digest_files()),
        ("puller: zstd and write past the page cache", &|| sample.write(folder.path())),
        ("second pull: read and BLAKE3 of files that are here", &|| sample.compare(&tree)),
    ];
    let mut least = Vec::new();
    for (name, stage) in stages {
        let mut best = Duration::MAX;
        for _ in 0..ROUNDS {
            let before = processor_time();
            stage()?;
            best = best.min(processor_time() - before);
        }
        println!("{:6.3} s  {name}", best.as_secs_f64());
        least.push(best.as_secs_f64());
    }
    let (zstd, files, write) = (least[5], least[6] - least[5], least[7] - least[5]);
    let sum = least[..5].iter().sum::<f64>() + zstd + files + write;
    let processors = std::thread::available_parallelism()?.get();
    println!("{files:6.3} s  of it BLAKE3 of the files\n{write:6.3} s  of it to write");
    println!("{sum:6.3} s  all parts, {:.3} s on {processors} processors", sum / processors as f64);
    let bare = zstd + write;
    println!(
        "{bare:6.3} s  only zstd and write, {:.3} s on {processors} processors",
        bare / processors as f64
    );
    Ok(())
}

/// What this process has used of all processors.
fn processor_time() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(now.tv_sec.unsigned_abs(), now.tv_nsec as u32)
}

impl Sample {
    fn of(tree: &Path) -> Result<Self> {
        let mut sample = Self { files: Vec::new(), frames: Vec::new(), stored: 0, content: 0 };
        let (mut plain, mut pieces) = (Vec::with_capacity(FRAME), Vec::new());
        let mut folders = vec![tree.to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
                let entry = entry?;
                if entry.file_type()?.is_dir() {
                    folders.push(entry.path());
                    continue;
                }
                let (content, file) = (fs::read(entry.path())?, sample.files.len());
                let mut offset = 0;
                while offset < content.len() {
                    let length = (content.len() - offset).min(FRAME - plain.len());
                    pieces.push(Piece { file, offset, length, begin: plain.len() });
                    plain.extend_from_slice(&content[offset..offset + length]);
                    offset += length;
                    // As in an archive.
                    plain.resize(plain.len().next_multiple_of(512), 0);
                    if plain.len() == FRAME {
                        sample.close(&mut plain, &mut pieces)?;
                    }
                }
                sample.content += content.len() as u64;
                sample.files.push((entry.path().strip_prefix(tree)?.to_owned(), content.len()));
            }
        }
        sample.close(&mut plain, &mut pieces)?;
        Ok(sample)
    }

    fn close(&mut self, plain: &mut Vec<u8>, pieces: &mut Vec<Piece>) -> Result<()> {
        let frame = Compressor::new(1)?.compress(plain)?;
        self.stored += frame.len() as u64;
        self.frames.push((frame, std::mem::take(pieces)));
        plain.clear();
        Ok(())
    }

    fn frames(&self) -> impl Iterator<Item = &Vec<u8>> {
        self.frames.iter().map(|(frame, _)| frame)
    }

    fn read(&self, folder: &Path) -> Result<()> {
        let path = folder.join("part");
        if !path.exists() {
            let mut file = File::create(&path)?;
            self.frames().try_for_each(|frame| file.write_all(frame))?;
        }
        let (mut file, mut buffer) = (File::open(&path)?, vec![0; FRAME]);
        while black_box(file.read(&mut buffer)?) > 0 {}
        Ok(())
    }

    /// Seals every record, or opens it: that costs the same but for the comparison of the tag.
    fn seal(&self, open: bool) -> Result<()> {
        let key = UnboundKey::new(&AES_256_GCM, &[7; 32]).ok().context("the key has its length")?;
        let (key, mut record) = (LessSafeKey::new(key), Vec::with_capacity(RECORD + 16));
        let nonce = || Nonce::assume_unique_for_key([0; NONCE_LEN]);
        record.resize(RECORD, 1);
        key.seal_in_place_append_tag(nonce(), Aad::empty(), &mut record).ok().context("sealed")?;
        let sealed = record.clone();
        for _ in 0..self.stored.div_ceil(RECORD as u64) {
            if open {
                record.copy_from_slice(&sealed);
                black_box(key.open_in_place(nonce(), Aad::empty(), &mut record).ok().context("opened")?);
            } else {
                let tag = key.seal_in_place_separate_tag(nonce(), Aad::empty(), &mut record[..RECORD]);
                black_box(tag.ok().context("sealed")?.as_ref());
            }
        }
        Ok(())
    }

    fn through_a_socket(&self) -> Result<()> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let mut sender = TcpStream::connect(listener.local_addr()?)?;
        let (mut receiver, _) = listener.accept()?;
        std::thread::scope(|scope| {
            let sent = scope.spawn(move || self.frames().try_for_each(|frame| sender.write_all(frame)));
            let mut buffer = vec![0; 256 << 10];
            while black_box(receiver.read(&mut buffer)?) > 0 {}
            Ok(sent.join().ok().context("the sender panicked")??)
        })
    }

    fn digest_frames(&self) -> Result<()> {
        for frame in self.frames() {
            black_box(blake3::hash(black_box(frame)));
        }
        Ok(())
    }

    /// Hands out each piece with its bytes.
    fn decompress(&self, mut each: impl FnMut(&Piece, &[u8]) -> Result<()>) -> Result<()> {
        let (mut decompressor, mut buffer) = (Decompressor::new()?, Aligned::default());
        let plain = buffer.room(FRAME);
        for (frame, pieces) in &self.frames {
            decompressor.decompress_to_buffer(frame, plain)?;
            for piece in pieces {
                each(piece, &plain[piece.begin..piece.begin + piece.length])?;
            }
        }
        Ok(())
    }

    fn digest_files(&self) -> Result<()> {
        let mut hasher = blake3::Hasher::new();
        self.decompress(|piece, bytes| {
            if piece.offset == 0 {
                hasher.reset();
            }
            hasher.update(bytes);
            if piece.offset + piece.length == self.files[piece.file].1 {
                black_box(hasher.finalize());
            }
            Ok(())
        })
    }

    fn write(&self, folder: &Path) -> Result<()> {
        // Kept to the end: ext4 is slow to create files where as many were just deleted.
        let target = tempfile::tempdir_in(folder)?.keep();
        let mut open: Option<(usize, Direct)> = None;
        let mut made = HashSet::new();
        self.decompress(|piece, bytes| {
            if open.as_ref().is_none_or(|(at, _)| *at != piece.file) {
                let path = &self.files[piece.file].0;
                let parent = path.parent().context("a file lies in a directory")?;
                if made.insert(parent) {
                    fs::create_dir_all(target.join(parent))?;
                }
                let file = File::options().read(true).write(true).create_new(true).open(target.join(path))?;
                open = Some((piece.file, Direct::new(file)));
            }
            let (_, file) = open.as_ref().context("it was opened just above")?;
            Ok(file.write_all_at(bytes, piece.offset as u64)?)
        })
    }

    fn compare(&self, tree: &Path) -> Result<()> {
        let mut buffer = vec![0; FRAME];
        for (path, _) in &self.files {
            let (mut file, mut hasher) = (File::open(tree.join(path))?, blake3::Hasher::new());
            loop {
                match file.read(&mut buffer)? {
                    0 => break,
                    length => hasher.update(&buffer[..length]),
                };
            }
            black_box(hasher.finalize());
        }
        Ok(())
    }
}
