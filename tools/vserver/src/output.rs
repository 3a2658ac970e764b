// SPDX-License-Identifier: GPL-2.0

//! What the user sees.

use crate::failure::Failure;
use serde::Serialize;
use serde_json::json;
use std::io::{self, Write};

/// Writes to the standard output; a reader that has gone is no failure.
pub fn print(text: &str) {
    let mut output = io::stdout().lock();
    let _ = output
        .write_all(text.as_bytes())
        .and_then(|()| output.write_all(b"\n"))
        .and_then(|()| output.flush());
}

/// Whether a character is an order to a terminal, or changes the order of others on the screen.
fn is_order(found: char) -> bool {
    let of_direction = matches!(found, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    found.is_control() || of_direction
}

/// What a guest has chosen, such as the name of a program, for a place in one line: a terminal
/// shows all of it and obeys none.
pub fn plain(text: &str) -> String {
    escape(text, is_order)
}

/// As [`plain`], for text of several lines.
fn plain_lines(text: &str) -> String {
    escape(text, |found| {
        !matches!(found, '\n' | '\t') && is_order(found)
    })
}

fn escape(text: &str, is_order: impl Fn(char) -> bool) -> String {
    let mut escaped = String::with_capacity(text.len());
    for found in text.chars() {
        if is_order(found) {
            escaped.extend(found.escape_default());
        } else {
            escaped.push(found);
        }
    }
    escaped
}

/// Prints `value` as JSON, or `text` for people.
pub fn show<T: Serialize>(json: bool, value: &T, text: impl FnOnce() -> String) {
    if json {
        // Values of this crate have string keys only, so they can always be written.
        let text = serde_json::to_string_pretty(value).unwrap_or_default();
        print(&text);
    } else {
        // Whatever came in on any way.
        print(&plain_lines(&text()));
    }
}

/// Tells something beside the result.
pub fn note(text: &str) {
    eprintln!("vserver: note: {}", plain_lines(text));
}

/// Tells a failure.
pub fn report(failure: &Failure, json: bool) {
    if json {
        let value = json!({ "error": {
            "status": failure.exit_status(),
            "reason": failure.reason,
            "message": failure.message,
            "remedy": failure.remedy,
        }});
        eprintln!("{value:#}");
    } else {
        eprintln!("vserver: {}", plain_lines(&failure.message));
        eprintln!("  remedy: {}", plain_lines(&failure.remedy));
    }
}

/// Arranges rows in columns; the first row is the heading. Columns in `right` are aligned right.
pub fn table(rows: &[Vec<String>], right: &[usize]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns)
        .map(|column| {
            let cells = rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        })
        .collect();
    let lines = rows.iter().map(|row| {
        let cells = row.iter().enumerate().map(|(column, cell)| {
            let width = widths[column];
            if right.contains(&column) {
                format!("{cell:>width$}")
            } else {
                format!("{cell:<width$}")
            }
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Arranges keys and values in two columns.
pub fn pairs(lines: &[(&str, String)]) -> String {
    let width = lines.iter().map(|line| line.0.len()).max().unwrap_or(0);
    lines
        .iter()
        .map(|(key, value)| format!("{key:<width$}  {value}").trim_end().to_owned())
        .collect::<Vec<_>>()
        .join("\n")
}

/// Writes seconds as people do: `42s`, `3m05s`, `2h10m`, `5d03h`.
pub fn duration(seconds: u64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    if days > 0 {
        format!("{days}d{:02}h", hours % 24)
    } else if hours > 0 {
        format!("{hours}h{:02}m", minutes % 60)
    } else if minutes > 0 {
        format!("{minutes}m{:02}s", seconds % 60)
    } else {
        format!("{seconds}s")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned() {
        let rows = [["NAME", "XID"], ["web", "7"], ["database", "1000"]]
            .map(|row| row.map(str::to_owned).to_vec());
        assert_eq!(
            table(&rows, &[1]),
            "NAME       XID\nweb          7\ndatabase  1000"
        );
    }

    #[test]
    fn terminals_get_no_orders() {
        let text = "sh\x1b]0;root@host\x07\n\u{9b}2J\r\u{202e}x\u{7f} \u{e4}\u{1f600}";
        let shown = "sh\\u{1b}]0;root@host\\u{7}\\n\\u{9b}2J\\r\\u{202e}x\\u{7f} \u{e4}\u{1f600}";
        assert_eq!(plain(text), shown);
        assert_eq!(plain_lines(text), shown.replace("\\n", "\n"));
    }

    #[test]
    fn values_stand_in_a_column() {
        let lines = [("a", "1".to_owned()), ("key", String::new())];
        assert_eq!(pairs(&lines), "a    1\nkey");
    }

    #[test]
    fn durations_are_short() {
        let texts = [59, 185, 7_800, 442_800].map(duration);
        assert_eq!(texts, ["59s", "3m05s", "2h10m", "5d03h"]);
    }
}
