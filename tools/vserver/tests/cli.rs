// SPDX-License-Identifier: GPL-2.0

//! The command line as users meet it: exit statuses, messages, JSON. Runs on any kernel, as any
//! user.

mod host;

use host::Host;
use serde_json::Value;
use std::fs;
use std::path::Path;

/// Whether the machine runs a kernel that can run guests: then some statuses differ.
fn kernel_has_vserver() -> bool {
    Path::new("/proc/virtual").exists()
}

#[test]
fn created_guests_are_described_and_listed() {
    let host = Host::new();
    let answer = host.create(&["web", "--hostname", "w1", "--", "/bin/sh", "-c", "echo $1"]);
    assert_eq!(answer.status, 0, "{}", answer.errors);
    assert!(
        answer.output.contains("context id 1000"),
        "{}",
        answer.output
    );
    let text = host.read("web");
    assert!(text.contains("xid = 1000\n"), "{text}");
    assert!(
        text.contains("init = [\"/bin/sh\", \"-c\", \"echo $1\"]"),
        "{text}"
    );
    let answer = host.create(&["db", "--xid", "77", "--json"]);
    assert_eq!(answer.json()["xid"], 77);
    assert_eq!(answer.json()["hostname"], "db");
    assert_eq!(answer.json()["init"][0], "/sbin/init");
    assert_eq!(host.create(&["third", "--json"]).json()["xid"], 1001);
    let list = host.call(&["list"]);
    assert_eq!(list.status, 0, "{}", list.errors);
    let names: Vec<&str> = list
        .output
        .lines()
        .filter_map(|line| line.split(' ').next())
        .collect();
    assert_eq!(&names[..4], ["NAME", "db", "third", "web"]);
}

#[test]
fn an_existing_guest_is_not_overwritten() {
    let host = Host::new();
    host.create(&["web"]);
    let before = host.read("web");
    let answer = host.create(&["web", "--xid", "7"]);
    assert_eq!(answer.status, 22);
    assert!(answer.errors.contains("remedy: "), "{}", answer.errors);
    assert_eq!(host.read("web"), before);
}

#[test]
fn an_id_of_another_guest_is_refused() {
    let host = Host::new();
    host.create(&["web", "--xid", "42"]);
    let answer = host.create(&["db", "--xid", "42"]);
    assert_eq!(answer.status, 16);
    assert!(answer.errors.contains("\"web\""), "{}", answer.errors);
    assert!(!host.file("db").exists());
}

#[test]
fn a_missing_root_is_refused() {
    let host = Host::new();
    for root in ["/no/such/root", "/dev/null", "/"] {
        let answer = host.call(&["create", "web", "--root", root]);
        assert_eq!(answer.status, 17, "{root}: {}", answer.errors);
        assert!(answer.errors.contains(root), "{}", answer.errors);
    }
    assert!(!host.config().exists());
}

#[test]
fn wrong_usage_has_its_own_status() {
    let host = Host::new();
    for words in [
        &["frobnicate"][..],
        &["create", "web"],
        &["create", "../web", "--root", "/srv"],
        &["create", "web", "--root", "/srv", "--xid", "1"],
        &["create", "web", "--root", "/srv", "--xid", "65536"],
        &["exec", "web"],
        &["stop", "web", "--timeout", "-1"],
        &["reboot", "web", "--timeout", "soon"],
        &["wait", "web", "--timeout", "-1"],
        &["wait"],
        &["info"],
        &["info", "1"],
        &["info", "65536"],
        &["set", "web"],
        &["set", "--flag", "virt_mem"],
        &["set", "web", "--flag", "pink"],
        &["set", "web", "--flag", ""],
        &["set", "web", "--flag", "virt_mem,,virt_cpu"],
        &["set", "web", "--flag", "virt_mem,~virt_mem"],
        &["set", "web", "--ccap", "pink"],
        &["set", "web", "--bcap", "!pink"],
        &["set", "web", "--umask", "pink"],
        &["set", "web", "--hostname", "a b"],
        &["set", "web", "--badness", "much"],
        &["set", "web", "--prio-bias", "21"],
        &["set", "web", "--limit", "nproc"],
        &["set", "web", "--limit", "cpu=5"],
        &["set", "web", "--limit", "nproc=20:10"],
        &["set", "web", "--mem"],
        &["stat", "web", "--json", "--openmetrics"],
        &["show", "a/b"],
    ] {
        let answer = host.call(words);
        assert_eq!(answer.status, 2, "{words:?}: {}", answer.errors);
        assert!(!answer.errors.is_empty());
    }
    let answer = host.create(&["web", "--hostname", "not a name"]);
    assert_eq!(answer.status, 2, "{}", answer.errors);
    assert!(!host.file("web").exists());
}

