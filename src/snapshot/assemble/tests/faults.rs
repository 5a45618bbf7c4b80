//! Sources that do what no source should: the tree is the same, or the error is typed and says who.

use super::*;
use crate::snapshot::fetch::{Request, Room, obtain};
use std::fs;

impl Site {
    pub(super) fn request<'a>(&'a self, sources: &'a [&'a dyn Source]) -> Request<'a> {
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
fn what_one_source_sent_is_kept_when_it_goes_and_another_takes_over() {
    let site = Site::new();
    let (all, largest) = site.frames();
    site.source.allow(all / 2);
    site.assemble("area").unwrap_err();
    let other = site.another("other");
    let sources: [&dyn Source; 1] = [&other];
    let assembled = site.with(&site.order(&sources), "area").unwrap();
    site.assert_whole("area");
    let left = all - all / 2 + 2 * largest;
    assert!(assembled.received_bytes <= left, "{} of {left}", assembled.received_bytes);
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
    let scratch = Directory::open(&site.path("")).unwrap();
    let room = Room::Scratch(&scratch);
    *site.source.whole.lock().unwrap() = Some(site.source.body());
    let sources: [&dyn Source; 1] = [&site.source];
    let obtained = obtain(&site.request(&sources), room, &|| false, &Silent).unwrap();
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
    let obtained = obtain(&site.request(&sources), room, &|| false, &Silent).unwrap();
    let order = Order { held: obtained.held.as_ref(), ..site.order(&sources) };
    site.with(&order, "damaged").unwrap();
    site.assert_whole("damaged");
    assert!(site.source.served() > 0);
    for bad in [body[..body.len() - 1].to_vec(), b"something else".to_vec()] {
        *site.source.whole.lock().unwrap() = Some(bad);
        let error = obtain(&site.request(&sources), room, &|| false, &Silent).unwrap_err();
        assert!(matches!(&error, FetchError::Refused { name, .. } if name == "faulty"), "{error:?}");
    }
    let another = Site::of(|tree| fs::create_dir_all(tree).unwrap());
    *site.source.whole.lock().unwrap() = Some(another.source.body());
    let error = obtain(&site.request(&sources), room, &|| false, &Silent).unwrap_err();
    assert!(matches!(error, FetchError::Manifest { .. }), "{error:?}");
}
