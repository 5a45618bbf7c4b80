//! How much processor time each part of a verified pull costs by itself: the least that a whole pull can take.
//!
//! `cargo bench --bench floor -- TREE` takes the files of a tree, compresses them as a capture does, and then has one
//! thread do each part of the work alone, three times; the least time counts. What two ends on one machine need for
//! all parts together, divided by its processors, bounds the wall time from below, whatever program does it.
#![allow(clippy::print_stdout, reason = "its output is its purpose")]

use anyhow::{Context, Result};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use std::fs::{self, File};
use std::hint::black_box;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::Duration;
use zstd::bulk::{Compressor, Decompressor};

const ROUNDS: usize = 3;
const FRAME: usize = 1 << 20;
/// Plain bytes of a TLS record, the most that RFC 8446 allows.
const RECORD: usize = 16 << 10;

struct Sample {
    /// Each file, cut into compressed frames with the length of what they hold.
    files: Vec<Vec<(Vec<u8>, usize)>>,
    stored: u64,
    content: u64,
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
    let stages: [(&str, &dyn Fn() -> Result<()>); 8] = [
        ("holder: read from the page cache", &|| sample.read(folder.path())),
        ("holder: AES-256-GCM, seal", &|| sample.seal(false)),
        ("both: through a socket on loopback", &|| sample.through_a_socket()),
        ("puller: AES-256-GCM, open", &|| sample.seal(true)),
        ("puller: BLAKE3 of the frames", &|| sample.digest_frames()),
        ("puller: zstd", &|| sample.decompress(|_, _, _| Ok(()))),
        ("puller: zstd and BLAKE3 of the files", &|| sample.digest_files()),
        ("puller: zstd and write to the page cache", &|| sample.write(folder.path())),
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
        let mut sample = Self { files: Vec::new(), stored: 0, content: 0 };
        let mut compressor = Compressor::new(1)?;
        let mut folders = vec![tree.to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
                let entry = entry?;
                if entry.file_type()?.is_dir() {
                    folders.push(entry.path());
                    continue;
                }
                let content = fs::read(entry.path())?;
                sample.content += content.len() as u64;
                let mut frames = Vec::new();
                for piece in content.chunks(FRAME) {
                    let frame = compressor.compress(piece)?;
                    sample.stored += frame.len() as u64;
                    frames.push((frame, piece.len()));
                }
                sample.files.push(frames);
            }
        }
        Ok(sample)
    }

    fn frames(&self) -> impl Iterator<Item = &(Vec<u8>, usize)> {
        self.files.iter().flatten()
    }

    fn read(&self, folder: &Path) -> Result<()> {
        let path = folder.join("part");
        if !path.exists() {
            let mut file = File::create(&path)?;
            self.frames().try_for_each(|(frame, _)| file.write_all(frame))?;
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
            let sent = scope.spawn(move || self.frames().try_for_each(|(frame, _)| sender.write_all(frame)));
            let mut buffer = vec![0; 256 << 10];
            while black_box(receiver.read(&mut buffer)?) > 0 {}
            Ok(sent.join().ok().context("the sender panicked")??)
        })
    }

    fn digest_frames(&self) -> Result<()> {
        for (frame, _) in self.frames() {
            black_box(blake3::hash(black_box(frame)));
        }
        Ok(())
    }

    /// Hands out the number of the file, the offset and the bytes of each piece.
    fn decompress(&self, mut each: impl FnMut(usize, u64, &[u8]) -> Result<()>) -> Result<()> {
        let (mut decompressor, mut plain) = (Decompressor::new()?, vec![0; FRAME]);
        for (number, file) in self.files.iter().enumerate() {
            let mut offset = 0;
            for (frame, length) in file {
                decompressor.decompress_to_buffer(frame, &mut plain)?;
                each(number, offset, &plain[..*length])?;
                offset += *length as u64;
            }
        }
        Ok(())
    }

    fn digest_files(&self) -> Result<()> {
        let mut hasher = (0, blake3::Hasher::new());
        self.decompress(|number, _, bytes| {
            if hasher.0 != number {
                hasher = (number, blake3::Hasher::new());
            }
            black_box(hasher.1.update(bytes));
            Ok(())
        })
    }

    fn write(&self, folder: &Path) -> Result<()> {
        let target = tempfile::tempdir_in(folder)?;
        let mut open: Option<(usize, File)> = None;
        self.decompress(|number, offset, bytes| {
            if open.as_ref().is_none_or(|(at, _)| *at != number) {
                open = Some((number, File::create(target.path().join(number.to_string()))?));
            }
            let (_, file) = open.as_ref().context("it was opened just above")?;
            Ok(file.write_all_at(bytes, offset)?)
        })
    }
}