#[test]
fn unknown_guests_are_told_by_every_command() {
    let host = Host::new();
    for words in [
        &["start", "web"][..],
        &["stop", "web"],
        &["show", "web"],
        &["info", "web"],
        &["set", "web", "--badness", "-5"],
        &["reboot", "web"],
        &["wait", "web"],
        &["destroy", "web"],
        &["enter", "web"],
        &["exec", "web", "--", "ps"],
        &["net", "web", "show"],
    ] {
        let answer = host.call(words);
        assert_eq!(answer.status, 13, "{words:?}");
        assert!(answer.errors.contains("\"web\""), "{}", answer.errors);
        assert!(answer.errors.contains("remedy: "), "{}", answer.errors);
    }
}

#[test]
fn a_broken_description_shows_its_place() {
    let host = Host::new();
    host.write("web", "xid = 42\nroot = \"/srv/web\"\nhostnam = \"x\"\n");
    let answer = host.call(&["show", "web"]);
    assert_eq!(answer.status, 18);
    let file = host.file("web");
    let place = format!("{}:3:1: ", file.display());
    assert!(answer.errors.contains(&place), "{}", answer.errors);
    assert!(
        answer.errors.contains("3 | hostnam = \"x\""),
        "{}",
        answer.errors
    );
    let error = host.call(&["--json", "start", "web"]).error();
    assert_eq!(error["status"], 18);
    assert_eq!(error["reason"], "broken-configuration");
    assert!(error["message"].as_str().unwrap().contains(&place));
    assert!(!error["remedy"].as_str().unwrap().is_empty());
}

#[test]
fn the_list_shows_broken_descriptions_beside_the_others() {
    let host = Host::new();
    host.create(&["web"]);
    host.write("bad", "xid = 'no'\n");
    let list = host.call(&["list", "--json"]).json();
    assert_eq!(list[0]["name"], "bad");
    assert_eq!(list[0]["state"], "broken");
    assert!(
        list[0]["error"]
            .as_str()
            .unwrap()
            .contains("bad.toml:1:7: ")
    );
    assert_eq!(list[1]["name"], "web");
    assert_eq!(list[1]["xid"], 1000);
    assert_eq!(list[1]["configured"], true);
    assert_eq!(list[1]["root"], host.root().to_str().unwrap());
    for key in ["tasks", "pid", "uptime_seconds"] {
        assert!(list[1][key].is_null(), "{key}");
    }
    // A new guest could get the id of the broken one.
    assert_eq!(host.create(&["db"]).status, 18);
}

#[test]
fn show_has_the_whole_description() {
    let host = Host::new();
    host.write(
        "web",
        "xid = 42\nroot = '/srv/web'\ncaps = ['NET_RAW']\ndrop = ['KILL']\n\
         stop-signal = 'SIGRTMIN+3'\nenv = { A = 'b' }\n\
         mounts = [{ source = '/srv/data', target = '/data', options = ['ro'] }]\n",
    );
    let show = host.call(&["show", "web", "--json"]).json();
    assert_eq!(show["name"], "web");
    assert_eq!(show["xid"], 42);
    assert_eq!(show["hostname"], "web");
    assert_eq!(show["stop_signal"], "SIGRTMIN+3");
    assert_eq!(show["env"]["A"], "b");
    assert_eq!(show["mounts"][0]["type"], "bind");
    let capabilities = show["capabilities"].as_array().unwrap();
    assert!(capabilities.contains(&Value::from("NET_RAW")));
    assert!(!capabilities.contains(&Value::from("KILL")));
    assert!(show["context"].is_null());
    let text = host.call(&["show", "web"]).output;
    assert!(text.contains("host name      web\n"), "{text}");
    assert!(text.contains("pid namespace  own\n"), "{text}");
}

