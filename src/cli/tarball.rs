//! `eos snapshot pack` and `eos snapshot unpack`: archives without a cluster.

use crate::cli::context::{Context, failure};
use crate::cli::done::Done;
use crate::cli::error::CliError;
use crate::host::clock;
use crate::host::directory::Directory;
use crate::host::files;
use crate::host::input::Input;
use crate::model::explain::Failure;
use crate::model::progress::{Event, Sink};
use crate::snapshot::capture::Source;
use crate::snapshot::manifest::Name;
use crate::snapshot::tarball::{self, Allowed, Packing};
use crate::view::progress::Progress;
use crate::view::units::bytes;
use clap::Args;
use serde_json::json;
use std::ffi::OsStr;
use std::path::{Component, Path, PathBuf};
use std::time::{Duration, Instant};

/// Until when the progress counts on an end: an archive has no deadline of its own.
const LONGEST: Duration = Duration::from_secs(7 * 86_400);

/// What `eos snapshot pack` takes.
#[derive(Debug, Args)]
pub struct PackArguments {
    /// The directory; its path is taken as it is, not below --root
    directory: PathBuf,
    /// The archive to make, as a rule FILE.tar.zst; it must not exist, and lies outside of the directory
    #[arg(short, long, value_name = "FILE")]
    output_file: PathBuf,
    /// Leave out this path, with all beneath it: below the directory, or absolute
    #[arg(long, value_name = "PATH")]
    exclude: Vec<PathBuf>,
    /// How much zstd compresses
    #[arg(long, value_name = "1-19", default_value_t = 3, value_parser = clap::value_parser!(i32).range(1..=19))]
    level: i32,
}

/// What `eos snapshot unpack` takes.
#[derive(Debug, Args)]
pub struct UnpackArguments {
    /// The archive, a tar as it is or compressed with zstd; - reads the standard input
    archive: PathBuf,
    /// The directory to make; it must not exist or be empty, and its path is taken as it is, not below --root
    #[arg(long, value_name = "DIR")]
    into: PathBuf,
    /// The most bytes of file content; what is free there unless given
    #[arg(long, value_name = "BYTES")]
    max_bytes: Option<u64>,
    /// The most entries
    #[arg(long, value_name = "NUMBER", default_value_t = Allowed::default().entries)]
    max_entries: usize,
    /// Let in symbolic links that are absolute or lead out of the archive
    #[arg(long)]
    allow_outside_links: bool,
    /// Let in files and directories with setuid or setgid
    #[arg(long)]
    allow_setuid: bool,
    /// Give all files to whoever runs this, as it is for others than root
    #[arg(long)]
    no_owners: bool,
}

/// The directory that a path lies in, without links, and its last name.
pub(in crate::cli) fn place(path: &Path) -> Result<(Directory, PathBuf), Failure> {
    let path = match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new(".").join(path),
        _ => path.to_owned(),
    };
    let named = path.file_name().is_some_and(|name| name != OsStr::new(".."));
    if !named {
        let line = format!("{} does not end with a name", path.display());
        return Err(CliError::Usage { line }.failure());
    }
    let path = files::with_real_directory(&path).map_err(failure)?;
    let parent = path.parent().unwrap_or(Path::new("/")).to_owned();
    Ok((Directory::open(&parent).map_err(failure)?, path))
}

/// What is left out, by its path below the directory; a path that means nothing there is a mistake.
fn below(directory: &Path, path: &Path) -> Result<PathBuf, Failure> {
    let plain: Option<PathBuf> = match path.is_absolute() {
        true => path.strip_prefix(directory).ok().map(Path::to_owned),
        false => Some(path.to_owned()),
    };
    let plain =
        plain.map(|plain| plain.components().filter(|part| *part != Component::CurDir).collect::<PathBuf>());
    let usage = |why: &str| {
        let line = format!("--exclude {}: {why} {}", path.display(), directory.display());
        CliError::Usage { line }.failure()
    };
    match plain.filter(|plain| plain.components().all(|part| matches!(part, Component::Normal(_)))) {
        Some(plain) if plain.as_os_str().is_empty() => Err(usage("that is all of")),
        Some(plain) if files::exists(&directory.join(&plain)).map_err(failure)? => Ok(plain),
        Some(_) => Err(usage("there is no such thing below")),
        None => Err(usage("it is no path below")),
    }
}

/// Packs a directory.
///
/// # Errors
/// When it does not stand still, or the archive cannot be written.
pub fn pack(context: &Context, arguments: &PackArguments) -> Result<Done, Failure> {
    let directory = files::real_directory(&arguments.directory).map_err(failure)?;
    let (folder, archive) = place(&arguments.output_file)?;
    if archive.starts_with(&directory) {
        let line = format!("{} lies within {}, which is packed", archive.display(), directory.display());
        return Err(CliError::Usage { line }.failure());
    }
    let exclude = arguments.exclude.iter().map(|path| below(&directory, path)).collect::<Result<_, _>>()?;
    let directory = Directory::open(&directory).map_err(failure)?;
    let source = Source::Tree { directory: &directory, prefix: Name::new(""), exclude };
    let packing = Packing { source, level: arguments.level, now: clock::timestamp() };
    let progress = Progress::new(context.output, Instant::now() + LONGEST);
    progress.emit(Event::Phase { name: "pack".to_owned() });
    let name = archive.file_name().unwrap_or_default();
    let packed = tarball::pack(&packing, &folder, name, &context.interrupted, &progress);
    progress.finish();
    let packed = packed.map_err(failure)?;
    let text = format!(
        "{} entries with {} packed into {} ({})\n",
        packed.entries,
        bytes(packed.content_bytes),
        archive.display(),
        bytes(packed.archive_bytes)
    );
    let result = json!({
        "archive": archive.display().to_string(), "entries": packed.entries,
        "content_bytes": packed.content_bytes, "archive_bytes": packed.archive_bytes,
    });
    Ok(Done::new(result, text))
}

/// Unpacks an archive.
///
/// # Errors
/// When anything of it is refused, or the disk fails; then nothing has changed.
pub fn unpack(context: &Context, arguments: &UnpackArguments) -> Result<Done, Failure> {
    let (parent, target) = place(&arguments.into)?;
    let stop = context.interrupted.clone();
    let (archive, length) = match arguments.archive == Path::new("-") {
        true => (Input::standard(stop), 0),
        false => Input::open(&arguments.archive, stop).map_err(failure)?,
    };
    let allowed = Allowed {
        bytes: arguments.max_bytes,
        entries: arguments.max_entries,
        outside_links: arguments.allow_outside_links,
        setuid: arguments.allow_setuid,
        owners: !arguments.no_owners && rustix::process::geteuid().is_root(),
    };
    let progress = Progress::new(context.output, Instant::now() + LONGEST);
    progress.emit(Event::Phase { name: "unpack".to_owned() });
    let name = target.file_name().unwrap_or_default();
    let unpacked = tarball::unpack(archive, length, &parent, name, &allowed, &context.interrupted, &progress);
    progress.finish();
    let unpacked = unpacked.map_err(failure)?;
    let size = bytes(unpacked.bytes);
    let text = format!("{} entries with {size} unpacked into {}\n", unpacked.entries, target.display());
    let result = json!({
        "directory": target.display().to_string(), "entries": unpacked.entries, "content_bytes": unpacked.bytes,
    });
    Ok(Done::new(result, text))
}
