//! Tables that fit: columns where there is room, one block for each row where there is none.

use crate::view::paragraph::{clean, wrap};
use comfy_table::Table;
use comfy_table::presets::NOTHING;

/// A table whose first column names the row. When a line would be wider than `width` columns, every row
/// becomes a block of lines below its first cell. The cells are made safe to print.
pub fn table<const COLUMNS: usize>(
    width: usize,
    header: [&str; COLUMNS],
    rows: &[[String; COLUMNS]],
) -> String {
    let rows: Vec<[String; COLUMNS]> =
        rows.iter().map(|row| row.each_ref().map(|cell| clean(cell))).collect();
    let columns = columns(header, &rows);
    if columns.lines().all(|line| line.chars().count() <= width) {
        return columns;
    }
    blocks(width, header, &rows)
}

fn columns<const COLUMNS: usize>(header: [&str; COLUMNS], rows: &[[String; COLUMNS]]) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING).set_header(header);
    for row in rows {
        table.add_row(row.iter());
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

fn blocks<const COLUMNS: usize>(width: usize, header: [&str; COLUMNS], rows: &[[String; COLUMNS]]) -> String {
    let widest = header.iter().skip(1).map(|name| name.chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    for row in rows {
        text.push_str(&format!("{}\n", row[0]));
        for (name, cell) in header.iter().zip(row).skip(1) {
            text.push_str(&wrap(&format!("  {:widest$}  ", name.to_lowercase()), cell, width));
        }
    }
    text
}

/// Lines of a name and a value each, the values below each other and wrapped.
pub fn fields(width: usize, rows: &[(&str, String)]) -> String {
    let widest = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    rows.iter().map(|(name, value)| wrap(&format!("{name:widest$}  "), value, width)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> Vec<[String; 3]> {
        let row = |cells: [&str; 3]| cells.map(str::to_owned);
        vec![row(["node1", "core", "4 s ago"]), row(["storage-2", "data", ""])]
    }

    #[test]
    fn a_table_that_fits_has_columns_without_trailing_spaces() {
        assert_eq!(
            table(40, ["NAME", "ROLE", "LAST SEEN"], &rows()),
            "NAME       ROLE  LAST SEEN\nnode1      core  4 s ago\nstorage-2  data\n"
        );
    }

    #[test]
    fn a_table_that_does_not_fit_becomes_blocks() {
        assert_eq!(
            table(20, ["NAME", "ROLE", "LAST SEEN"], &rows()),
            "node1\n  role       core\n  last seen  4 s ago\nstorage-2\n  role       data\n  last seen\n"
        );
    }

    #[test]
    fn a_cell_cannot_drive_the_terminal() {
        assert_eq!(table(40, ["A"], &[["x\u{1b}[2J".to_owned()]]), "A\nx\\u{1b}[2J\n");
    }

    #[test]
    fn fields_stand_below_each_other() {
        let rows = [("name", "node1".to_owned()), ("address", "a long value of many words".to_owned())];
        assert_eq!(fields(22, &rows), "name     node1\naddress  a long value\n         of many words\n");
    }
}
