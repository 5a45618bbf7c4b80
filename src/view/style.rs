//! Colours, and only where they are wanted.

use anstyle::{AnsiColor, Style};

/// What a colour means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// All is well.
    Good,
    /// A risk.
    Warning,
    /// A failure.
    Bad,
    /// A heading.
    Strong,
    /// Of little importance.
    Faint,
}

impl Tone {
    fn style(self) -> Style {
        match self {
            Self::Good => AnsiColor::Green.on_default().bold(),
            Self::Warning => AnsiColor::Yellow.on_default().bold(),
            Self::Bad => AnsiColor::Red.on_default().bold(),
            Self::Strong => Style::new().bold(),
            Self::Faint => Style::new().dimmed(),
        }
    }
}

/// The text in a tone, or as it stands when no colour is wanted.
pub fn paint(color: bool, tone: Tone, text: &str) -> String {
    if !color {
        return text.to_owned();
    }
    let style = tone.style();
    format!("{style}{text}{style:#}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colour_is_an_escape_around_the_text_or_nothing() {
        assert_eq!(paint(true, Tone::Bad, "ERROR"), "\u{1b}[1m\u{1b}[31mERROR\u{1b}[0m");
        assert_eq!(paint(true, Tone::Faint, "x"), "\u{1b}[2mx\u{1b}[0m");
        assert_eq!(paint(false, Tone::Bad, "ERROR"), "ERROR");
    }
}