#[test]
fn a_kernel_without_the_call_is_told() {
    if kernel_has_vserver() {
        // Covered by the scenarios that run on such a kernel.
        return;
    }
    let host = Host::new();
    host.create(&["web"]);
    for words in [
        &["start", "web"][..],
        &["stop", "web"],
        &["enter", "web"],
        &["exec", "web", "--", "ps"],
        &["info", "web"],
        &["info", "42"],
        &["set", "web", "--flag", "~hide_vinfo"],
        &["reboot", "web"],
        &["wait", "web", "--timeout", "1"],
        &["kernel"],
    ] {
        let answer = host.call(words);
        assert_eq!(answer.status, 10, "{words:?}: {}", answer.errors);
        assert!(
            answer.errors.contains("CONFIG_VSERVER"),
            "{}",
            answer.errors
        );
    }
    let answer = host.call(&["kernel", "--json"]);
    assert_eq!(answer.json()["available"], false);
    assert!(answer.json()["facilities"].is_array());
    assert!(answer.json()["additions_version"].is_null());
    assert_eq!(answer.error()["reason"], "no-system-call");
}

#[test]
fn names_that_do_not_exist_are_told_with_those_that_do() {
    let host = Host::new();
    host.create(&["web"]);
    for (option, value, message, remedy) in [
        ("--flag", "hide_vinof", "\"HIDE_VINFO\"?", "VIRT_UPTIME"),
        ("--flag", "~fakeinitt", "\"FAKEINIT\"?", "INFO_INIT"),
        ("--ccap", "secure_mnt", "\"SECURE_MOUNT\"?", "QUOTA_CTL"),
        ("--bcap", "net_rav", "\"NET_RAW\"?", "SYS_ADMIN"),
        ("--umask", "users", "\"USER\"?", "CGROUP"),
        ("--limit", "nprocs=5", "\"nproc\"?", "dentry"),
    ] {
        let answer = host.call(&["set", "web", option, value]);
        assert_eq!(answer.status, 2, "{option} {value}");
        let expected = format!("did you mean {message}");
        assert!(answer.errors.contains(&expected), "{}", answer.errors);
        let told = answer.errors.lines().last().unwrap();
        assert!(told.starts_with("  remedy: ") && told.contains(remedy));
        let error = host.call(&["set", "web", option, value, "--json"]).error();
        assert_eq!(error["reason"], "usage");
        assert_eq!(error["status"], 2);
    }
}

#[test]
fn the_words_of_a_description_are_shown() {
    let host = Host::new();
    host.write(
        "web",
        "xid = 42\nroot = '/srv/web'\nflags = ['hide_vinfo', 'fakeinit']\n\
         pid-namespace = 'shared'\nccaps = ['mount', '~ping']\numask = ['user']\n",
    );
    let show = host.call(&["show", "web", "--json"]).json();
    let flags = "INFO_INIT VIRT_MEM VIRT_UPTIME VIRT_CPU VIRT_LOAD HIDE_VINFO REBOOT_KILL";
    let names: Vec<&str> = flags.split(' ').collect();
    assert_eq!(show["flags"], serde_json::json!(names));
    let ccaps = ["SET_UTSNAME", "AUDIT_CONTROL", "SECURE_MOUNT"];
    assert_eq!(show["ccaps"], serde_json::json!(ccaps));
    assert_eq!(show["umask"], serde_json::json!(["USER"]));
    let text = host.call(&["show", "web"]).output;
    assert!(text.contains(&format!(" {flags}\n")), "{text}");
    assert_eq!(show["pid_namespace"], "shared");
    assert!(text.contains(" shared with the host\n"), "{text}");
    host.write(
        "web",
        "xid = 42\nroot = '/srv/web'\nflags = ['hide_vinof']\n",
    );
    let answer = host.call(&["show", "web"]);
    assert_eq!(answer.status, 18);
    assert!(
        answer.errors.contains("web.toml:3:10: "),
        "{}",
        answer.errors
    );
    assert!(answer.errors.contains("did you mean \"HIDE_VINFO\"?"));
}

