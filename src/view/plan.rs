//! `--dry-run`: the steps that would be carried out.

use crate::view::paragraph::clean;
use crate::view::units::plural;
use std::fmt::Display;

/// The steps in their order, each with its stage, stable name and description.
pub fn text<S: Display, N: Display, D: Display>(steps: &[(S, N, D)]) -> String {
    let total = steps.len();
    let mut text = format!("{total} {}; nothing is changed now\n", plural(total, "step", "steps"));
    let mut last = String::new();
    let digits = total.to_string().len();
    for (number, (stage, name, description)) in (1..).zip(steps) {
        let stage = clean(&stage.to_string());
        if stage != last {
            text.push_str(&format!("{stage}\n"));
            last = stage;
        }
        let (name, description) = (clean(&name.to_string()), clean(&description.to_string()));
        text.push_str(&format!("  {number:digits$}. {name}: {description}\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::saga::step::Stage;

    #[test]
    fn steps_are_numbered_and_grouped_by_stage() {
        let steps = [
            (Stage::Configure, "write-config", "write etc/eos/cluster.yaml"),
            (Stage::Configure, "apply-states", "apply 12 states"),
            (Stage::Services, "start-master", "start eos-master"),
        ];
        assert_eq!(
            text(&steps),
            "\
3 steps; nothing is changed now
configure
  1. write-config: write etc/eos/cluster.yaml
  2. apply-states: apply 12 states
services
  3. start-master: start eos-master
"
        );
        assert_eq!(text::<Stage, &str, &str>(&[]), "0 steps; nothing is changed now\n");
    }
}
