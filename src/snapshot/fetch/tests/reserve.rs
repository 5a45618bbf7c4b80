//! Sources that wait until another one fails, and sources that answer with nothing.

use super::*;

fn asked(source: &Faulty) -> usize {
    source.requests.lock().unwrap().len()
}

#[test]
fn with_fewer_connections_than_sources_the_first_ones_are_asked_and_the_rest_is_in_reserve() {
    let site = Site::new();
    let [first, second, third] = ["a", "b", "c"].map(|name| site.another(name));
    for source in [&first, &second] {
        source.hangs.store(true, Ordering::Relaxed);
    }
    let sources: [&dyn Source; 3] = [&first, &second, &third];
    let path = site.temporary.path().join("into");
    fs::create_dir(&path).unwrap();
    let request = Request { connections: 2, ..site.request(&sources, 2) };
    let both = || asked(&first) > 0 && asked(&second) > 0;
    let error = fetch(&request, &Directory::open(&path).unwrap(), &both, &Silent).unwrap_err();
    assert!(matches!(error, FetchError::Interrupted { .. }), "{error:?}");
    assert_eq!(asked(&third), 0);
}

#[test]
fn a_source_that_fails_or_is_dropped_is_replaced_by_the_first_in_reserve() {
    type Breaks = fn(&Faulty);
    let cut: Breaks = |source| source.allow(10);
    let gone: Breaks = |source| source.empty.store(true, Ordering::Relaxed);
    for (breaks, requests) in [(cut, 1), (gone, 0)] {
        let site = Site::new();
        let [first, second, third] = ["a", "b", "c"].map(|name| site.another(name));
        breaks(&first);
        // It is asked again so late that nobody would wait for it.
        let patience = Patience { failures: 2, first: Duration::from_secs(600), ..Patience::default() };
        let sources: [&dyn Source; 3] = [&first, &second, &third];
        let request = Request { patience, ..site.request(&sources, 2) };
        let path = site.temporary.path().join("into");
        fs::create_dir(&path).unwrap();
        fetch(&request, &Directory::open(&path).unwrap(), &|| false, &Silent).unwrap();
        site.assert_whole("into");
        assert_eq!((asked(&first), asked(&third)), (requests, 0));
        assert!(asked(&second) > 0);
    }
}

/// Has the manifest, and answers every range as if it had sent it.
struct Nothing<'a>(&'a Faulty, bool);

impl Source for Nothing<'_> {
    fn name(&self) -> &str {
        "nothing"
    }

    fn manifest(
        &self,
        id: &SnapshotId,
        each: &mut dyn FnMut(&[u8]) -> ControlFlow<()>,
    ) -> Result<(), SourceError> {
        self.0.manifest(id, each)
    }

    fn read_range(
        &self,
        _part: &Digest,
        offset: u64,
        length: u64,
        each: &mut dyn FnMut(&[u8]) -> ControlFlow<()>,
    ) -> Result<(), SourceError> {
        self.0.requests.lock().unwrap().push((offset, length));
        if self.1 {
            let _wanted = each(&[]);
        }
        Ok(())
    }
}

#[test]
fn a_source_that_answers_ranges_with_nothing_is_left_after_its_failures() {
    for says_so in [false, true] {
        let site = Site::new();
        let nothing = Nothing(&site.source, says_so);
        let error = site.fetch_from(&[&nothing], "into", 5, &|| false, &Silent).unwrap_err();
        tells(&error, "EOS-T044", "nothing failed 5 times in a row without delivering anything");
        assert_eq!(asked(&site.source), 5);
        let sound = site.another("sound");
        site.fetch_from(&[&nothing, &sound], "into", 5, &|| false, &Silent).unwrap();
        site.assert_whole("into");
    }
}

#[test]
fn a_limit_holds_for_what_comes_in_one_reply_while_it_comes() {
    let site = Site::new();
    let body = site.source.body();
    *site.source.whole.lock().unwrap() = Some(body.clone());
    let limiter = Limiter::new(1);
    let sources: [&dyn Source; 1] = [&site.source];
    let request =
        Request { embed_bytes: Some(1 << 20), limiter: Some(&limiter), ..site.request(&sources, 1) };
    let path = site.temporary.path().join("into");
    fs::create_dir(&path).unwrap();
    let came = || site.source.embedded.load(Ordering::Relaxed);
    // Who gives up after the first piece has had no more than that, since the next one is not due.
    let error = fetch(&request, &Directory::open(&path).unwrap(), &|| came() > 0, &Silent).unwrap_err();
    assert!(matches!(error, FetchError::Interrupted { .. }), "{error:?}");
    assert!(came() < body.len() as u64 / 2, "{} of {}", came(), body.len());
}

#[test]
fn what_has_no_room_is_not_brought_in_one_reply_either() {
    let site = Site::new();
    *site.source.whole.lock().unwrap() = Some(site.source.body());
    let sources: [&dyn Source; 1] = [&site.source];
    let path = site.temporary.path().join("into");
    fs::create_dir(&path).unwrap();
    let into = Directory::open(&path).unwrap();
    let reserve_bytes = Some(u64::MAX / 2);
    let request = Request { embed_bytes: Some(1 << 20), reserve_bytes, ..site.request(&sources, 1) };
    let error = fetch(&request, &into, &|| false, &Silent).unwrap_err();
    assert!(matches!(error, FetchError::Space { .. }), "{error:?}");
    assert_eq!((site.source.embedded.load(Ordering::Relaxed), site.source.served()), (0, 0));
    let request = Request { reserve_bytes: Some(0), ..request };
    fetch(&request, &into, &|| false, &Silent).unwrap();
}

/// Sends bytes as a manifest that are none, as many as it is let.
struct Babble<'a>(&'a Faulty, AtomicU64);

impl Source for Babble<'_> {
    fn name(&self) -> &str {
        "babble"
    }

    fn manifest(
        &self,
        _id: &SnapshotId,
        each: &mut dyn FnMut(&[u8]) -> ControlFlow<()>,
    ) -> Result<(), SourceError> {
        let head = br#"{"certificate":"ours","manifest":"{\"entries\":["#;
        let mut flow = each(head);
        while self.1.load(Ordering::Relaxed) < 8 << 20 && flow.is_continue() {
            flow = each(&[b'x'; 64 << 10]);
            self.1.fetch_add(64 << 10, Ordering::Relaxed);
        }
        Ok(())
    }

    fn read_range(
        &self,
        part: &Digest,
        offset: u64,
        length: u64,
        each: &mut dyn FnMut(&[u8]) -> ControlFlow<()>,
    ) -> Result<(), SourceError> {
        self.0.read_range(part, offset, length, each)
    }
}

#[test]
fn what_is_no_manifest_is_refused_without_being_kept_and_the_next_source_is_asked() {
    let site = Site::new();
    let babble = Babble(&site.source, AtomicU64::new(0));
    let path = site.temporary.path().join("into");
    fs::create_dir(&path).unwrap();
    let into = Directory::open(&path).unwrap();
    let alone: [&dyn Source; 1] = [&babble];
    let error = fetch(&site.request(&alone, 1), &into, &|| false, &Silent).unwrap_err();
    assert!(matches!(&error, FetchError::Manifest { .. }), "{error:?}");
    assert_eq!(fs::read_dir(&path).unwrap().count(), 0, "nothing of it stays");
    let both: [&dyn Source; 2] = [&babble, &site.source];
    fetch(&site.request(&both, 1), &into, &|| false, &Silent).unwrap();
    site.assert_whole("into");
}
