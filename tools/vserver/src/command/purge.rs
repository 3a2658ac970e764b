// SPDX-License-Identifier: GPL-2.0

//! Removing the root directory of a guest, and when not to.

use crate::failure::{Failure, Outcome, Reason};
use crate::guest::Guest;
use crate::removal::{Files, remove_tree};
use crate::store::{Entry, Store};
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
    let others = others(guest, store.list()?)?;
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

/// A directory that another guest uses.
#[derive(Debug)]
struct Used {
    /// The other guest.
    by: String,
    /// What it is to that guest.
    how: &'static str,
    path: PathBuf,
}

/// The directories that all guests but this one use. One whose description is broken might use any.
fn others(guest: &Guest, entries: Vec<Entry>) -> Outcome<Vec<Used>> {
    let mut all = Vec::new();
    for (name, other) in entries {
        if name == guest.name {
            continue;
        }
        let other = other.map_err(|mut failure| {
            failure.message = format!(
                "cannot tell whether guest \"{name}\" uses {}: {}",
                guest.root.display(),
                failure.message
            );
            failure.remedy += "; or leave out --purge";
            failure
        })?;
        let sources = other.mounts.iter().filter(|mount| mount.is_bind());
        let sources = sources.map(|mount| ("mounted by", PathBuf::from(&mount.source)));
        let mut paths: Vec<(&str, PathBuf)> = sources.collect();
        paths.push(("shared with", other.root));
        for (how, path) in paths {
            // Where a link leads counts as well, though a start would refuse it.
            let real = fs::canonicalize(&path).ok().filter(|real| *real != path);
            all.extend(real.into_iter().chain([path]).map(|path| Used {
                by: name.clone(),
                how,
                path,
            }));
        }
    }
    Ok(all)
}

/// Why the directory must not be removed, if it must not.
fn objection(
    root: &Path,
    real: &Path,
    directory: &Path,
    others: &[Used],
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
        .find(|other| other.path.starts_with(root) || root.starts_with(&other.path))
        .map(|other| format!("is {} guest \"{}\"", other.how, other.by))
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
    use crate::description;

    fn ask(root: &str, real: &str, others: &[Used], mounts: &[&str]) -> String {
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
            let others = [Used {
                by: "db".to_owned(),
                how: "shared with",
                path: PathBuf::from(other),
            }];
            assert!(ask(web, web, &others, &[]).contains("shared with guest \"db\""));
        }
    }

    fn entry(name: &str, text: &str) -> Entry {
        let file = format!("/etc/vservers/{name}.toml");
        let guest = description::parse(name, Path::new(&file), text);
        (name.to_owned(), guest)
    }

    #[test]
    fn what_another_guest_mounts_stays() {
        let web = entry("web", "xid = 42\nroot = '/srv/web'\n");
        let db = entry(
            "db",
            "xid = 43\nroot = '/srv/db'\n\
             mounts = [{ source = '/srv/web/data', target = '/data' },\n\
             { source = 'tmpfs', target = '/srv/web', type = 'tmpfs' }]\n",
        );
        let guest = web.1.clone().unwrap();
        let found = others(&guest, vec![web, db]).unwrap();
        assert_eq!(found.len(), 2, "{found:?}");
        let problem = ask("/srv/web", "/srv/web", &found, &[]);
        assert_eq!(problem, "is mounted by guest \"db\"");
        assert_eq!(ask("/srv/x", "/srv/x", &found, &[]), "");
    }

    #[test]
    fn a_broken_description_might_use_anything() {
        let guest = entry("web", "xid = 42\nroot = '/srv/web'\n").1.unwrap();
        let failure = others(&guest, vec![entry("db", "xid = 43\nrot = '/srv/web'\n")]);
        let failure = failure.unwrap_err();
        assert_eq!(failure.reason, Reason::BrokenConfiguration);
        for part in ["guest \"db\"", "/etc/vservers/db.toml"] {
            assert!(failure.message.contains(part), "{failure:?}");
        }
        // Its own may be what is broken.
        assert!(others(&guest, vec![entry("web", "?")]).unwrap().is_empty());
    }

    #[test]
    fn mount_points_are_unescaped() {
        let text = "30 1 0:2 / /srv/a\\040b rw - tmpfs tmpfs rw\n";
        assert_eq!(mount_points(text), [PathBuf::from("/srv/a b")]);
    }
}
