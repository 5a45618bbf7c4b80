//! Whatever befalls a restore, its target is the old tree or the new one, whole.

use super::*;
use crate::host::directory::{Moment, extended_of_file, set_extended_of_file};
use crate::host::root::Root;
use crate::model::snapshots::SourceConfig;
use crate::snapshot::restore::tests::applied;
use crate::snapshot::restore::{self, INCOMING, Restore};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::fs::{self, File, Permissions};
use std::os::unix::fs::{FileExt, PermissionsExt, chown, symlink};

/// What befalls a restore.
#[derive(Debug, Clone)]
enum Fault {
    /// The source dies after so many thousandths of it; the restore is started anew.
    Cut(u16),
    /// The source dies after so many thousandths of it, and is back when it is asked again.
    Restart(u16),
    /// Another source is asked too, and sends nothing.
    Hang,
    /// A frame is flipped on the way, once or each time.
    Flip(u16, bool),
    /// Other bytes than those asked for.
    Shift,
    /// A staged file is altered or cut while nobody looks.
    Alter(u16, bool),
    /// The record is cut.
    Forget(u16),
}

fn faults() -> impl Strategy<Value = Vec<Fault>> {
    let one = prop_oneof![
        4 => (0u16..1000).prop_map(Fault::Cut),
        2 => (0u16..1000).prop_map(Fault::Restart),
        1 => Just(Fault::Hang),
        2 => (any::<u16>(), prop::bool::weighted(0.3)).prop_map(|(frame, forever)| Fault::Flip(frame, forever)),
        1 => Just(Fault::Shift),
        2 => (any::<u16>(), any::<bool>()).prop_map(|(file, cut)| Fault::Alter(file, cut)),
        1 => (0u16..1000).prop_map(Fault::Forget),
    ];
    prop::collection::vec(one, 0..6)
}

/// What is special about a file.
#[derive(Debug, Clone, Copy)]
enum Form {
    Plain,
    Noise,
    Linked,
    Symlink,
    Sparse,
    Owned,
    Attributed,
}

/// A file: the number of its folder, its name, its length, its form.
type One = (u8, u8, u16, Form);

fn tree() -> impl Strategy<Value = Vec<One>> {
    let form = prop_oneof![
        3 => Just(Form::Plain),
        3 => Just(Form::Noise),
        1 => Just(Form::Linked),
        1 => Just(Form::Symlink),
        1 => Just(Form::Sparse),
        1 => Just(Form::Owned),
        1 => Just(Form::Attributed),
    ];
    prop::collection::vec((0u8..4, any::<u8>(), 0u16..9000, form), 1..14)
}

fn make(top: &Path, files: &[One]) {
    fs::create_dir_all(top).unwrap();
    for (folder, name, length, form) in files {
        let folder = top.join(format!("d{folder}"));
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join(format!("f{name}"));
        let noisy = !matches!(form, Form::Plain);
        let byte = |n: u16| if noisy { blake3::hash(&n.to_le_bytes()).as_bytes()[0] } else { *name };
        let content: Vec<u8> = (0..*length).map(byte).collect();
        match form {
            Form::Symlink => {
                let _there = symlink(format!("f{name}"), folder.join(format!("s{name}")));
                continue;
            }
            Form::Sparse => {
                let file = File::create(&path).unwrap();
                file.set_len(200_000).unwrap();
                file.write_all_at(&content, 100_000).unwrap();
                continue;
            }
            _ => fs::write(&path, content).unwrap(),
        }
        dress(&folder, &path, *name, *form);
    }
}

fn dress(folder: &Path, path: &Path, name: u8, form: Form) {
    match form {
        Form::Linked => {
            let _there = fs::hard_link(path, folder.join(format!("l{name}")));
        }
        Form::Owned => {
            chown(path, Some(u32::from(name) + 70_000), Some(12)).unwrap();
            fs::set_permissions(path, Permissions::from_mode(0o600 | u32::from(name & 0o77))).unwrap();
            let moment = Moment { seconds: i64::from(name), nanoseconds: 123_456_789 };
            let folder = Directory::open(folder).unwrap();
            folder.set_modified(path.file_name().unwrap(), moment).unwrap();
        }
        Form::Attributed => {
            let file = File::open(path).unwrap();
            if extended_of_file(&file, path).unwrap().is_empty() {
                let values = BTreeMap::from([(b"user.eos".to_vec(), vec![name, 0, 255])]);
                set_extended_of_file(&file, path, &values).unwrap();
            }
        }
        _ => {}
    }
}

