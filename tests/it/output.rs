//! What the commands promise to people and programs.
