// SPDX-License-Identifier: GPL-2.0

//! What `vserver destroy` leaves. Runs on any kernel, as any user.

use std::fs;
use std::process::Command;

#[test]
fn logs_end_with_their_guest() {
    let directory = tempfile::tempdir().unwrap();
    let call = |words: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_vserver"));
        command.args(words).current_dir(directory.path());
        // A directory that is given as seen from here, as a user may do it.
        let output = command
            .env("VSERVER_CONFIG_DIR", "vservers")
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let root = directory.path().to_str().unwrap();
    call(&["create", "web", "--root", root]);
    let logs = fs::canonicalize(directory.path())
        .unwrap()
        .join("vservers/logs");
    let log = logs.join("web.log").display().to_string();
    let shown = call(&["show", "web", "--json"]);
    assert!(shown.contains(&log), "{shown}");
    fs::create_dir(&logs).unwrap();
    for name in ["web.log", "web.log.1", "db.log"] {
        fs::write(logs.join(name), "of an old customer").unwrap();
    }
    call(&["destroy", "web"]);
    let left = fs::read_dir(&logs).unwrap();
    let left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["db.log"]);
}
