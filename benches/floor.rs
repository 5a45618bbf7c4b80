//! How much processor time each part of a verified pull costs by itself: the least that a whole pull can take.
//!
//! `cargo bench --bench floor -- TREE` takes the files of a tree, compresses them into frames of 2 MiB as a capture
//! does, and then does each part of the work by itself, three times: with one thread for all, and with a thread for
//! each processor at once, since processors that all work share caches, memory and power. The least time counts. What
//! two ends on one machine need for all parts together, divided by its processors, bounds the wall time from below,
//! whatever program does it. The last stage does all parts one after the other, frame by frame, with nothing around them.
#![allow(clippy::print_stdout, reason = "its output is its purpose")]

use anyhow::{Context, Result};
use eos::host::directory::{Aligned, Direct};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use std::collections::HashSet;
use std::fs::{self, File};
use std::hint::black_box;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use zstd::bulk::{Compressor, Decompressor};

const ROUNDS: usize = 3;
const FRAME: usize = 2 << 20;
/// Plain bytes of a TLS record, the most that RFC 8446 allows.
const RECORD: usize = 16 << 10;
/// Bytes that go through a socket at a time.
const SENT: usize = 64 << 10;

/// A compressed frame, with what it holds.
type Frame = (Vec<u8>, Vec<Piece>);

struct Sample {
    /// Where each file lies below the tree, and how long it is.
    files: Vec<(PathBuf, usize)>,
    /// Which of them this share compares.
    own: Range<usize>,
    frames: Vec<Frame>,
    stored: u64,
    content: u64,
}

/// So many bytes of this file, from this offset on; they begin here in the frame.
#[derive(Clone)]
struct Piece {
    file: usize,
    offset: usize,
    length: usize,
    begin: usize,
}

/// Where the stages work.
struct Place<'a> {
    tree: &'a Path,
    folder: PathBuf,
}

type Stage = fn(&Sample, &Place<'_>) -> Result<()>;

const STAGES: [(&str, Stage); 10] = [
    ("holder: read from the page cache", |sample, place| sample.read(&place.folder)),
    ("holder: AES-256-GCM, seal", |sample, _| sample.seal(false)),
    ("both: through a socket on loopback", |sample, _| sample.through_a_socket()),
    ("puller: AES-256-GCM, open", |sample, _| sample.seal(true)),
    ("puller: BLAKE3 of the frames", |sample, _| sample.digest_frames()),
    ("puller: zstd", |sample, _| sample.decompress(|_, _| Ok(()))),
    ("puller: zstd and BLAKE3 of the files", |sample, _| sample.digest_files()),
    ("puller: zstd and write past the page cache", |sample, place| sample.write(&place.folder)),
    ("second pull: read and BLAKE3 of files that are here", |sample, place| sample.compare(place.tree)),
    ("all parts of a pull in turns, frame by frame", |sample, place| sample.all(&place.folder)),
];

fn main() -> Result<()> {
    let Some(tree) = std::env::args().skip(1).find(|argument| !argument.starts_with("--")) else {
        println!("nothing is measured without a tree: cargo bench --bench floor -- TREE");
        return Ok(());
    };
    let tree = PathBuf::from(tree);
    let folder = tempfile::tempdir_in(tree.parent().context("the tree has no parent")?)?;
    let sample = Sample::of(&tree)?;
    println!("{} bytes in {} files, {} compressed", sample.content, sample.files.len(), sample.stored);
    let processors = std::thread::available_parallelism()?.get();
    let shares = sample.shares(processors);
    println!("one thread, processor s | {processors} threads, processor s | and wall s");
    let (mut alone, mut at_once) = (Vec::new(), Vec::new());
    for (name, stage) in STAGES {
        let (one, _) = least(stage, std::slice::from_ref(&sample), &tree, folder.path())?;
        let (many, wall) = least(stage, &shares, &tree, folder.path())?;
        println!("{one:6.3} | {many:6.3} | {wall:6.3}  {name}");
        alone.push(one);
        at_once.push(many);
    }
    for (threads, least) in [("one thread", alone), ("all at once", at_once)] {
        let (zstd, files, write) = (least[5], least[6] - least[5], least[7] - least[5]);
        let sum = least[..5].iter().sum::<f64>() + zstd + files + write;
        println!(
            "{threads}: {files:.3} s of it BLAKE3 of the files, {write:.3} s to write; all parts {sum:.3} s, \
             {:.3} s on {processors} processors",
            sum / processors as f64
        );
    }
    Ok(())
}

/// The least processor time, and wall time, of all rounds, with a thread for each share.
fn least(stage: Stage, shares: &[Sample], tree: &Path, folder: &Path) -> Result<(f64, f64)> {
    let mut best = (Duration::MAX, Duration::MAX);
    for _ in 0..ROUNDS {
        let (before, began) = (processor_time(), Instant::now());
        std::thread::scope(|scope| {
            let place =
                |number: usize| Place { tree, folder: folder.join(format!("{}-{number}", shares.len())) };
            let threads = shares.iter().enumerate().map(|(number, share)| {
                let place = place(number);
                scope.spawn(move || {
                    fs::create_dir_all(&place.folder)?;
                    stage(share, &place)
                })
            });
            let threads: Vec<_> = threads.collect();
            threads.into_iter().try_for_each(|thread| thread.join().ok().context("a stage panicked")?)
        })?;
        best = (best.0.min(processor_time() - before), best.1.min(began.elapsed()));
    }
    Ok((best.0.as_secs_f64(), best.1.as_secs_f64()))
}

/// What this process has used of all processors.
fn processor_time() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(now.tv_sec.unsigned_abs(), now.tv_nsec as u32)
}

