// SPDX-License-Identifier: GPL-2.0

//! What a guest may be called.

use std::fmt;

/// Why a text cannot be the name of a guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameError {
    /// The text is empty.
    Empty,
    /// The text has more than 63 characters.
    TooLong,
    /// The text starts with something else than a letter or a digit.
    FirstCharacter,
    /// The text contains this character.
    Character(char),
}

impl fmt::Display for NameError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => write!(formatter, "it is empty"),
            Self::TooLong => write!(formatter, "it has more than 63 characters"),
            Self::FirstCharacter => write!(formatter, "it does not start with a letter or digit"),
            Self::Character(found) => write!(formatter, "it contains {found:?}"),
        }
    }
}

impl std::error::Error for NameError {}

/// Checks that `name` can be a file name, a cgroup name and a context name alike: 1 to 63 of
/// `A-Z a-z 0-9 . _ -`, starting with a letter or digit.
///
/// # Errors
///
/// What is wrong with the name.
pub fn check_name(name: &str) -> Result<(), NameError> {
    let first = name.chars().next().ok_or(NameError::Empty)?;
    if name.len() > 63 {
        return Err(NameError::TooLong);
    }
    if let Some(found) = name
        .chars()
        .find(|found| !found.is_ascii_alphanumeric() && !matches!(found, '.' | '_' | '-'))
    {
        return Err(NameError::Character(found));
    }
    if !first.is_ascii_alphanumeric() {
        return Err(NameError::FirstCharacter);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_names_are_accepted() {
        for name in ["a", "web1", "mail.example.org", "Db_2-old", &"x".repeat(63)] {
            assert_eq!(check_name(name), Ok(()), "{name}");
        }
    }

    #[test]
    fn names_that_could_leave_a_directory_are_refused() {
        assert_eq!(check_name(""), Err(NameError::Empty));
        assert_eq!(check_name(".."), Err(NameError::FirstCharacter));
        assert_eq!(check_name("-rf"), Err(NameError::FirstCharacter));
        assert_eq!(check_name("a/b"), Err(NameError::Character('/')));
        assert_eq!(check_name("a b"), Err(NameError::Character(' ')));
        assert_eq!(check_name("ä"), Err(NameError::Character('ä')));
        assert_eq!(check_name(&"x".repeat(64)), Err(NameError::TooLong));
    }
}
