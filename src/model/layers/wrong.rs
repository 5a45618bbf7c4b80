//! What is wrong with a value, and with which of several.

use crate::model::yaml::nearest;

/// A value that may not stand at its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    /// Why, as the end of a sentence.
    pub why: String,
    /// The one of a list or mapping that is wrong, as it was written.
    pub entry: Option<String>,
    /// What was probably meant.
    pub nearest: Option<&'static str>,
}

impl Wrong {
    /// A word that is none of these.
    pub fn word(word: &str, words: &[&'static str]) -> Self {
        let nearest = nearest(word, words.iter().copied());
        let nearest = nearest.and_then(|near| words.iter().copied().find(|word| *word == near));
        Self { why: format!("must be one of {}", words.join(", ")), entry: None, nearest }
    }

    /// The same, said of this one of several.
    pub fn of(mut self, entry: &str) -> Self {
        self.entry.get_or_insert_with(|| entry.to_owned());
        self
    }
}

impl From<String> for Wrong {
    fn from(why: String) -> Self {
        Self { why, entry: None, nearest: None }
    }
}

impl From<&str> for Wrong {
    fn from(why: &str) -> Self {
        why.to_owned().into()
    }
}
