// SPDX-License-Identifier: GPL-2.0

//! Where supervisors live: a cgroup of their own, beside the one of the guests. In that of who has
//! started them they would be killed with the session or service, and the guests would go on
//! without.

use super::cgroup;
use std::fs;
use std::io;
use std::path::Path;

/// No cgroup is below this one, so that no controller is handed on and it may have tasks. Limits
/// that the host sets for all guests together, above those of each, are none for supervisors.
const NAME: &str = "vserver-supervisors";

/// Moves the calling process there; without cgroup2 it stays where it is.
pub(super) fn enter() -> io::Result<()> {
    cgroup::mount_point()?.map_or(Ok(()), |top| enter_below(&top))
}

fn enter_below(top: &Path) -> io::Result<()> {
    let shelter = top.join(NAME);
    fs::create_dir_all(&shelter)?;
    // The caller itself.
    cgroup::write(&shelter.join("cgroup.procs"), "0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_made_and_entered() {
        let directory = tempfile::tempdir().unwrap();
        let top = directory.path();
        // Only the kernel makes the file.
        enter_below(top).unwrap_err();
        let file = top.join("vserver-supervisors/cgroup.procs");
        fs::write(&file, "").unwrap();
        enter_below(top).unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "0\n");
    }
}
