//! Facts of this machine: who it is and what it offers. Reads only.

use crate::host::disk_probe;
use crate::host::files::{self, FileError};
use crate::host::root::Root;
use crate::host::routes::{self, NetworkError};
use crate::model::explain::{Code, Exit, Explain};
use crate::model::facts::{Facts, Resources};
use std::collections::BTreeSet;
use std::path::Path;

/// A fact that could not be had. Facts that a machine may lack are none instead.
#[derive(Debug, thiserror::Error)]
pub enum FactsError {
    /// A file of the kernel or the system could not be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// The network stack did not answer.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// A file of the kernel does not say what it should.
    #[error("{path} has no {field}")]
    Missing {
        /// The file.
        path: &'static str,
        /// What was looked for.
        field: &'static str,
    },
}

impl Explain for FactsError {
    fn code(&self) -> Code {
        match self {
            Self::File(error) => error.code(),
            Self::Network(error) => error.code(),
            Self::Missing { .. } => Code("H072"),
        }
    }

    fn exit(&self) -> Exit {
        Exit::Failed
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::File(error) => error.hints(),
            Self::Network(error) => error.hints(),
            Self::Missing { path, .. } => {
                vec![format!("see whether /proc is that of a Linux kernel: cat {path}")]
            }
        }
    }
}

/// Gathers every fact. `state_path` is where state lives or will live; it need not exist.
/// The machine-id is that of the root, or of the host when the root has none.
///
/// # Errors
/// When the kernel's own files cannot be read; a missing machine-id is none.
pub fn gather(root: &Root, state_path: &Path) -> Result<Facts, FactsError> {
    let system = rustix::system::uname();
    let space = disk_probe::space(state_path)?;
    Ok(Facts {
        hostname: system.nodename().to_string_lossy().into_owned(),
        machine_id: machine_id(root)?,
        hardware_id: hardware_id(),
        boot_id: boot_id(),
        architecture: system.machine().to_string_lossy().into_owned(),
        kernel: system.release().to_string_lossy().into_owned(),
        os: operating_system()?,
        addresses: routes::addresses()?,
        resources: Resources {
            cpus: processors(),
            memory_bytes: memory()?.total_bytes,
            disk_bytes: space.total_bytes,
            disk_free_bytes: space.free_bytes,
        },
    })
}

/// The product UUID of DMI, which only root may read, or the serial number of a board with a device tree.
pub fn hardware_id() -> Option<String> {
    let places = ["/sys/class/dmi/id/product_uuid", "/sys/firmware/devicetree/base/serial-number"];
    let id = places.into_iter().find_map(line_of)?;
    Some(id.trim_end_matches('\0').to_ascii_lowercase())
}

/// The addresses of the network cards of this machine; what is no card, as a bridge, draws its own.
pub fn cards() -> BTreeSet<String> {
    let all = Path::new("/sys/class/net");
    let names = files::list(all).unwrap_or_default();
    let cards = names.iter().map(|name| all.join(name)).filter(|card| card.join("device").exists());
    let addresses = cards.filter_map(|card| line_of(&card.join("address").display().to_string()));
    addresses.filter(|address| address.bytes().any(|byte| !matches!(byte, b'0' | b':'))).collect()
}

/// This boot's id; none where the kernel does not tell it.
pub fn boot_id() -> Option<String> {
    line_of("/proc/sys/kernel/random/boot_id")
}

/// Where the kernel counts memory.
const MEMORY: &str = "/proc/meminfo";

/// Physical memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    /// All of it, in bytes.
    pub total_bytes: u64,
    /// What programs can still have without swapping, in bytes.
    pub available_bytes: u64,
}

/// Memory as the kernel counts it.
///
/// # Errors
/// When `/proc/meminfo` cannot be read or lacks a field.
pub fn memory() -> Result<Memory, FactsError> {
    counted(&String::from_utf8_lossy(&files::read(Path::new(MEMORY))?))
}

fn counted(text: &str) -> Result<Memory, FactsError> {
    let field =
        |field: &'static str| kibibytes(text, field).ok_or(FactsError::Missing { path: MEMORY, field });
    Ok(Memory { total_bytes: field("MemTotal")?, available_bytes: field("MemAvailable")? })
}

