//! What must hold on the machine for a state to run at all: `unless`, `onlyif` and `creates`, of any state.

use crate::sls::arguments::Arguments;
use crate::sls::error::SlsError;

/// The conditions of a state; what is not said holds.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Conditions {
    /// It is not run when all of these command lines succeed.
    pub unless: Vec<String>,
    /// It is run only when all of these command lines succeed.
    pub only_if: Vec<String>,
    /// It is not run when all of these paths exist.
    pub creates: Vec<String>,
    /// Where the command lines run.
    pub directory: Option<String>,
}

// By hand, because command lines may hold secrets.
impl std::fmt::Debug for Conditions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Conditions({})", self.unless.len() + self.only_if.len() + self.creates.len())
    }
}

impl Conditions {
    /// Reads them; `cwd` is where they run, of functions that take it.
    ///
    /// # Errors
    /// When one is no text or list of texts.
    pub fn of(arguments: &Arguments<'_>, directory: Option<&str>) -> Result<Self, SlsError> {
        Ok(Self {
            unless: arguments.texts("unless")?,
            only_if: arguments.texts("onlyif")?,
            creates: arguments.texts("creates")?,
            directory: directory.map(str::to_owned),
        })
    }

    /// Why the state is not run, if one of them keeps it from running, as Salt words it.
    ///
    /// # Errors
    /// Those of the two look-ups: whether a command line succeeds, and whether a path exists.
    pub fn held_back<E>(
        &self,
        mut succeeds: impl FnMut(&str) -> Result<bool, E>,
        mut exists: impl FnMut(&str) -> Result<bool, E>,
    ) -> Result<Option<&'static str>, E> {
        for line in &self.only_if {
            if !succeeds(line)? {
                return Ok(Some("onlyif condition is false"));
            }
        }
        let mut all = !self.unless.is_empty();
        for line in &self.unless {
            all = all && succeeds(line)?;
        }
        if all {
            return Ok(Some("unless condition is true"));
        }
        let mut all = !self.creates.is_empty();
        for path in &self.creates {
            all = all && exists(path)?;
        }
        Ok(all.then_some("all files of creates exist"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(unless: &[&str], only_if: &[&str], creates: &[&str]) -> Option<&'static str> {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        let (unless, only_if, creates) = (texts(unless), texts(only_if), texts(creates));
        let conditions = Conditions { unless, only_if, creates, directory: None };
        let yes = |text: &str| Ok::<_, ()>(text == "yes");
        conditions.held_back(yes, yes).expect("nothing fails")
    }

    #[test]
    fn all_of_a_kind_must_hold_as_in_salt() {
        assert_eq!(verdict(&[], &[], &[]), None);
        assert_eq!(verdict(&["yes", "no"], &[], &[]), None);
        assert_eq!(verdict(&["yes", "yes"], &[], &[]), Some("unless condition is true"));
        assert_eq!(verdict(&[], &["yes", "no"], &[]), Some("onlyif condition is false"));
        assert_eq!(verdict(&["no"], &["yes"], &["yes", "no"]), None);
        assert_eq!(verdict(&["no"], &["yes"], &["yes"]), Some("all files of creates exist"));
    }
}
