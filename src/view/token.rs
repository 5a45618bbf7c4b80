//! `eos token list`: the tokens by their public ids; their secrets are nowhere.

use crate::view::table::table;
use crate::view::units::coarse;
use crate::wire::admin::TokenStatus;

/// A table of tokens; `now_ms` is the time in milliseconds since 1970.
pub fn list(tokens: &[TokenStatus], now_ms: u64) -> String {
    if tokens.is_empty() {
        return "no tokens: make one with `eos token create`\n".to_owned();
    }
    let rows: Vec<[String; 5]> = tokens
        .iter()
        .map(|token| {
            [
                token.id.to_string(),
                token.state.clone(),
                expires(token.expires_ms, now_ms),
                uses(token),
                token.role.map_or("any".to_owned(), |role| role.to_string()),
            ]
        })
        .collect();
    table(usize::MAX, ["TOKEN", "STATE", "EXPIRES", "USED", "ROLE"], &rows)
}

fn expires(expires_ms: u64, now_ms: u64) -> String {
    match expires_ms.checked_sub(now_ms) {
        Some(_) if expires_ms == u64::MAX => "never".to_owned(),
        Some(left) => format!("in {}", coarse(left)),
        None => format!("{} ago", coarse(now_ms - expires_ms)),
    }
}

fn uses(token: &TokenStatus) -> String {
    match token.uses {
        Some(uses) => format!("{} of {uses}", token.used),
        None => format!("{}, no limit", token.used),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ids::TokenId;
    use crate::model::role::Role;

    #[test]
    fn tokens_are_listed_with_what_is_left_of_them() {
        let token = |id: &str, state: &str, expires_ms| TokenStatus {
            id: TokenId::parse(id).expect("an id"),
            state: state.to_owned(),
            expires_ms,
            used: 1,
            uses: Some(2),
            role: Some(Role::Data),
        };
        let tokens = [
            token("ab12", "valid", 10_000_000),
            TokenStatus { uses: None, role: None, ..token("cd34", "expired", 2_800_000) },
            TokenStatus { uses: None, role: None, ..token("ef56", "valid", u64::MAX) },
        ];
        assert_eq!(
            list(&tokens, 2_860_000),
            "\
TOKEN  STATE    EXPIRES    USED         ROLE
ab12   valid    in 1 h     1 of 2       data
cd34   expired  1 min ago  1, no limit  any
ef56   valid    never      1, no limit  any
"
        );
        assert_eq!(list(&[], 0), "no tokens: make one with `eos token create`\n");
    }
}
