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

    fn manifest(&self, id: &SnapshotId) -> Result<Vec<u8>, SourceError> {
        self.0.manifest(id)
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