#[test]
fn a_guest_is_created_with_its_pid_namespace() {
    let host = Host::new();
    let answer = host.create(&["web", "--pid-namespace", "shared"]);
    assert_eq!(answer.status, 0, "{}", answer.errors);
    let text = fs::read_to_string(host.file("web")).unwrap();
    assert!(text.contains("pid-namespace = \"shared\"\n"), "{text}");
    assert_eq!(host.create(&["db", "--pid-namespace", "host"]).status, 2);
    host.create(&["db"]);
    let text = fs::read_to_string(host.file("db")).unwrap();
    assert!(!text.contains("pid-namespace"), "{text}");
}

#[test]
fn a_guest_is_created_with_its_network() {
    let host = Host::new();
    let answer = host.create(&[
        "web",
        "--ip",
        "192.0.2.10/24",
        "--ip",
        "2001:db8::10/64",
        "--net",
        "own,bridge=br0",
        "--gateway",
        "192.0.2.1",
        "--dns",
        "192.0.2.53",
        "--rate",
        "100mbit,ingress=1gbit",
        "--json",
    ]);
    assert_eq!(answer.status, 0, "{}", answer.errors);
    assert_eq!(answer.json()["network"]["mode"], "own,bridge=br0");
    let text = fs::read_to_string(host.file("web")).unwrap();
    assert!(
        text.contains("[network]\nmode = \"own,bridge=br0\"\n"),
        "{text}"
    );
    let shown = host.call(&["net", "web", "show", "--json"]).json();
    assert_eq!(shown["addresses"][1], "2001:db8::10/64");
    assert_eq!(shown["rate"], "100mbit,ingress=1gbit");
    assert_eq!(shown["present"], Value::Null);
    assert_eq!(host.create(&["db"]).status, 0);
    let shown = host.call(&["net", "db", "show", "--json"]).json();
    assert_eq!(shown["mode"], "host");
}

#[test]
fn mistakes_in_a_network_are_told() {
    let host = Host::new();
    for (words, said) in [
        (&["web", "--ip", "192.0.2.300/24"][..], "192.0.2.300"),
        (&["web", "--net", "own"], "own,bridge=INTERFACE"),
        (&["web", "--net", "nat"], "\"nat\""),
        (
            &["web", "--net", "own,macvlan=eth0", "--rate", "1mbit"],
            "own,routed",
        ),
        (
            &["web", "--ip", "192.0.2.1", "--gateway", "192.0.2.2"],
            "own stack",
        ),
        (
            &["web", "--net", "own,routed", "--device", "eth0"],
            "shared",
        ),
    ] {
        let answer = host.create(words);
        assert_eq!(answer.status, 2, "{words:?}: {}", answer.errors);
        assert!(answer.errors.contains(said), "{words:?}: {}", answer.errors);
        assert!(!host.file("web").exists());
    }
}

