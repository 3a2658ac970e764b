// SPDX-License-Identifier: GPL-2.0

//! Symbolic links on the way to what a guest is given of the host. They are not followed: where
//! another guest can write, it could place one that leads to files of the host.

use crate::failure::{Failure, Reason};
use std::io;
use std::path::Path;

/// Whether a path of the host was not opened because of a link.
pub fn is_link(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::ELOOP)
}

/// The failure for a path that leads through a link; `what` is what the path is for.
pub fn not_followed(what: &str, path: &Path, reason: Reason) -> Failure {
    let remedy = std::fs::canonicalize(path).map_or_else(
        |_| "write the path without links into the description".to_owned(),
        |real| {
            format!(
                "when it is you who has made the link, write what it leads to at present into the \
                 description: {}",
                real.display()
            )
        },
    );
    Failure::new(
        reason,
        format!(
            "{what} {} leads through a symbolic link, and links are not followed: another guest \
             may have made it",
            path.display()
        ),
        remedy,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn the_remedy_names_the_real_path() {
        let directory = tempfile::tempdir().unwrap();
        let real = directory.path().canonicalize().unwrap().join("real");
        let link = directory.path().join("link");
        symlink(&real, &link).unwrap();
        let failure = not_followed("mount source", &link, Reason::StartFailed);
        assert!(failure.remedy.contains("without links"), "{failure:?}");
        std::fs::create_dir(&real).unwrap();
        let failure = not_followed("mount source", &link, Reason::StartFailed);
        assert!(failure.message.contains("mount source"), "{failure:?}");
        assert!(failure.remedy.ends_with(&real.display().to_string()));
    }
}
