// SPDX-License-Identifier: GPL-2.0

//! Names, paths and command lines that make no sense, or need care. Runs on any kernel, as any user.

mod host;

use host::{Answer, Host};
use std::process::Command;

#[test]
fn names_of_the_kernels_files_are_refused() {
    let host = Host::new();
    let answer = host.create(&["cgroup.procs"]);
    assert_eq!(answer.status, 2, "{}", answer.errors);
    assert!(answer.errors.contains("cgroup-procs"), "{}", answer.errors);
    assert!(!host.config().exists());
}

#[test]
fn paths_that_are_no_text_are_told_all_the_same() {
    use std::os::unix::ffi::OsStrExt;
    let host = Host::new();
    let config = host
        .path("")
        .join(std::ffi::OsStr::from_bytes(b"guests-\xff"));
    let call = |words: &[&str]| -> Answer {
        let mut command = Command::new(env!("CARGO_BIN_EXE_vserver"));
        command.env("VSERVER_CONFIG_DIR", &config).args(words);
        command.output().unwrap().into()
    };
    let root = host.root();
    let answer = call(&["create", "web", "--json", "--root", root.to_str().unwrap()]);
    assert_eq!(answer.status, 0, "{}", answer.errors);
    let file = answer.json()["file"].as_str().unwrap().to_owned();
    assert!(file.ends_with("guests-\u{fffd}/web.toml"), "{file}");
    let answer = call(&["show", "web", "--json"]);
    assert_eq!(answer.json()["file"], file.as_str(), "{}", answer.errors);
}

#[test]
fn mistakes_of_the_command_line_are_json_where_that_is_asked_for() {
    let host = Host::new();
    for (words, said) in [
        (&["--json", "start"][..], "<NAME>"),
        (&["start", "web", "--no-such", "--json"], "--no-such"),
        (&["--json", "strat", "web"], "strat"),
        (&["--json"], "subcommand"),
        (&["stat", "--json", "--openmetrics"], "--openmetrics"),
    ] {
        let answer = host.call(words);
        assert_eq!(answer.status, 2, "{words:?}");
        let error = answer.error();
        assert_eq!(
            (&error["status"], &error["reason"]),
            (&2.into(), &"usage".into())
        );
        let message = error["message"].as_str().unwrap();
        assert!(
            message.contains(said) && !message.contains('\n'),
            "{message}"
        );
        assert!(!error["remedy"].as_str().unwrap().is_empty(), "{error}");
    }
    let text = host.call(&["exec", "--no-such", "--", "ls", "--json"]);
    assert!(text.errors.starts_with("error: "), "{}", text.errors);
    assert_eq!(host.call(&["--json", "--help"]).status, 0);
}

#[test]
fn a_root_behind_a_link_is_refused() {
    let host = Host::new();
    let link = host.path("link");
    std::os::unix::fs::symlink(host.root(), &link).unwrap();
    let answer = host.call(&["create", "web", "--root", link.to_str().unwrap(), "--json"]);
    assert_eq!(answer.status, 17, "{}", answer.errors);
    let error = answer.error();
    assert!(error["message"].as_str().unwrap().contains("symbolic link"));
    let real = host.root().display().to_string();
    assert!(error["remedy"].as_str().unwrap().ends_with(&real));
    assert!(!host.file("web").exists());
}