#[test]
fn the_rate_of_a_stopped_guest_changes_in_its_description() {
    let host = Host::new();
    host.create(&["web", "--ip", "192.0.2.10/24"]);
    let rate = |word: &str| host.call(&["net", "web", "rate", word, "--json"]);
    let shown = || host.call(&["net", "web", "show", "--json"]).json();
    let answer = rate("10mbit,ingress=20mbit");
    assert_eq!(answer.status, 0, "{}", answer.errors);
    assert_eq!(answer.json()["live"], false);
    assert_eq!(shown()["rate"], "10mbit,ingress=20mbit");
    assert_eq!(shown()["traffic"], Value::Null);
    let answer = rate("10mb");
    assert_eq!(answer.status, 2);
    assert!(answer.errors.contains("is no limit"), "{}", answer.errors);
    assert_eq!(shown()["rate"], "10mbit,ingress=20mbit");
    assert_eq!(rate("none").status, 0);
    assert_eq!(shown()["rate"], Value::Null);
    host.create(&["db"]);
    let answer = host.call(&["net", "db", "rate", "1mbit"]);
    assert_eq!(answer.status, 18, "{}", answer.errors);
    assert!(answer.errors.contains("network of the host"));
}

#[test]
fn addresses_of_a_stopped_guest_change_in_its_description() {
    let host = Host::new();
    host.create(&["web", "--ip", "192.0.2.10/24"]);
    let answer = host.call(&[
        "net",
        "web",
        "add",
        "192.0.2.11/24",
        "2001:db8::11/64",
        "--json",
    ]);
    assert_eq!(answer.status, 0, "{}", answer.errors);
    assert_eq!(answer.json()["live"], false);
    assert_eq!(answer.json()["addresses"].as_array().unwrap().len(), 3);
    let answer = host.call(&["net", "web", "remove", "192.0.2.10"]);
    assert_eq!(answer.status, 0, "{}", answer.errors);
    let text = fs::read_to_string(host.file("web")).unwrap();
    assert!(
        text.contains("addresses = [\"192.0.2.11/24\", \"2001:db8::11/64\"]"),
        "{text}"
    );
    for words in [
        &["net", "web", "add", "192.0.2.11/24"],
        &["net", "web", "remove", "192.0.2.9"],
    ] {
        let answer = host.call(words);
        assert_eq!(answer.status, 2, "{}", answer.errors);
    }
    assert_eq!(fs::read_to_string(host.file("web")).unwrap(), text);
    host.create(&["db"]);
    assert_eq!(host.call(&["net", "db", "add", "192.0.2.11/24"]).status, 18);
}

#[test]
fn a_removed_guest_leaves_its_files() {
    let host = Host::new();
    host.create(&["web"]);
    fs::write(host.root().join("file"), "x").unwrap();
    let answer = host.call(&["destroy", "web"]);
    assert_eq!(answer.status, 0, "{}", answer.errors);
    assert!(!host.file("web").exists());
    assert!(host.root().join("file").exists());
}

#[test]
fn a_purge_removes_the_files_as_well() {
    let host = Host::new();
    host.create(&["web"]);
    fs::create_dir(host.root().join("etc")).unwrap();
    let answer = host.call(&["destroy", "web", "--purge", "--json"]);
    assert_eq!(answer.status, 0, "{}", answer.errors);
    assert_eq!(answer.json()["purged"], true);
    assert!(!host.root().exists() && !host.file("web").exists());
}

#[test]
fn a_purge_that_would_hit_others_removes_nothing() {
    let host = Host::new();
    host.create(&["web"]);
    host.create(&["db"]);
    let answer = host.call(&["destroy", "web", "--purge"]);
    assert_eq!(answer.status, 17);
    assert!(answer.errors.contains("\"db\""), "{}", answer.errors);
    std::os::unix::fs::symlink(host.root(), host.path("link")).unwrap();
    let link = host.path("link");
    let text = format!("xid = 7\nroot = '{}'\n", link.display());
    host.write("other", &text);
    let answer = host.call(&["destroy", "other", "--purge"]);
    assert_eq!(answer.status, 17, "{}", answer.errors);
    assert!(host.root().exists() && host.file("web").exists() && host.file("other").exists());
}

