//! Sources that do what no source should: the tree is the same, or the error is typed and says who.

use super::*;
use crate::snapshot::fetch::{Request, obtain};
use proptest::prelude::*;
use std::fs;

impl Site {
    fn request<'a>(&'a self, sources: &'a [&'a dyn Source]) -> Request<'a> {
        let Terms { connections, patience, limiter, .. } = self.order(&[]).terms;
        let (id, verifier) = (&self.id, &SEAL);
        let embed_bytes = Some(1 << 20);
        Request { sources, connections, id, verifier, reserve_bytes: None, patience, embed_bytes, limiter }
    }
}

#[test]
fn a_liar_is_dropped_and_named_and_others_deliver() {
    let site = Site::new();
    let (liar, honest) = (site.another("liar"), &site.source);
    liar.lies.lock().unwrap().extend(0..site.source.manifest.frames.len());
    liar.forever.store(true, Ordering::Relaxed);
    let alone: [&dyn Source; 1] = [&liar];
    let error = site.with(&site.order(&alone), "area").unwrap_err();
    assert!(
        matches!(&error, AssembleError::Fetch(FetchError::Corrupt { name, .. }) if name == "liar"),
        "{error:?}"
    );
    let both: [&dyn Source; 2] = [&liar, honest];
    site.with(&site.order(&both), "area").unwrap();
    site.assert_whole("area");
}

#[test]
fn a_source_that_hangs_or_sends_another_range_holds_up_nobody() {
    let site = Site::new();
    let (hanging, shifting) = (site.another("hanging"), site.another("shifting"));
    hanging.hangs.store(true, Ordering::Relaxed);
    shifting.shifts.store(true, Ordering::Relaxed);
    let all: [&dyn Source; 3] = [&hanging, &shifting, &site.source];
    site.with(&site.order(&all), "area").unwrap();
    site.assert_whole("area");
}

#[test]
fn a_snapshot_in_one_reply_is_verified_like_any_other() {
    let site = Site::new();
    *site.source.whole.lock().unwrap() = Some(site.source.body());
    let sources: [&dyn Source; 1] = [&site.source];
    let obtained = obtain(&site.request(&sources), None, &|| false, &Silent).unwrap();
    assert_eq!(obtained.received_bytes, site.source.body().len() as u64);
    let order = Order { held: obtained.held.as_ref(), ..site.order(&sources) };
    let assembled = site.with(&order, "area").unwrap();
    site.assert_whole("area");
    assert_eq!((assembled.received_bytes, site.source.served()), (0, 0), "nothing more was asked for");
    // Wrong bytes in it come from the ranges, and its form is checked.
    let mut body = site.source.body();
    let last = body.len() - site.source.manifest.parts.last().unwrap().size as usize;
    body[last] ^= 1;
    *site.source.whole.lock().unwrap() = Some(body.clone());
    let obtained = obtain(&site.request(&sources), None, &|| false, &Silent).unwrap();
    let order = Order { held: obtained.held.as_ref(), ..site.order(&sources) };
    site.with(&order, "damaged").unwrap();
    site.assert_whole("damaged");
    assert!(site.source.served() > 0);
    for bad in [body[..body.len() - 1].to_vec(), b"something else".to_vec()] {
        *site.source.whole.lock().unwrap() = Some(bad);
        let error = obtain(&site.request(&sources), None, &|| false, &Silent).unwrap_err();
        assert!(matches!(&error, FetchError::Refused { name, .. } if name == "faulty"), "{error:?}");
    }
    let another = Site::of(|tree| fs::create_dir_all(tree).unwrap());
    *site.source.whole.lock().unwrap() = Some(another.source.body());
    let error = obtain(&site.request(&sources), None, &|| false, &Silent).unwrap_err();
    assert!(matches!(error, FetchError::Manifest { .. }), "{error:?}");
}

/// What befalls a pull.
#[derive(Debug, Clone)]
enum Fault {
    /// The source dies after so many thousandths of it; the puller is started anew.
    Cut(u16),
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
        2 => (any::<u16>(), prop::bool::weighted(0.3)).prop_map(|(frame, forever)| Fault::Flip(frame, forever)),
        1 => Just(Fault::Shift),
        2 => (any::<u16>(), any::<bool>()).prop_map(|(file, cut)| Fault::Alter(file, cut)),
        1 => (0u16..1000).prop_map(Fault::Forget),
    ];
    prop::collection::vec(one, 0..6)
}

fn tree() -> impl Strategy<Value = Vec<(u8, u8, u16, bool)>> {
    prop::collection::vec((0u8..4, any::<u8>(), 0u16..9000, any::<bool>()), 1..14)
}

fn make(top: &Path, files: &[(u8, u8, u16, bool)]) {
    fs::create_dir_all(top).unwrap();
    for (folder, name, length, noisy) in files {
        let folder = top.join(format!("d{folder}"));
        fs::create_dir_all(&folder).unwrap();
        let byte = |n: u16| if *noisy { blake3::hash(&n.to_le_bytes()).as_bytes()[0] } else { *name };
        let content: Vec<u8> = (0..*length).map(byte).collect();
        fs::write(folder.join(format!("f{name}")), content).unwrap();
        let link = folder.join(format!("l{name}"));
        if *noisy && !link.exists() {
            fs::hard_link(folder.join(format!("f{name}")), link).unwrap();
        }
    }
}

impl Site {
    /// Lets it happen, and tries; the error if it fails.
    fn suffer(&self, fault: &Fault) -> Option<AssembleError> {
        let count = self.source.manifest.frames.len();
        match fault {
            Fault::Cut(share) => self.source.allow(self.frames().0 * u64::from(*share) / 1000),
            Fault::Flip(frame, forever) => {
                self.source.lies.lock().unwrap().push(usize::from(*frame) % count);
                self.source.forever.store(*forever, Ordering::Relaxed);
            }
            Fault::Shift => self.source.shifts.store(true, Ordering::Relaxed),
            Fault::Alter(file, cut) => self.alter(usize::from(*file), *cut),
            Fault::Forget(share) => {
                if let Ok(bytes) = fs::read(self.path("area/progress")) {
                    let kept = bytes.len() * usize::from(*share) / 1000;
                    fs::write(self.path("area/progress"), &bytes[..kept]).unwrap();
                }
            }
        }
        let error = self.assemble("area").err();
        self.source.allow(u64::MAX);
        self.source.lies.lock().unwrap().clear();
        self.source.shifts.store(false, Ordering::Relaxed);
        error
    }

    fn alter(&self, number: usize, cut: bool) {
        let mut files = Vec::new();
        let mut left = vec![self.path("area/incoming")];
        while let Some(folder) = left.pop() {
            for entry in fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap()) {
                let kind = entry.file_type().unwrap();
                if kind.is_dir() {
                    left.push(entry.path());
                } else if kind.is_file() {
                    files.push(entry.path());
                }
            }
        }
        files.sort();
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
    fn whatever_befalls_it_the_tree_is_the_same_or_the_error_is_typed(files in tree(), faults in faults()) {
        let site = Site::of(|top| make(top, &files));
        for fault in &faults {
            match site.suffer(fault) {
                None => site.assert_whole("area"),
                Some(AssembleError::Fetch(
                    FetchError::Unreachable { .. } | FetchError::Corrupt { .. },
                )) => prop_assert!(!matches!(fault, Fault::Alter(..) | Fault::Forget(_))),
                Some(error) => prop_assert!(false, "{fault:?}: {error:?}"),
            }
        }
        site.assemble("area").unwrap();
        site.assert_whole("area");
    }
}
