// SPDX-License-Identifier: GPL-2.0

//! The report for people.

use super::report::{Compared, Measured, Results, MEMORY_KINDS};
use crate::row::{self, Crowd};

/// Follows a ratio that is over its limit.
const MARK: char = '!';

/// All tables that have content.
pub fn render(results: &Results) -> String {
    let mut parts = Vec::new();
    for (title, network) in [
        ("Instructions per operation", false),
        ("Network: instructions per operation of both ends, a guest with addresses of the shared stack", true),
    ] {
        let mut rows = results.compared();
        rows.retain(|row| row.network == network);
        if !rows.is_empty() {
            parts.push(operations(title, &rows));
        }
    }
    parts.extend(cycles(results));
    parts.extend(memory(results));
    parts.extend(starts(results));
    parts.extend(crowd(results));
    if !results.missing().is_empty() {
        let mut text = "Not measured\n".to_owned();
        for missing in results.missing() {
            text.push_str(&format!(
                "  {} ({}): {}\n",
                missing.row, missing.place, missing.reason
            ));
        }
        parts.push(text);
    }
    parts.join("\n")
}

fn operations(title: &str, rows: &[Compared]) -> String {
    let head = [
        "operation",
        "stock",
        "idle",
        "idle/",
        "stock ns",
        "guest",
        "guest/",
        "guest/",
        "noise",
    ];
    let second = ["", "", "", "stock", "", "", "stock", "stock ns", ""];
    let mut lines = vec![head.map(str::to_owned), second.map(str::to_owned)];
    for row in rows {
        lines.push([
            row.label.to_owned(),
            count(row.stock),
            count(row.idle),
            marked(row.idle_ratio(), row.idle_over()),
            count(row.spaces),
            count(row.guest),
            marked(row.guest_ratio(), row.guest_over()),
            marked(row.context_ratio(), row.context_over()),
            percent(row.noise),
        ]);
    }
    let over = |is_over: fn(&Compared) -> bool| rows.iter().filter(|row| is_over(row)).count();
    format!(
        "{title}\n{}\
         {MARK} over the limit: {} rows idle (0.1 %), {} rows in a guest (1 %), {} of them by the \
         context and not by namespaces.\n\
         stock ns: the stock kernel in the namespaces of a guest. noise: how far boots disagree.\n",
        align(&lines),
        over(Compared::idle_over),
        over(Compared::guest_over),
        over(|row| row.guest_over() && row.context_over()),
    )
}

fn cycles(results: &Results) -> Option<String> {
    let fork = results.whole_cycle(row::FORK)?;
    let all_namespaces = results.cycle("clone_all");
    let mut lines = vec![["make and leave", "instructions", "of clone"].map(str::to_owned)];
    lines.push([
        "fork, exit, wait (in none of the rows below)".to_owned(),
        count(Some(fork)),
        String::new(),
    ]);
    for special in row::SPECIALS {
        let Some(cost) = results.cycle(special.name) else {
            continue;
        };
        let share =
            all_namespaces.map_or(String::new(), |all| format!("{:.2} %", 100.0 * cost / all));
        lines.push([special.label.to_owned(), count(Some(cost)), share]);
    }
    Some(format!(
        "Making and leaving, deferred work included\n{}",
        align(&lines)
    ))
}

fn memory(results: &Results) -> Option<String> {
    let steps = results.per_context();
    if steps.is_empty() {
        return None;
    }
    let creation = results.creation();
    let mut head = vec!["contexts".to_owned()];
    head.extend(MEMORY_KINDS.map(str::to_owned));
    head.push("create".to_owned());
    let mut lines = vec![head];
    for step in &steps {
        let mut line = vec![step.contexts.to_string()];
        line.extend(step.bytes.iter().map(|bytes| format!("{bytes:.0}")));
        line.push(count(
            creation
                .iter()
                .find(|(ordinal, _)| *ordinal == step.contexts)
                .map(|(_, instructions)| *instructions),
        ));
        lines.push(line);
    }
    let mut text = format!(
        "Kernel memory in bytes per idle context, and instructions of ctx_create for the last of them\n{}",
        align(&lines)
    );
    if let Some(last) = steps.last().filter(|step| !step.caches.is_empty()) {
        for (name, objects, size) in &last.caches {
            text.push_str(&format!("  {objects:.2} x {name} ({size} bytes)\n"));
        }
    }
    Some(text)
}

fn starts(results: &Results) -> Option<String> {
    let routed = results.start(row::START_ROUTED).and_then(|(_, part)| part);
    let mut lines =
        vec![["start and stop", "instructions", "network", "of own stack"].map(str::to_owned)];
    for (row, label) in row::STARTED {
        let Some((all, network)) = results.start(row) else {
            continue;
        };
        let share = match (network, routed) {
            (Some(network), Some(routed)) if *row != row::START_NONE => {
                format!("{:.1} %", 100.0 * network / routed)
            }
            _ => String::new(),
        };
        lines.push([(*label).to_owned(), count(Some(all)), count(network), share]);
    }
    (lines.len() > 1).then(|| {
        format!(
            "Start and stop of a guest with one IPv4 and one IPv6 address, deferred work included\n{}",
            align(&lines)
        )
    })
}

