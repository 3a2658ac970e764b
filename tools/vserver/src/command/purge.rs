// SPDX-License-Identifier: GPL-2.0

//! Removing the root directory of a guest, and when not to.

use crate::failure::{Failure, Outcome, Reason};
use crate::guest::Guest;
use crate::removal::{Files, remove_tree};
use crate::store::Store;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Checks that removing the root directory of `guest` removes nothing else.
///
/// # Errors
///
/// Why it would.
pub(super) fn check(guest: &Guest, store: &Store) -> Outcome<()> {
    let mountinfo = fs::read_to_string("/proc/self/mountinfo")
        .map_err(|error| Failure::file("read", Path::new("/proc/self/mountinfo"), &error))?;
    let root = &guest.root;
    let real = fs::canonicalize(root).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Failure::new(
            Reason::MissingRoot,
            format!("root directory {} does not exist", root.display()),
            "leave out --purge to remove the description only",
        ),
        _ => Failure::file("look at", root, &error),
    })?;
    let directory = fs::canonicalize(store.directory())
        .map_err(|error| Failure::file("look at", store.directory(), &error))?;
    let others: Vec<(String, PathBuf)> = store
        .list()?
        .into_iter()
        .filter_map(|(name, other)| Some((name, other.ok()?.root)))
        .filter(|(name, _)| *name != guest.name)
        .collect();
    objection(root, &real, &directory, &others, &mount_points(&mountinfo)).map_or(
        Ok(()),
        |problem| {
            Err(Failure::new(
                Reason::MissingRoot,
                format!("root directory {} {problem}", root.display()),
                "remove the files yourself, and leave out --purge",
            ))
        },
    )
}

/// Why the directory must not be removed, if it must not.
fn objection(
    root: &Path,
    real: &Path,
    directory: &Path,
    others: &[(String, PathBuf)],
    mounts: &[PathBuf],
) -> Option<String> {
    if real != root {
        return Some(format!("is really {}", real.display()));
    }
    if root.parent().is_none() {
        return Some("is the root of the host".to_owned());
    }
    if directory.starts_with(root) {
        return Some("contains the descriptions".to_owned());
    }
    if let Some(mount) = mounts.iter().find(|mount| mount.starts_with(root)) {
        return Some(if mount == root {
            "is a mount point".to_owned()
        } else {
            format!("contains the mount point {}", mount.display())
        });
    }
    others
        .iter()
        .find(|(_, other)| other.starts_with(root) || root.starts_with(other))
        .map(|(name, _)| format!("is shared with guest \"{name}\""))
}

/// Mount points in the text of a `mountinfo` file.
fn mount_points(mountinfo: &str) -> Vec<PathBuf> {
    mountinfo
        .lines()
        .filter_map(|line| line.split(' ').nth(4))
        .map(|field| PathBuf::from(unescape(field)))
        .collect()
}

/// Turns the octal escapes of `mountinfo` back into characters.
fn unescape(field: &str) -> String {
    [
        ("\\040", " "),
        ("\\011", "\t"),
        ("\\012", "\n"),
        ("\\134", "\\"),
    ]
    .iter()
    .fold(field.to_owned(), |text, (code, plain)| {
        text.replace(code, plain)
    })
}

/// Removes the root directory of `guest`, which [`check`] has passed.
///
/// # Errors
///
/// A file cannot be removed.
pub(super) fn remove(guest: &Guest) -> Outcome<()> {
    remove_tree(&guest.root, Files::Go, Duration::ZERO)
        .map_err(|error| Failure::file("remove directory", &guest.root, &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(root: &str, real: &str, others: &[(String, PathBuf)], mounts: &[&str]) -> String {
        let mounts: Vec<PathBuf> = mounts.iter().map(PathBuf::from).collect();
        objection(
            Path::new(root),
            Path::new(real),
            Path::new("/etc/vservers"),
            others,
            &mounts,
        )
        .unwrap_or_default()
    }

    #[test]
    fn an_ordinary_directory_may_go() {
        let mounts = ["/", "/proc", "/srv/webmail"];
        assert_eq!(ask("/srv/web", "/srv/web", &[], &mounts), "");
    }

    #[test]
    fn what_holds_more_than_the_guest_stays() {
        let web = "/srv/web";
        assert!(ask(web, "/home/web", &[], &[]).contains("is really"));
        assert!(ask("/", "/", &[], &[]).contains("root of the host"));
        assert!(ask("/etc", "/etc", &[], &[]).contains("descriptions"));
        assert!(ask(web, web, &[], &["/", web]).contains("is a mount point"));
        assert!(ask(web, web, &[], &["/srv/web/proc"]).contains("contains the mount point"));
        for other in ["/srv", "/srv/web", "/srv/web/db"] {
            let others = [("db".to_owned(), PathBuf::from(other))];
            assert!(ask(web, web, &others, &[]).contains("shared with guest \"db\""));
        }
    }

    #[test]
    fn mount_points_are_unescaped() {
        let text = "30 1 0:2 / /srv/a\\040b rw - tmpfs tmpfs rw\n";
        assert_eq!(mount_points(text), [PathBuf::from("/srv/a b")]);
    }
}