impl Sample {
    fn of(tree: &Path) -> Result<Self> {
        let mut sample = Self { files: Vec::new(), own: 0..0, frames: Vec::new(), stored: 0, content: 0 };
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
        sample.own = 0..sample.files.len();
        Ok(sample)
    }

    fn close(&mut self, plain: &mut Vec<u8>, pieces: &mut Vec<Piece>) -> Result<()> {
        let frame = Compressor::new(1)?.compress(plain)?;
        self.stored += frame.len() as u64;
        self.frames.push((frame, std::mem::take(pieces)));
        plain.clear();
        Ok(())
    }

    /// The same in so many shares of about as many frames.
    fn shares(&self, count: usize) -> Vec<Self> {
        let files = self.files.len().div_ceil(count).max(1);
        let chunks = self.frames.chunks(self.frames.len().div_ceil(count).max(1)).enumerate();
        let share = |(number, frames): (usize, &[Frame])| Self {
            files: self.files.clone(),
            own: (number * files).min(self.files.len())..((number + 1) * files).min(self.files.len()),
            frames: frames.to_vec(),
            stored: frames.iter().map(|(frame, _)| frame.len() as u64).sum(),
            content: 0,
        };
        chunks.map(share).collect()
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
        let mut target = Target::new(self, folder)?;
        self.decompress(|piece, bytes| target.write(piece, bytes))
    }

    /// All that a pull does with each frame, on both ends, with nothing between.
    fn all(&self, folder: &Path) -> Result<()> {
        let mut part = File::open(folder.join("part"))?;
        let mut target = Target::new(self, folder)?;
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let mut sender = TcpStream::connect(listener.local_addr()?)?;
        let (mut receiver, _) = listener.accept()?;
        let key = UnboundKey::new(&AES_256_GCM, &[7; 32]).ok().context("the key has its length")?;
        let key = LessSafeKey::new(key);
        let cipher = |record: &mut [u8]| -> Result<()> {
            let nonce = Nonce::assume_unique_for_key([0; NONCE_LEN]);
            let tag = key.seal_in_place_separate_tag(nonce, Aad::empty(), record).ok().context("sealed")?;
            black_box(tag.as_ref());
            Ok(())
        };
        let (mut decompressor, mut buffer) = (Decompressor::new()?, Aligned::default());
        let (plain, mut sealed, mut came) = (buffer.room(FRAME), vec![0; SENT], vec![0; FRAME + SENT]);
        let mut hasher = blake3::Hasher::new();
        for (frame, pieces) in &self.frames {
            for at in (0..frame.len()).step_by(SENT) {
                let length = SENT.min(frame.len() - at);
                part.read_exact(&mut sealed[..length])?;
                for record in sealed[..length].chunks_mut(RECORD) {
                    cipher(record)?;
                }
                sender.write_all(&sealed[..length])?;
                receiver.read_exact(&mut came[at..at + length])?;
                // Sealing once more with the same key and nonce opens it, but for the comparison of the tag.
                for record in came[at..at + length].chunks_mut(RECORD) {
                    cipher(record)?;
                }
            }
            black_box(blake3::hash(&came[..frame.len()]));
            decompressor.decompress_to_buffer(&came[..frame.len()], plain)?;
            for piece in pieces {
                let bytes = &plain[piece.begin..piece.begin + piece.length];
                hasher.reset();
                black_box(hasher.update(bytes).finalize());
                target.write(piece, bytes)?;
            }
        }
        Ok(())
    }

    fn compare(&self, tree: &Path) -> Result<()> {
        let mut buffer = vec![0; FRAME];
        for (path, _) in &self.files[self.own.clone()] {
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

/// A tree that grows.
struct Target<'a> {
    sample: &'a Sample,
    folder: PathBuf,
    made: HashSet<&'a Path>,
    open: Option<(usize, Direct)>,
}

impl<'a> Target<'a> {
    fn new(sample: &'a Sample, below: &Path) -> Result<Self> {
        // Kept to the end: ext4 is slow to create files where as many were just deleted.
        let folder = tempfile::tempdir_in(below)?.keep();
        Ok(Self { sample, folder, made: HashSet::new(), open: None })
    }

    fn write(&mut self, piece: &Piece, bytes: &[u8]) -> Result<()> {
        if self.open.as_ref().is_none_or(|(at, _)| *at != piece.file) {
            let path = &self.sample.files[piece.file].0;
            let parent = path.parent().context("a file lies in a directory")?;
            if self.made.insert(parent) {
                fs::create_dir_all(self.folder.join(parent))?;
            }
            let mut options = File::options();
            let file =
                options.read(true).write(true).create(true).truncate(false).open(self.folder.join(path))?;
            self.open = Some((piece.file, Direct::new(file)));
        }
        let (_, file) = self.open.as_ref().context("it was opened just above")?;
        Ok(file.write_all_at(bytes, piece.offset as u64)?)
    }
}