fn kibibytes(text: &str, field: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

fn processors() -> u32 {
    std::thread::available_parallelism().map_or(1, |count| u32::try_from(count.get()).unwrap_or(u32::MAX))
}

/// `/etc/machine-id` of the root, or of the host when the root has none.
///
/// # Errors
/// When it is there and cannot be read.
pub fn machine_id(root: &Root) -> Result<Option<String>, FileError> {
    let own = root.join("etc/machine-id");
    let bytes = match files::read_optional(&own)? {
        Some(bytes) => Some(bytes),
        None => files::read_optional(Path::new("/etc/machine-id"))?,
    };
    let text = bytes.map(|bytes| String::from_utf8_lossy(&bytes).trim().to_owned());
    Ok(text.filter(|text| !text.is_empty()))
}

/// The first line of a file that a machine may lack or keep from unprivileged users.
fn line_of(path: &str) -> Option<String> {
    let bytes = files::read(Path::new(path)).ok()?;
    let text = String::from_utf8_lossy(&bytes).lines().next()?.trim().to_owned();
    (!text.is_empty()).then_some(text)
}

fn operating_system() -> Result<String, FileError> {
    let bytes = match files::read_optional(Path::new("/etc/os-release"))? {
        Some(bytes) => bytes,
        None => files::read_optional(Path::new("/usr/lib/os-release"))?.unwrap_or_default(),
    };
    Ok(parse_os_release(&String::from_utf8_lossy(&bytes)))
}

/// `ID` and `VERSION_ID`, `debian 12`; `linux` when there is no `ID`.
fn parse_os_release(text: &str) -> String {
    let value = |key: &str| {
        let line = text.lines().find_map(|line| line.trim().strip_prefix(key)?.strip_prefix('='))?;
        Some(line.trim().trim_matches(['"', '\'']).to_owned())
    };
    let id = value("ID").unwrap_or_else(|| "linux".to_owned());
    value("VERSION_ID").map_or(id.clone(), |version| format!("{id} {version}"))
}

#[cfg(test)]
pub(crate) fn samples() -> Vec<FactsError> {
    vec![
        FactsError::File(FileError::new(
            "read",
            "/proc/meminfo",
            std::io::ErrorKind::PermissionDenied.into(),
        )),
        FactsError::Network(NetworkError::Addresses { source: std::io::ErrorKind::Other.into() }),
        FactsError::Missing { path: "/proc/meminfo", field: "MemAvailable" },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::explain::tells;

    #[test]
    fn memory_that_the_kernel_does_not_count_is_told_by_its_field() -> anyhow::Result<()> {
        let counted_by = |text| counted(text).map(|memory| memory.available_bytes);
        assert_eq!(counted_by("MemTotal: 9 kB\nMemAvailable: 7 kB\n")?, 7 << 10);
        let error = counted_by("MemTotal: 9 kB\n").expect_err("a field is missing");
        tells(&error, "EOS-H072", "/proc/meminfo has no MemAvailable");
        Ok(())
    }

    #[test]
    fn the_facts_of_this_machine_are_gathered() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let root = Root::new(folder.path())?;
        std::fs::create_dir(root.join("etc"))?;
        std::fs::write(root.join("etc/machine-id"), "0123456789abcdef0123456789abcdef\n")?;
        let facts = gather(&root, &root.join("var/lib/eos"))?;
        assert_eq!(facts.machine_id.as_deref(), Some("0123456789abcdef0123456789abcdef"));
        assert!(facts.resources.cpus > 0 && facts.resources.memory_bytes > 0);
        assert!(facts.resources.disk_bytes >= facts.resources.disk_free_bytes);
        assert!(!facts.kernel.is_empty() && !facts.hostname.is_empty() && !facts.os.is_empty());
        assert!(facts.addresses.iter().any(|address| address.loopback), "{:?}", facts.addresses);
        Ok(())
    }

    #[test]
    fn a_root_without_a_machine_id_has_that_of_the_host_and_an_empty_one_is_none() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let root = Root::new(folder.path())?;
        assert_eq!(machine_id(&root)?, machine_id(&Root::new("/")?)?);
        std::fs::create_dir(root.join("etc"))?;
        std::fs::write(root.join("etc/machine-id"), "\n")?;
        assert_eq!(machine_id(&root)?, None);
        Ok(())
    }

    #[test]
    fn os_release_is_read_with_and_without_quotes() {
        assert_eq!(parse_os_release("NAME=x\nID=debian\nVERSION_ID=\"12\"\n"), "debian 12");
        assert_eq!(parse_os_release("ID='arch'\n"), "arch");
        assert_eq!(parse_os_release(""), "linux");
    }

    #[test]
    fn memory_is_read_in_bytes() {
        assert_eq!(kibibytes("MemTotal:  2048 kB\nMemAvailable: 1 kB\n", "MemTotal"), Some(2 << 20));
        assert_eq!(kibibytes("MemTotal:  2048 kB\n", "Mem"), None);
    }

    #[test]
    fn every_error_has_its_text_code_and_hint() {
        let told: Vec<String> = samples()
            .iter()
            .map(|error| format!("{} {error} | {}", error.code(), error.hints().join(" ")))
            .collect();
        assert_eq!(
            told,
            [
                "EOS-H001 could not read /proc/meminfo | \
                 run the command as root, or with a --root that you own",
                "EOS-H070 could not list the addresses of this machine | \
                 look at the interfaces: ip address show",
                "EOS-H072 /proc/meminfo has no MemAvailable | \
                 see whether /proc is that of a Linux kernel: cat /proc/meminfo",
            ]
        );
    }
}