#[test]
fn help_shows_examples_and_statuses() {
    let host = Host::new();
    let help = host.call(&["--help"]);
    assert_eq!(help.status, 0);
    assert!(help.output.contains("Examples:") && help.output.contains("Exit status:"));
    for command in [
        "create",
        "start",
        "stop",
        "enter",
        "exec",
        "list",
        "show",
        "info",
        "set",
        "reboot",
        "wait",
        "destroy",
        "kernel",
        "completion",
    ] {
        let help = host.call(&[command, "--help"]);
        assert_eq!(help.status, 0, "{command}");
        assert!(help.output.contains("Examples:"), "{command}");
        assert!(help.output.contains("--json"), "{command}");
    }
}

#[test]
fn completion_scripts_know_the_commands() {
    let host = Host::new();
    for shell in ["bash", "zsh", "fish"] {
        let script = host.call(&["completion", shell]);
        assert_eq!(script.status, 0, "{shell}");
        for word in ["destroy", "reboot", "prio-bias", "HIDE_VINFO"] {
            assert!(script.output.contains(word), "{shell}: {word}");
        }
    }
    assert_eq!(host.call(&["completion", "dos"]).status, 2);
}

#[test]
fn the_option_wins_over_the_environment() {
    let host = Host::new();
    host.create(&["web"]);
    let empty = host.path("empty");
    let answer = host.call(&["list", "--json", "--config-dir", empty.to_str().unwrap()]);
    let configured = answer.json();
    let configured = configured.as_array().unwrap().iter();
    assert_eq!(
        configured.filter(|row| row["configured"] == true).count(),
        0
    );
}

#[test]
fn limits_are_created_changed_and_lifted() {
    let host = Host::new();
    let answer = host.create(&[
        "web",
        "--cpu",
        "0.5",
        "--cpu-burst",
        "2s",
        "--cpu-idle",
        "50",
        "--mem",
        "512M",
        "--swap",
        "0",
        "--pids",
        "500",
        "--json",
    ]);
    assert_eq!(answer.status, 0, "{}", answer.errors);
    assert_eq!(answer.json()["limits"]["cpu"], 0.5);
    assert_eq!(answer.json()["limits"]["cpu_idle"], 50);
    assert_eq!(answer.json()["limits"]["mem"], 512 << 20);
    let text = host.read("web");
    assert!(
        text.contains("[limits]\ncpu = 0.5\ncpu-burst = \"2s\"\ncpu-idle = 50\nmem = \"512M\"\n"),
        "{text}"
    );
    let answer = host.call(&["set", "web", "--mem", "1G", "--swap", "none", "--json"]);
    assert_eq!(answer.status, 0, "{}", answer.errors);
    assert_eq!(answer.json()["live"], false);
    let show = host.call(&["show", "web"]).output;
    assert!(
        show.lines()
            .any(|line| line.starts_with("mem ") && line.ends_with(" 1G")),
        "{show}"
    );
    assert!(
        !show.lines().any(|line| line.starts_with("swap ")),
        "{show}"
    );
    let words = [
        "set",
        "web",
        "--cpu",
        "none",
        "--cpu-burst",
        "none",
        "--cpu-idle",
        "none",
        "--mem",
        "none",
        "--pids",
        "none",
    ];
    let answer = host.call(&words);
    assert!(
        answer.output.contains("nothing is limited"),
        "{}",
        answer.output
    );
    assert!(!host.read("web").contains("limits"), "{}", host.read("web"));
}

