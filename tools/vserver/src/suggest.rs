// SPDX-License-Identifier: GPL-2.0

//! What somebody may have meant who wrote a name that does not exist.

/// Returns the candidate that is most like `word`, when one is.
pub fn closest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = plain(word);
    let allowed = (wanted.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| (unlikeness(&wanted, &plain(candidate)), candidate))
        .filter(|(unlikeness, _)| *unlikeness <= allowed)
        .min_by_key(|(unlikeness, _)| *unlikeness)
        .map(|(_, candidate)| candidate)
}

fn plain(name: &str) -> String {
    name.to_ascii_lowercase().replace('-', "_")
}

/// How many characters differ; names of which one is part of the other count as nearly alike.
fn unlikeness(wanted: &str, candidate: &str) -> usize {
    const PART: usize = 4;
    let part = wanted.len() >= PART && candidate.contains(wanted);
    let distance = distance(wanted, candidate);
    if part { distance.min(1) } else { distance }
}

/// How many characters have to be inserted, removed or replaced to get from one word to the other.
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (index, found) in from.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], index + 1);
        for (column, wanted) in to.iter().enumerate() {
            let replaced = diagonal + usize::from(found != *wanted);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 4] = ["HIDE_VINFO", "HIDE_MOUNT", "VIRT_MEM", "nproc"];

    #[test]
    fn distances_are_counted() {
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("abc", "abc"), 0);
        assert_eq!(distance("abc", "axc"), 1);
        assert_eq!(distance("abc", "bc"), 1);
        assert_eq!(distance("kitten", "sitting"), 3);
    }

    #[test]
    fn what_is_nearly_right_is_found() {
        assert_eq!(closest("hide_vinof", NAMES), Some("HIDE_VINFO"));
        assert_eq!(closest("hide-vinfo", NAMES), Some("HIDE_VINFO"));
        assert_eq!(closest("vinfo", NAMES), Some("HIDE_VINFO"));
        assert_eq!(closest("virtmem", NAMES), Some("VIRT_MEM"));
        assert_eq!(closest("nprocs", NAMES), Some("nproc"));
    }

    #[test]
    fn what_is_like_nothing_is_not_guessed() {
        assert_eq!(closest("penguin", NAMES), None);
        assert_eq!(closest("", NAMES), None);
        assert_eq!(closest("x", NAMES), None);
    }
}