fn crowd(results: &Results) -> Option<String> {
    let mut lines =
        vec![["1,000 guests with addresses", "IPv4", "", "IPv6", ""].map(str::to_owned)];
    for (crowd, label) in [
        (Crowd::Nobody, "connection: no guests, a server of the host"),
        (Crowd::Silent, "connection: one of them listens"),
        (Crowd::Listening, "connection: all listen on this port"),
    ] {
        let families = [false, true].map(|v6| results.accepts(crowd, v6));
        if families.iter().all(Option::is_none) {
            continue;
        }
        let [v4, v6] = families.map(cells);
        lines.push(
            [&[label.to_owned()][..], &v4, &v6]
                .concat()
                .try_into()
                .ok()?,
        );
    }
    let last = results.last_guests();
    if lines.len() == 1 && last.is_none() {
        return None;
    }
    let [instructions, ratio] = cells(last);
    Some(format!(
        "A crowd: instructions per connection from outside (limit 2 % above a host without guests)\n{}\
         Making a guest: {} for the first hundred, {instructions} for the last, ratio {} (limit 20 %)\n",
        align(&lines),
        count(results.whole_cycle(row::GUEST_FIRST)),
        ratio.trim_end(),
    ))
}

fn cells(measured: Option<Measured>) -> [String; 2] {
    [
        count(measured.map(|measured| measured.instructions)),
        marked(
            measured.and_then(|measured| measured.ratio),
            measured.is_some_and(|measured| measured.over),
        ),
    ]
}

/// A number of instructions: whole from a thousand up.
fn count(value: Option<f64>) -> String {
    match value {
        None => "-".into(),
        Some(value) if value.abs() < 1000.0 => format!("{value:.1}"),
        Some(value) => grouped(&format!("{value:.0}")),
    }
}

/// Puts a comma before every third digit from the end.
fn grouped(digits: &str) -> String {
    let (sign, digits) = match digits.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", digits),
    };
    let mut text = sign.to_owned();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A ratio with the mark or a space in its place.
fn marked(ratio: Option<f64>, over: bool) -> String {
    match ratio {
        None => "- ".into(),
        Some(ratio) => format!("{ratio:.4}{}", if over { MARK } else { ' ' }),
    }
}

fn percent(value: Option<f64>) -> String {
    value.map_or("-".into(), |value| format!("{:.2} %", 100.0 * value))
}

/// Columns of equal width, the first to the left, all others to the right.
fn align<L: AsRef<[String]>>(lines: &[L]) -> String {
    let columns = lines
        .iter()
        .map(|line| line.as_ref().len())
        .max()
        .unwrap_or(0);
    let widths: Vec<usize> = (0..columns)
        .map(|column| {
            lines
                .iter()
                .filter_map(|line| line.as_ref().get(column))
                .map(|cell| cell.chars().count())
                .max()
                .unwrap_or(0)
        })
        .collect();
    let mut text = String::new();
    for line in lines {
        let mut row = String::new();
        for (column, cell) in line.as_ref().iter().enumerate() {
            let width = widths[column];
            if column == 0 {
                row.push_str(&format!("{cell:<width$}"));
            } else {
                row.push_str(&format!("  {cell:>width$}"));
            }
        }
        text.push_str(row.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::report::tests::example;

    #[test]
    fn table_shows_marks_shares_and_reasons() {
        let text = render(&example());
        assert!(text.contains("1.0020!"), "{text}");
        assert!(text.contains("1.0050 "), "{text}");
        assert!(
            text.contains("1 rows idle (0.1 %), 0 rows in a guest"),
            "{text}"
        );
        assert!(text.contains("5.00 %"), "{text}");
        assert!(text.contains("1024"), "{text}");
        assert!(text.contains("crun (ours): not there"), "{text}");
    }

    #[test]
    fn columns_are_aligned() {
        let text = align(&[
            ["a", "1"].map(str::to_owned),
            ["bbb", "222"].map(str::to_owned),
        ]);
        assert_eq!(text, "a      1\nbbb  222\n");
    }

    #[test]
    fn numbers_are_grouped() {
        assert_eq!(count(Some(999.94)), "999.9");
        assert_eq!(count(Some(1000.0)), "1,000");
        assert_eq!(count(Some(1_234_567.4)), "1,234,567");
        assert_eq!(count(Some(-12_345.0)), "-12,345");
        assert_eq!(count(None), "-");
    }
}
