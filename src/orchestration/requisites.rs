//! What each step waits for, and the order in which they begin, as Salt has both.

use crate::orchestration::step::Needs;
use crate::sls::SlsError;
use crate::sls::declaration::Declaration;
use crate::sls::order;
use crate::sls::requisite::Kind;

/// The needs of each declaration, and the declarations in their order, as indices.
///
/// # Errors
/// When a requisite names no step, steps wait for each other, or it is of a kind that steps do not have.
pub fn of(declarations: &[Declaration]) -> Result<(Vec<Needs>, Vec<usize>), SlsError> {
    let requisites = order::requisites(declarations)?;
    let mut all = vec![Needs::default(); declarations.len()];
    for (index, declaration) in declarations.iter().enumerate() {
        for (kind, target) in &requisites[index].edges {
            let needs = &mut all[index];
            let list = match kind {
                Kind::Require | Kind::Watch => &mut needs.require,
                Kind::OnChanges | Kind::OnChangesAny => &mut needs.on_changes,
                Kind::OnFail | Kind::OnFailAny => &mut needs.on_fail,
                Kind::RequireAny | Kind::WatchAny | Kind::OnFailAll | Kind::Prereq => {
                    return Err(SlsError::Unsupported {
                        place: declaration.place.clone(),
                        feature: format!("{} in an orchestration", kind.name()),
                    });
                }
            };
            if !list.contains(target) {
                list.push(*target);
            }
        }
    }
    Ok((all, order::execution(declarations, &requisites)?))
}