/// Everything that there is to compare of a tree.
fn all(top: &Path) -> impl PartialEq + std::fmt::Debug + use<> {
    let shape = shape(top);
    let files = shape.keys().map(|name| top.join(name));
    let files = files.filter(|path| fs::symlink_metadata(path).unwrap().is_file());
    let extended: Vec<_> =
        files.map(|path| extended_of_file(&File::open(&path).unwrap(), &path).unwrap()).collect();
    (shape, extended)
}

/// Where the work area of the target lies.
const AREA: &str = "srv/.data.eos";

impl Site {
    /// Lets it happen, and tries; the error if it fails.
    fn suffer(&self, fault: &Fault) -> Option<AssembleError> {
        let count = self.source.manifest.frames.len();
        let after = |share: &u16| self.source.allow(self.frames().0 * u64::from(*share) / 1000);
        let hanging = self.another("hanging");
        let (mut sources, mut failures): (Vec<&dyn Source>, _) = (vec![&self.source], 1);
        match fault {
            Fault::Cut(share) => after(share),
            Fault::Restart(share) => {
                after(share);
                self.source.revives.store(true, Ordering::Relaxed);
                failures = 3;
            }
            Fault::Hang => {
                hanging.hangs.store(true, Ordering::Relaxed);
                sources.insert(0, &hanging);
            }
            Fault::Flip(frame, forever) => {
                self.source.lies.lock().unwrap().push(usize::from(*frame) % count);
                self.source.forever.store(*forever, Ordering::Relaxed);
            }
            Fault::Shift => self.source.shifts.store(true, Ordering::Relaxed),
            Fault::Alter(file, cut) => self.alter(usize::from(*file), *cut),
            Fault::Forget(share) => {
                let path = self.path(AREA).join("progress");
                if let Ok(bytes) = fs::read(&path) {
                    let kept = bytes.len() * usize::from(*share) / 1000;
                    fs::write(path, &bytes[..kept]).unwrap();
                }
            }
        }
        let mut order = self.order(&sources);
        order.terms.patience.failures = failures;
        let error = self.with(&order, AREA).err();
        self.source.allow(u64::MAX);
        self.source.lies.lock().unwrap().clear();
        self.source.shifts.store(false, Ordering::Relaxed);
        self.source.revives.store(false, Ordering::Relaxed);
        error
    }

    fn alter(&self, number: usize, cut: bool) {
        let incoming = self.path(AREA).join(INCOMING);
        if !incoming.exists() {
            return;
        }
        let files = shape(&incoming).into_keys().map(|name| incoming.join(name));
        let files: Vec<PathBuf> =
            files.filter(|path| fs::symlink_metadata(path).unwrap().is_file()).collect();
        if let Some(path) = files.get(number % files.len().max(1)) {
            let bytes = fs::read(path).unwrap();
            let bytes = if cut { bytes[..bytes.len() / 2].to_vec() } else { vec![7; bytes.len()] };
            fs::write(path, bytes).unwrap();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn whatever_befalls_it_the_target_is_the_new_tree_or_untouched_with_a_typed_error(
        files in tree(), old in tree(), faults in faults(),
    ) {
        let site = Site::of(|top| make(top, &files));
        let target = site.path("srv/data");
        make(&target, &old);
        let (old, new) = (all(&target), all(&site.path("tree")));
        let root = Root::new(site.temporary.path()).unwrap();
        let source: SourceConfig = serde_json::from_str(r#"{"name":"data","path":"/srv/data"}"#).unwrap();
        let order = || restore::Order {
            root: &root, source: &source, into: None, make_folder: false, holder: "a test",
        };
        let sound = Fault::Cut(1000);
        for fault in faults.iter().chain([&sound]) {
            let restore = Restore::begin(order(), &Silent).unwrap();
            restore.area().unwrap();
            let error = site.suffer(fault);
            prop_assert_eq!(&all(&target), &old, "{:?}", fault);
            match error {
                None => {
                    let staged = Path::new(INCOMING).join("data");
                    restore.activate(&staged, applied("ab", 10), &|| false, &Silent).unwrap();
                    prop_assert_eq!(all(&target), new, "{:?}", fault);
                    return Ok(());
                }
                Some(AssembleError::Fetch(FetchError::Unreachable { .. } | FetchError::Corrupt { .. })) => {
                    let fails = matches!(fault, Fault::Cut(_) | Fault::Flip(..) | Fault::Shift);
                    prop_assert!(fails, "{:?}", fault);
                }
                Some(error) => prop_assert!(false, "{:?}: {:?}", fault, error),
            }
        }
        prop_assert!(false, "nothing befell the last one");
    }
}