#[test]
fn limits_that_make_no_sense_change_nothing() {
    let host = Host::new();
    for (words, told) in [
        (&["--cpu", "0"][..], "cpu cannot be \"0\""),
        (&["--cpu", "8000"], "more than this machine has"),
        (&["--cpus", "8000"], "but not 8000"),
        (&["--cpu-burst", "1s"], "without a limit cpu"),
        (&["--cpu-idle", "5"], "without a limit cpu"),
        (
            &["--cpu", "1", "--cpu-idle", "500"],
            "cpu-idle cannot be \"500\"",
        ),
        (&["--swap", "1G"], "without a limit mem"),
        (&["--mem", "1G", "--mem-high", "2G"], "above mem"),
        (&["--mem", "12Q"], "mem cannot be \"12Q\""),
        (&["--pids", "3"], "pids cannot be \"3\""),
        (
            &["--io", "/dev/null:rbps=1M"],
            "/dev/null is no block device",
        ),
        (&["--io", "/no/disk:rbps=1M"], "/no/disk"),
        (&["--io", "/dev/null:speed=1"], "no limit \"speed\""),
        (&["--io", "/dev/null:none"], "has no limits"),
    ] {
        let answer = host.create(&[&["web"], words].concat());
        assert_eq!(answer.status, 2, "{words:?}: {}", answer.errors);
        assert!(answer.errors.contains(told), "{words:?}: {}", answer.errors);
        assert!(answer.errors.contains("remedy: "), "{}", answer.errors);
        assert!(!host.file("web").exists());
    }
    host.create(&["web", "--pids", "500"]);
    let before = host.read("web");
    for words in [
        &["--weight", "50", "--swap", "0"][..],
        &["--weight", "50", "--hostname", "w2"],
        &["--weight", "50", "--io", "/dev/null:rbps=1M"],
    ] {
        let answer = host.call(&[&["set", "web"], words].concat());
        assert_eq!(answer.status, 2, "{words:?}: {}", answer.errors);
        assert_eq!(host.read("web"), before);
    }
}

#[test]
fn accounts_of_guests_that_never_ran_are_empty() {
    let host = Host::new();
    host.create(&["never-ran", "--mem", "1G"]);
    let answer = host.call(&["stat", "never-ran", "--json"]);
    assert_eq!(answer.status, 0, "{}", answer.errors);
    assert_eq!(answer.json()["since_creation"]["starts"], 0);
    assert_eq!(answer.json()["since_start"], Value::Null);
    let answer = host.call(&["stat", "--openmetrics"]);
    assert!(
        answer
            .output
            .contains("vserver_guest_memory_limit_bytes{guest=\"never-ran\"} 1073741824\n"),
        "{}",
        answer.output
    );
    assert!(answer.output.ends_with("\n# EOF\n"), "{}", answer.output);
    assert_eq!(host.call(&["stat", "other"]).status, 13);
    assert_eq!(host.call(&["stat"]).output.lines().count(), 1);
    // As the table: those that run.
    let answer = host.call(&["stat", "--json"]);
    assert_eq!(answer.json(), Value::Array(Vec::new()));
}

#[test]
fn accounts_end_with_their_guest() {
    let host = Host::new();
    host.create(&["web"]);
    let file = host.config().join("accounts/web.jsonl");
    fs::create_dir(file.parent().unwrap()).unwrap();
    let record = |run: &str, usec: u32| {
        format!("{{\"run\":\"{run}\",\"time\":1,\"starts\":1,\"user_usec\":{usec}}}\n")
    };
    let text = record("a", 1_000_000) + &record("a", 1_500_000) + &record("b", 250_000);
    fs::write(&file, text + "{\"run\":\"c\",\"st").unwrap();
    let total = host.call(&["stat", "web", "--json"]).json()["since_creation"].clone();
    assert_eq!(
        (&total["starts"], &total["cpu"]["user_seconds"]),
        (&2.into(), &1.75.into())
    );
    let text = host.call(&["stat", "web"]).output;
    assert!(
        text.contains("cpu           1.75 s user, 0.00 s system"),
        "{text}"
    );
    assert_eq!(host.call(&["destroy", "web"]).status, 0);
    assert!(!file.exists());
    // A description that was removed by hand leaves them behind.
    fs::write(&file, record("a", 1)).unwrap();
    host.create(&["web"]);
    assert!(!file.exists());
}

#[test]
fn the_completion_knows_limits_and_accounts() {
    let host = Host::new();
    for shell in ["bash", "zsh", "fish"] {
        let script = host.call(&["completion", shell]).output;
        for word in ["cpu-burst", "cpu-idle", "mem-high", "openmetrics", "stat"] {
            assert!(script.contains(word), "{word} in {shell}");
        }
    }
}
