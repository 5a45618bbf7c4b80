//! Somebody who puts other things in the place of what is being built, while it is built.

use super::*;
use crate::model::digest::Digest;
use crate::model::explain::{Explain, tells};
use crate::snapshot::fetch::SourceError;
use std::fs;
use std::ops::ControlFlow;
use std::os::unix::fs::symlink;
use std::sync::Mutex;

type Deed<'a> = Box<dyn FnOnce() + Send + 'a>;

/// A sound source, at whose second frame somebody does something: the tree has grown by then.
struct Eventful<'a> {
    source: &'a Faulty,
    deed: Mutex<(usize, Option<Deed<'a>>)>,
}

impl Source for Eventful<'_> {
    fn name(&self) -> &str {
        self.source.name()
    }

    fn manifest(
        &self,
        id: &SnapshotId,
        each: &mut dyn FnMut(&[u8]) -> ControlFlow<()>,
    ) -> Result<(), SourceError> {
        self.source.manifest(id, each)
    }

    fn read_range(
        &self,
        part: &Digest,
        offset: u64,
        length: u64,
        each: &mut dyn FnMut(&[u8]) -> ControlFlow<()>,
    ) -> Result<(), SourceError> {
        self.source.read_range(part, offset, length, &mut |bytes| {
            let mut deed = self.deed.lock().unwrap();
            deed.0 += bytes.len();
            if deed.0 > 4000
                && let Some(deed) = deed.1.take()
            {
                deed();
            }
            drop(deed);
            each(bytes)
        })
    }
}

impl Site {
    /// Assembles the tree, and has this happen in the middle.
    fn meanwhile(&self, area: &str, deed: impl FnOnce() + Send) -> Result<Assembled, AssembleError> {
        let source = Eventful { source: &self.source, deed: Mutex::new((0, Some(Box::new(deed)))) };
        let sources: [&dyn Source; 1] = [&source];
        let order = self.order(&sources);
        let assembled = self.with(&Order { terms: Terms { connections: 1, ..order.terms }, ..order }, area);
        assert!(source.deed.lock().unwrap().1.is_none(), "it happened");
        assembled
    }

    /// A place of others, with something in each of the directories that the tree has.
    fn outside(&self) -> PathBuf {
        let outside = self.path("outside");
        fs::create_dir_all(outside.join("data/sub/deep")).unwrap();
        for name in ["data/mine", "data/sub/mine"] {
            fs::write(outside.join(name), "mine").unwrap();
        }
        outside
    }
}

/// The typed error of a path that leads through a link, with its code.
fn leads_out(error: &AssembleError) -> bool {
    let cause = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
    error.code().to_string() == "EOS-T060" && cause.contains(" leads through a symbolic link")
}

fn aside(path: &Path) {
    fs::rename(path, path.with_file_name("aside")).unwrap();
}

#[test]
fn a_tree_that_is_exchanged_for_a_link_or_another_while_it_grows_is_refused_and_nothing_outside_changes() {
    for links in [true, false] {
        let site = Site::new();
        let outside = site.outside();
        let (before, staging) = (shape(&outside), site.path("area/incoming"));
        let error = site.meanwhile("area", || {
            aside(&staging);
            if links {
                symlink(&outside, &staging).unwrap();
            } else {
                assert!(fs::create_dir_all(staging.join("data")).is_ok());
                fs::write(staging.join("data/forged"), "forged").unwrap();
            }
        });
        let text = format!("{} was exchanged for something else while it was filled", staging.display());
        tells(&error.unwrap_err(), "EOS-T184", &text);
        assert_eq!(shape(&outside), before, "nothing outside is written to");
        // What is there now is not believed: a link is refused, a directory is made what it shall be.
        match site.assemble("area") {
            Err(error) => assert!(links && leads_out(&error), "{error:?}"),
            Ok(_) => assert!(!links),
        }
        if links {
            fs::remove_file(&staging).unwrap();
            site.assemble("area").unwrap();
        }
        site.assert_whole("area");
        assert_eq!(shape(&outside), before);
    }
}

#[test]
fn a_directory_of_the_tree_that_is_exchanged_for_a_link_is_not_followed() {
    for inner in ["data", "data/sub", "data/sub/deep"] {
        let site = Site::new();
        let outside = site.outside();
        let before = shape(&outside);
        let error = site.meanwhile("area", || {
            let path = site.path("area/incoming").join(inner);
            aside(&path);
            symlink(outside.join(inner), path).unwrap();
        });
        let error = error.expect_err(inner);
        assert!(leads_out(&error), "{inner}: {error:?}");
        assert_eq!(shape(&outside), before, "{inner}: nothing outside is written to");
        site.assemble("area").unwrap();
        site.assert_whole("area");
    }
}
