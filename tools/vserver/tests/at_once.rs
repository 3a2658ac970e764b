// SPDX-License-Identifier: GPL-2.0

//! Several calls of the command at once. Runs on any kernel.

mod host;

use host::{Answer, Host};
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::process::Stdio;

/// How many calls there are at once.
const MANY: usize = 12;

/// Makes calls at the same time; the words are those of each number.
fn at_once(host: &Host, words: impl Fn(usize) -> String) -> Vec<Answer> {
    let calls = (0..MANY).map(|number| {
        let words = words(number);
        let words: Vec<&str> = words.split(' ').collect();
        let mut command = host.command(&words);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    });
    // All are begun before one is waited for.
    let calls: Vec<_> = calls.collect();
    calls
        .into_iter()
        .map(|call| call.wait_with_output().unwrap().into())
        .collect()
}

fn succeeded(answer: &Answer) -> bool {
    if answer.status != 0 {
        println!("{}", answer.errors);
    }
    answer.status == 0
}

#[test]
fn guests_that_are_created_at_once_have_different_ids() {
    let host = Host::new();
    let outputs = at_once(&host, |number| format!("create g{number} --root root"));
    assert!(outputs.iter().all(succeeded));
    let line = |number| {
        let text = host.read(&format!("g{number}"));
        let line = text.lines().find(|line| line.starts_with("xid = "));
        line.unwrap().to_owned()
    };
    let ids: BTreeSet<String> = (0..MANY).map(line).collect();
    assert_eq!(ids.len(), MANY, "{ids:?}");
}

#[test]
fn an_address_is_given_to_one_of_those_who_ask_at_once() {
    let host = Host::new();
    let words = "--root root --ip 192.0.2.10/24 --device eth0";
    let outputs = at_once(&host, |number| format!("create g{number} {words}"));
    let lucky = outputs.iter().filter(|output| output.status == 0);
    assert_eq!(lucky.count(), 1);
}

#[test]
fn changes_at_once_are_all_made() {
    // The locks are below /run.
    if fs::metadata("/proc/self").unwrap().uid() != 0 {
        return;
    }
    let host = Host::new();
    // Its locks are those of every guest of this name on the machine.
    let name = &format!("test-at-once-{}", std::process::id());
    let words = ["create", name, "--root", "root", "--ip", "192.0.2.100/24"];
    assert!(succeeded(&host.call(&words)));
    let outputs = at_once(&host, |number| match number % 3 {
        0 => format!("net {name} add 192.0.2.1{number}/24"),
        1 => format!("net {name} add 2001:db8::{number}/64"),
        _ => format!(
            "set {name} {}",
            ["--pids 64", "--files 512", "--weight 50", "--cpu 0.5"][number / 3]
        ),
    });
    let removed = ["lock", "stop", "file"].map(|kind| format!("/run/vserver/{name}.{kind}"));
    for file in removed {
        let _ = fs::remove_file(file);
    }
    // A machine without controllers has no limits.
    let refused: Vec<String> = outputs
        .iter()
        .filter(|output| output.status != 0)
        .map(|output| output.errors.clone())
        .collect();
    assert!(refused.is_empty(), "{refused:?}");
    let text = host.read(name);
    for number in 0..MANY {
        let part = match number % 3 {
            0 => format!("192.0.2.1{number}/24"),
            1 => format!("2001:db8::{number}/64"),
            _ => ["pids", "files", "weight", "cpu"][number / 3].to_owned(),
        };
        assert!(text.contains(&part), "{part} is lost: {text}");
    }
}
