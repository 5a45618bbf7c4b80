//! Which files are whole once which frames are there (pure): for progress, in whatever order frames come.

use super::{Content, Manifest, Spans};

/// The count; each frame is told once.
#[derive(Debug)]
pub struct Whole {
    spans: Spans,
    /// Of each entry, how many of the frames that it needs are missing; of what is no file none.
    missing: Vec<u32>,
    total: u64,
    done: u64,
}

impl Whole {
    /// Of a snapshot of which these frames are there.
    pub fn new(manifest: &Manifest, have: &[bool]) -> Self {
        let spans = manifest.spans();
        let is_file = |index: usize| matches!(manifest.entries[index].content, Content::File { .. });
        let lacks = |index: usize| {
            let frames = spans.frames_in(&spans.entry(index).range());
            frames.filter(|frame| !have[*frame]).count() as u32
        };
        let count = manifest.entries.len();
        let missing: Vec<u32> =
            (0..count).map(|index| if is_file(index) { lacks(index) } else { 0 }).collect();
        let total = (0..count).filter(|index| is_file(*index)).count() as u64;
        let done = (0..count).filter(|index| is_file(*index) && missing[*index] == 0).count() as u64;
        Self { spans, missing, total, done }
    }

    /// Files that are whole, and all.
    pub fn counts(&self) -> (u64, u64) {
        (self.done, self.total)
    }

    /// One more frame is there; how many files became whole by it.
    pub fn arrived(&mut self, frame: usize) -> u64 {
        let mut whole = 0;
        for index in self.spans.entries_in(&self.spans.frame(frame)) {
            let missing = &mut self.missing[*index];
            whole += u64::from(*missing == 1);
            *missing = missing.saturating_sub(1);
        }
        self.done += whole;
        whole
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::capture::tests::{captured, rich_tree};

    #[test]
    fn whatever_the_order_of_frames_every_file_becomes_whole_with_its_last_one() {
        let folder = tempfile::tempdir().unwrap();
        rich_tree(&folder.path().join("tree"));
        let (manifest, _) = captured(&folder.path().join("tree"), &folder.path().join("parts"));
        let (count, spans) = (manifest.frames.len(), manifest.spans());
        let files = manifest.entries.iter().filter(|entry| matches!(entry.content, Content::File { .. }));
        let files = files.count() as u64;
        assert!(count > 5 && files > 5);
        for step in [1, 3, 7, count - 1] {
            let mut have = vec![false; count];
            let mut whole = Whole::new(&manifest, &have);
            let begin = whole.counts();
            assert_eq!(begin, (0, files));
            let (mut frame, mut sum) = (0, 0);
            while have.iter().any(|have| !have) {
                while have[frame % count] {
                    frame += 1;
                }
                have[frame % count] = true;
                sum += whole.arrived(frame % count);
                // As whoever begins with what is there by now would count.
                assert_eq!(whole.counts(), Whole::new(&manifest, &have).counts());
                let is_whole = |index: &usize| {
                    matches!(manifest.entries[*index].content, Content::File { .. })
                        && spans.frames_in(&spans.entry(*index).range()).all(|frame| have[frame])
                };
                assert_eq!(sum, (0..manifest.entries.len()).filter(is_whole).count() as u64);
                frame += step;
            }
            assert_eq!(whole.counts(), (files, files));
        }
    }
}
