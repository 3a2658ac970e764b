// SPDX-License-Identifier: GPL-2.0

//! Starts guests in real namespaces, over the modelled `vserver()`: everything that the command
//! asks of the kernel beside that call. Needs root; each case runs in a process of its own,
//! because the command works in a single thread.

#[path = "namespaces/exec.rs"]
mod exec;
#[path = "namespaces/supervision.rs"]
mod supervision;
#[path = "namespaces/terminal.rs"]
mod terminal;

use libvserver::Vserver;
use libvserver::abi::vxf;
use libvserver::fake::Fake;
use std::collections::BTreeSet;
use std::fs;
use std::os::fd::AsRawFd;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;
use vserver::description;
use vserver::execute;
use vserver::failure::{Outcome, Reason};
use vserver::guest::Guest;
use vserver::linux::companion::{Signals, accompany};
use vserver::linux::streams::Streams;
use vserver::linux::{Layout, Linux, sealed, supervisor};
use vserver::removal::{Files, remove_tree};
use vserver::start::{Running, exit_status_of, launch, prepare};
use vserver::system::{Program, System, Waited};

type Machine = Linux<Fake>;

/// A case: its name and what it does.
type Case = (&'static str, fn(&Bench));

const CASES: &[Case] = &[
    (
        "the_program_runs_from_a_sealed_copy",
        the_program_runs_from_a_sealed_copy,
    ),
    ("the_guest_sees_its_own_world", the_guest_sees_its_own_world),
    (
        "the_guest_cannot_change_the_kernel",
        the_guest_cannot_change_the_kernel,
    ),
    (
        "rights_files_and_signals_are_clean",
        rights_files_and_signals_are_clean,
    ),
    (
        "a_guest_takes_neither_all_terminals_nor_all_cgroups",
        a_guest_takes_neither_all_terminals_nor_all_cgroups,
    ),
    (
        "what_is_mounted_meanwhile_is_not_removed",
        what_is_mounted_meanwhile_is_not_removed,
    ),
    (
        "nothing_is_inherited_from_the_caller",
        nothing_is_inherited_from_the_caller,
    ),
    ("the_exit_status_is_passed_on", the_exit_status_is_passed_on),
    (
        "a_missing_init_leaves_nothing",
        a_missing_init_leaves_nothing,
    ),
    (
        "a_link_in_place_of_proc_is_refused",
        a_link_in_place_of_proc_is_refused,
    ),
    (
        "links_on_the_way_are_not_followed",
        links_on_the_way_are_not_followed,
    ),
    (
        "a_cancelled_start_leaves_nothing",
        a_cancelled_start_leaves_nothing,
    ),
    (
        "a_guest_in_the_background_is_logged",
        supervision::a_guest_in_the_background_is_logged,
    ),
    (
        "what_a_killed_supervisor_leaves_is_cleared",
        supervision::what_a_killed_supervisor_leaves_is_cleared,
    ),
    (
        "a_guest_that_prints_without_end_waits",
        supervision::a_guest_that_prints_without_end_waits,
    ),
    (
        "a_guest_that_reboots_is_started_again",
        a_guest_that_reboots_is_started_again,
    ),
    (
        "a_guest_in_the_background_is_started_again",
        a_guest_in_the_background_is_started_again,
    ),
    (
        "a_guest_that_is_being_stopped_is_not_started_again",
        a_guest_that_is_being_stopped_is_not_started_again,
    ),
    (
        "a_wait_leaves_no_thread_that_forbids_a_start",
        a_wait_leaves_no_thread_that_forbids_a_start,
    ),
    (
        "a_command_joins_without_files_of_the_host",
        a_command_joins_without_files_of_the_host,
    ),
    ("a_missing_command_is_told", a_missing_command_is_told),
    (
        "a_command_that_is_held_up_can_be_cancelled",
        exec::a_command_that_is_held_up_can_be_cancelled,
    ),
    (
        "a_command_has_a_place_of_its_own_below_distributed_cgroups",
        exec::a_command_has_a_place_of_its_own_below_distributed_cgroups,
    ),
    (
        "a_command_on_its_way_in_ends_with_its_starter",
        exec::a_command_on_its_way_in_ends_with_its_starter,
    ),
    (
        "a_command_has_a_terminal_of_its_own",
        terminal::a_command_has_a_terminal_of_its_own,
    ),
    (
        "the_end_of_a_command_leaves_nobody_at_the_terminal",
        terminal::the_end_of_a_command_leaves_nobody_at_the_terminal,
    ),
    (
        "a_command_that_is_not_typed_to_only_prints",
        terminal::a_command_that_is_not_typed_to_only_prints,
    ),
    (
        "a_command_without_streams_of_the_terminal_does_not_reach_it",
        terminal::a_command_without_streams_of_the_terminal_does_not_reach_it,
    ),
    (
        "a_shell_can_stop_a_command_and_continue_it",
        terminal::a_shell_can_stop_a_command_and_continue_it,
    ),
    (
        "a_terminal_that_a_pager_uses_is_left_to_it",
        terminal::a_terminal_that_a_pager_uses_is_left_to_it,
    ),
    (
        "signals_from_others_reach_the_command",
        terminal::signals_from_others_reach_the_command,
    ),
    (
        "a_stopped_command_gives_the_terminal_back",
        terminal::a_stopped_command_gives_the_terminal_back,
    ),
];

/// A root directory that shows the programs of the host, and a place for logs and locks.
struct Bench {
    directory: tempfile::TempDir,
    fake: Fake,
    system: Machine,
}

impl Bench {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().join("root");
        for name in ["proc", "sys", "dev", "run", "tmp", "usr"] {
            fs::create_dir_all(root.join(name)).unwrap();
        }
        for name in ["bin", "sbin", "lib", "lib64"] {
            symlink(format!("usr/{name}"), root.join(name)).unwrap();
        }
        let fake = Fake::new();
        let layout = Layout {
            logs: directory.path().join("logs"),
            locks: directory.path().join("locks"),
            accounts: directory.path().join("accounts"),
        };
        Self {
            system: Linux::new(fake.clone(), layout),
            directory,
            fake,
        }
    }

    fn root(&self) -> PathBuf {
        self.directory.path().join("root")
    }

    fn guest(&self) -> Guest {
        let name = format!("test-{}", std::process::id());
        let text = format!(
            "xid = 42\nroot = '{}'\nhostname = 'inner'\nenv = {{ COLOUR = 'red' }}\n\
             mounts = [{{ source = '/usr', target = '/usr', options = ['ro'] }},\n\
             {{ source = 'tmpfs', target = '/var/cache', type = 'tmpfs', options = ['mode=700'] }}]\n",
            self.root().display()
        );
        description::parse(&name, Path::new("test.toml"), &text).unwrap()
    }

    fn start(&self, words: &[&str]) -> Outcome<Running<Machine>> {
        let guest = self.guest();
        let lock = prepare(&self.system, &guest)?;
        launch(&self.system, &guest, &program(&guest, words), lock)
    }

    /// Runs a shell script as pid 1; returns its exit status and what it printed.
    fn run(&self, script: &str) -> (u8, String) {
        let status = self.run_words(&["/bin/sh", "-c", script]);
        (exit_status_of(status), self.log())
    }

    /// Runs a program as pid 1; returns its wait status.
    fn run_words(&self, words: &[&str]) -> i32 {
        let guest = self.guest();
        let running = self.start(words).unwrap();
        let words = program(&guest, words);
        supervisor::supervise(&self.system, &guest, &words, running, None).unwrap()
    }

    fn log(&self) -> String {
        fs::read_to_string(self.system.log_file(&self.guest().name)).unwrap()
    }

    fn assert_clean(&self, mounts: &BTreeSet<String>) {
        assert_eq!(&mount_points(), mounts, "mounts of the host");
        assert_eq!(self.system.find_cgroup(&self.guest().name), None);
        let lock = self.system.lock(&self.guest().name, Duration::ZERO);
        assert!(lock.unwrap().is_some(), "the lock is free");
        let children = fs::read_to_string("/proc/thread-self/children").unwrap();
        assert_eq!(children, "", "children");
    }
}

fn program(guest: &Guest, words: &[&str]) -> Program {
    Program {
        words: words.iter().map(|word| (*word).to_owned()).collect(),
        env: guest.environment("vt100"),
    }
}

fn mount_points() -> BTreeSet<String> {
    let text = fs::read_to_string("/proc/self/mountinfo").unwrap();
    text.lines().map(str::to_owned).collect()
}

/// Asserts that the output has this line.
fn has(output: &str, line: &str) {
    assert!(
        output.lines().any(|found| found == line),
        "no \"{line}\" in:\n{output}"
    );
}

fn the_program_runs_from_a_sealed_copy(_: &Bench) {
    let program = Path::new("/proc/self/exe");
    let link = fs::read_link(program).unwrap();
    assert!(link.starts_with("/memfd:vserver (deleted)"), "{link:?}");
    let error = fs::OpenOptions::new().write(true).open(program);
    assert!(error.is_err(), "the program can be written");
    assert_eq!(fs::read_to_string("/proc/self/comm").unwrap(), "vserver\n");
    let files = fs::read_dir("/proc/self/fd").unwrap();
    // The standard ones and the directory.
    assert_eq!(files.count(), 4);
}

fn the_guest_sees_its_own_world(bench: &Bench) {
    fs::write(bench.root().join("mark"), "of the guest").unwrap();
    let mounts = mount_points();
    let of_host = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    let (status, output) = bench.run(
        "echo pid $$; echo host $(uname -n); cat /mark; echo\n\
         echo dev $(ls /dev)\n\
         echo processes $(set -- /proc/[0-9]*; echo $#)\n\
         echo colour $COLOUR; echo container $container; echo term $TERM\n\
         echo usr $(touch /usr/x 2>/dev/null || echo read-only)\n\
         echo cache $(stat -c %a /var/cache) $(stat -f -c %T /var/cache)\n\
         echo run $(stat -f -c %T /run) $(stat -c %a /run/lock)\n\
         echo up $(cut -d. -f1 /proc/uptime | sed 's/^[0-9]$/few/; s/^[0-9][0-9]$/few/')\n\
         boot=/proc/sys/kernel/random/boot_id; cat $boot; stat -c %a $boot; grep -cE '^[0-9a-f-]{36}$' $boot; ls -A /run\n\
         echo roots $(cut -d' ' -f5 /proc/self/mountinfo | grep -c '^/$')\n\
         echo shared $(grep -c shared: /proc/self/mountinfo)\n\
         echo console $(tty); test -t 1 && echo terminal; : > /dev/null && echo null\n\
         ls -d /proc/1/root/etc 2>/dev/null; exit 0",
    );
    assert_eq!(status, 0, "{output}");
    has(&output, "pid 1");
    has(&output, "host inner");
    has(&output, "of the guest");
    has(
        &output,
        "dev console fd full null ptmx pts random shm stderr stdin stdout tty urandom zero",
    );
    // The shell and its copy for the command in brackets.
    has(&output, "processes 2");
    has(&output, "colour red");
    has(&output, "container vserver");
    has(&output, "term vt100");
    has(&output, "usr read-only");
    has(&output, "cache 700 tmpfs");
    has(&output, "run tmpfs 1777");
    has(&output, "up few");
    has(&output, "1");
    has(&output, "444");
    assert!(!output.contains(of_host.trim_end()), "{output}");
    assert!(!output.contains(".boot_id"), "{output}");
    has(&output, "roots 1");
    has(&output, "shared 0");
    has(&output, "console /dev/console");
    has(&output, "terminal");
    has(&output, "null");
    bench.assert_clean(&mounts);
}

fn the_guest_cannot_change_the_kernel(bench: &Bench) {
    let (status, output) = bench.run(
        "w() { (echo 1 > $1) 2>/dev/null && echo wrote $1; }\n\
         w /proc/sys/kernel/printk; w /proc/irq/default_smp_affinity; w /sys/kernel/uevent_seqnum\n\
         w /proc/sys/vm/drop_caches\n\
         for f in kcore kmsg timer_list sysrq-trigger keys; do\n\
           test -e /proc/$f && test -s /proc/$f && echo size $f\n\
           test -e /proc/$f && test \"$(head -c 1 /proc/$f | wc -c)\" != 0 && echo read $f\n\
         done\n\
         ls -A /sys/firmware 2>/dev/null\n\
         echo with-nodes $(grep -vE ' /(dev|proc)[/ ]' /proc/mounts | grep -vc nodev)\n\
         exit 0",
    );
    assert_eq!(status, 0, "{output}");
    has(&output, "with-nodes 0");
    assert!(!output.contains("wrote"), "{output}");
    assert!(
        !output.contains("size") && !output.contains("read"),
        "{output}"
    );
}

fn rights_files_and_signals_are_clean(bench: &Bench) {
    // Without a shell, which opens files and blocks signals of its own.
    bench.run_words(&["cat", "/proc/self/status"]);
    bench.run_words(&["ls", "-l", "/proc/self/fd", "/proc/self/cwd"]);
    let output = bench.log();
    has(
        &output,
        &format!("CapBnd:\t{:016x}", bench.guest().capabilities),
    );
    has(&output, "CapInh:\t0000000000000000");
    has(&output, "CapAmb:\t0000000000000000");
    has(&output, "SigIgn:\t0000000000000000");
    has(&output, "SigBlk:\t0000000000000000");
    has(&output, "Uid:\t0\t0\t0\t0");
    has(&output, "Gid:\t0\t0\t0\t0");
    has(&output, "Umask:\t0022");
    let links: Vec<&str> = output
        .lines()
        .filter_map(|line| line.split_once(" -> "))
        .map(|(_, target)| target)
        .collect();
    // The working directory, the standard files, and the directory that is listed.
    let [cwd, standard @ .., listed] = &links[..] else {
        panic!("{output}")
    };
    assert_eq!(*cwd, "/");
    assert!(standard.len() == 3 && standard.iter().all(|file| file.starts_with("/dev/")));
    assert!(listed.starts_with("/proc/"), "{output}");
    assert!(
        output.lines().any(|line| line.trim_end() == "Groups:"),
        "{output}"
    );
}

fn a_guest_takes_neither_all_terminals_nor_all_cgroups(bench: &Bench) {
    let mounts = mount_points();
    let (_, output) = bench.run("grep ' /dev/pts ' /proc/mounts");
    assert!(output.contains("max=256"), "{output}");
    let guest = bench.guest();
    let words = program(&guest, &["/bin/sh", "-c", "read line < /end"]);
    let end = bench.root().join("end");
    assert!(Command::new("mkfifo").arg(&end).status().unwrap().success());
    let running = bench.start(&["/bin/sh", "-c", "read line < /end"]).unwrap();
    if let Some(cgroup) = bench.system.find_cgroup(&guest.name) {
        let read = |file: &str| bench.system.read_cgroup(&guest.name, file).unwrap();
        assert_eq!(read("cgroup.max.descendants"), "2000\n");
        assert_eq!(read("cgroup.max.depth"), "32\n");
        // Their path becomes longer than the kernel takes.
        let mut level = fs::File::open(&cgroup.path).unwrap();
        for depth in 1.. {
            let below = format!("/proc/self/fd/{}/{}", level.as_raw_fd(), "x".repeat(200));
            if let Err(error) = fs::create_dir(&below) {
                assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock, "{error}");
                assert_eq!(depth, 33);
                break;
            }
            level = fs::File::open(below).unwrap();
        }
    }
    fs::write(&end, "\n").unwrap();
    supervisor::supervise(&bench.system, &guest, &words, running, None).unwrap();
    bench.assert_clean(&mounts);
}

fn what_is_mounted_meanwhile_is_not_removed(bench: &Bench) {
    let (data, place) = (
        bench.directory.path().join("data"),
        bench.root().join("a/b"),
    );
    for path in [&data, &place] {
        fs::create_dir_all(path).unwrap();
    }
    fs::write(data.join("kept"), "").unwrap();
    let call = |words: &[&str]| {
        Command::new(words[0])
            .args(&words[1..])
            .arg(&place)
            .status()
    };
    let mounted = call(&["mount", "--bind", data.to_str().unwrap()]);
    assert!(mounted.unwrap().success());
    let result = remove_tree(&bench.root(), Files::Go, Duration::ZERO);
    assert!(call(&["umount"]).unwrap().success());
    assert_eq!(result.unwrap_err().kind(), std::io::ErrorKind::ResourceBusy);
    assert!(data.join("kept").exists());
    remove_tree(&bench.root(), Files::Go, Duration::ZERO).unwrap();
    assert!(!bench.root().exists() && data.join("kept").exists());
}

/// What `run_case` gives every case is not what the guest has.
fn nothing_is_inherited_from_the_caller(bench: &Bench) {
    let own = |file: &str| fs::read_to_string(Path::new("/proc/self").join(file)).unwrap();
    let limit = |limits: &str, name: &str| -> Vec<String> {
        let line = limits.lines().find_map(|line| line.strip_prefix(name));
        let words = line.unwrap().split_whitespace();
        words.take(2).map(str::to_owned).collect()
    };
    let processors = |status: &str| {
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("Cpus_allowed_list:\t"));
        line.unwrap().trim_end().to_owned()
    };
    // The fields after the name, which has no blanks here: niceness and policy.
    let field = |stat: &str, number: usize| stat.split(' ').nth(number - 1).unwrap().to_owned();
    let schedule = |stat: &str| [field(stat, 19), field(stat, 41)];
    assert_eq!(own("oom_score_adj"), "300\n", "the case has it");
    assert_eq!(schedule(&own("stat")), ["5", "3"], "the case has it");
    assert_eq!(limit(&own("limits"), "Max open files")[0], "200");
    bench.run_words(&[
        "cat",
        "/proc/self/stat",
        "/proc/self/status",
        "/proc/self/limits",
        "/proc/self/oom_score_adj",
    ]);
    let output = bench.log();
    assert_eq!(schedule(&output), ["0", "0"], "{output}");
    has(&output, "0");
    has(&output, "Umask:\t0022");
    let all = std::env::var("VSERVER_TEST_PROCESSORS").unwrap();
    assert_eq!(processors(&output), all);
    let hard = &limit(&own("limits"), "Max open files")[1];
    // Who may not raise limits keeps a lower one.
    let hard = if output.contains(" 524288 ") {
        "524288"
    } else {
        hard
    };
    assert_eq!(limit(&output, "Max open files"), ["1024", hard]);
    assert_eq!(limit(&output, "Max core file size")[0], "0");
    assert_eq!(limit(&output, "Max stack size")[0], "8388608");
    assert_eq!(limit(&output, "Max locked memory"), ["8388608"; 2]);
    assert_eq!(limit(&output, "Max file size"), ["unlimited"; 2]);
}

fn the_exit_status_is_passed_on(bench: &Bench) {
    let mounts = mount_points();
    let (status, output) = bench.run("printf 'last words'; exit 42");
    assert_eq!(status, 42);
    assert!(output.contains("last words"), "{output}");
    assert!(output.contains("has ended (exit status 42)"), "{output}");
    bench.assert_clean(&mounts);
}

fn a_missing_init_leaves_nothing(bench: &Bench) {
    let mounts = mount_points();
    let failure = bench.start(&["/sbin/no-such-init"]).unwrap_err();
    assert_eq!(failure.reason, Reason::StartFailed);
    assert!(
        failure.message.contains("/sbin/no-such-init"),
        "{failure:?}"
    );
    assert!(failure.message.contains("ENOENT"), "{failure:?}");
    bench.assert_clean(&mounts);
}

fn a_link_in_place_of_proc_is_refused(bench: &Bench) {
    let mounts = mount_points();
    fs::remove_dir(bench.root().join("proc")).unwrap();
    symlink("/tmp", bench.root().join("proc")).unwrap();
    let failure = bench.start(&["/bin/true"]).unwrap_err();
    assert!(
        failure.message.contains("/proc of the guest"),
        "{failure:?}"
    );
    assert!(failure.message.contains("ENOTDIR"), "{failure:?}");
    bench.assert_clean(&mounts);
}

/// A guest whose files are on the way to those of another may replace them by a link at any moment.
fn links_on_the_way_are_not_followed(bench: &Bench) {
    let mounts = mount_points();
    let base = bench.directory.path();
    let (data, moved) = (base.join("web/data"), base.join("web/moved"));
    fs::create_dir_all(data.join("root")).unwrap();
    let mut with_source = bench.guest();
    with_source.mounts[0].source = data.join("root").display().to_string();
    let mut with_root = bench.guest();
    with_root.root = data.join("root");
    for (guest, what) in [(with_source, "mount source"), (with_root, "root directory")] {
        let words = program(&guest, &["/bin/true"]);
        let claim = prepare(&bench.system, &guest).unwrap();
        fs::rename(&data, &moved).unwrap();
        symlink(&moved, &data).unwrap();
        let failure = launch(&bench.system, &guest, &words, claim).unwrap_err();
        assert!(failure.message.starts_with(what), "{failure:?}");
        let failure = prepare(&bench.system, &guest).unwrap_err();
        assert!(failure.message.starts_with(what), "{failure:?}");
        let real = moved.join("root").display().to_string();
        assert!(failure.remedy.ends_with(&real), "{failure:?}");
        fs::remove_file(&data).unwrap();
        fs::rename(&moved, &data).unwrap();
        bench.assert_clean(&mounts);
    }
}

fn a_cancelled_start_leaves_nothing(bench: &Bench) {
    let mounts = mount_points();
    // A file is always readable, so the user has given up from the start.
    let readable = fs::File::open("/etc/hostname").or_else(|_| fs::File::open("/etc/passwd"));
    bench.system.cancel_by(readable.unwrap().into());
    let failure = bench.start(&["/bin/sleep", "1000"]).unwrap_err();
    assert_eq!(failure.reason, Reason::StartFailed);
    assert!(failure.message.contains("cancelled"), "{failure:?}");
    bench.assert_clean(&mounts);
}

/// Shell script of a guest that reboots twice and then halts. It acts as pid 1 of a guest only: it
/// would be the machine's own end.
fn reboots() -> String {
    let call = |command: &str| {
        format!(
            "exec perl -e 'exit 9 if $$ != 1; syscall({}, 0xfee1dead, 672274793, {command}, 0); exit 8'",
            libc::SYS_reboot
        )
    };
    format!(
        "test $$ = 1 || exit 9; echo life >> /lives; echo life $(wc -l < /lives)\n\
         case $(wc -l < /lives) in [12]) {} ;; *) {} ;; esac",
        call("0x01234567"),
        call("0xcdef0123")
    )
}

fn a_guest_that_reboots_is_started_again(bench: &Bench) {
    let mounts = mount_points();
    let (status, output) = bench.run(&reboots());
    assert_eq!(status, 128 + 2, "{output}");
    for line in ["life 1", "life 2", "life 3"] {
        has(&output, line);
    }
    let count = |part: &str| output.matches(part).count();
    assert_eq!(count("has asked for a restart"), 2, "{output}");
    assert_eq!(count("has halted"), 1, "{output}");
    bench.assert_clean(&mounts);
}

fn a_guest_in_the_background_is_started_again(bench: &Bench) {
    let mounts = mount_points();
    let guest = bench.guest();
    let words = program(&guest, &["/bin/sh", "-c", &reboots()]);
    let lock = prepare(&bench.system, &guest).unwrap();
    supervisor::detach(&bench.system, &guest, &words, lock).unwrap();
    let lock = bench
        .system
        .lock(&guest.name, Duration::from_secs(60))
        .unwrap();
    assert!(lock.is_some(), "the supervisor ends with its guest");
    let log = bench.log();
    has(&log, "life 3");
    assert!(log.contains("has halted"), "{log}");
    assert_eq!(mount_points(), mounts);
    assert_eq!(bench.system.find_cgroup(&guest.name), None);
}

fn a_guest_that_is_being_stopped_is_not_started_again(bench: &Bench) {
    let mounts = mount_points();
    let name = bench.guest().name;
    let stop = bench.system.announce_stop(&name, Duration::ZERO).unwrap();
    assert!(stop.is_some());
    let (status, output) = bench.run(&reboots());
    assert_eq!(status, 128 + 1, "{output}");
    assert!(output.contains("a command stops it"), "{output}");
    drop(stop);
    bench.assert_clean(&mounts);
}

fn a_wait_leaves_no_thread_that_forbids_a_start(bench: &Bench) {
    let task = make_context(bench);
    let wait = |patience| bench.system.wait_context(42, Some(patience)).unwrap();
    for _ in 0..3 {
        assert_eq!(wait(Duration::from_millis(20)), Waited::Lasts);
    }
    bench.fake.exit(task, 0);
    assert_eq!(wait(Duration::from_secs(60)), Waited::Gone);
    // Children are made by a single thread only.
    assert_eq!(bench.run("exit 3").0, 3);
}

/// Makes context 42 of the model, sealed, with one task, and returns that.
fn make_context(bench: &Bench) -> i32 {
    let vserver = Vserver::with(bench.fake.clone());
    let task = bench.fake.fork();
    bench.fake.run_as(task, || {
        vserver.create(42, Some(vxf::INIT_SET)).unwrap();
        vserver.set_bcaps(42, 0x3, u64::MAX).unwrap();
        vserver
            .set_flags(42, 0, vxf::STATE_SETUP | vxf::STATE_INIT)
            .unwrap();
    });
    task
}

fn a_command_joins_without_files_of_the_host(bench: &Bench) {
    make_context(bench);
    let _inherited = fs::File::open("/").unwrap();
    let output = bench.directory.path().join("output");
    let script = format!(
        "ls -m /proc/$$/fd > {0}; grep CapBnd /proc/$$/status >> {0}; exit 7",
        output.display()
    );
    let guest = bench.guest();
    let words = program(&guest, &["sh", "-c", &script]);
    let signals = Signals::catch().unwrap();
    let streams = Streams::new().unwrap();
    let mut child = execute::launch(&bench.system, &guest.name, 42, &streams, &[words]).unwrap();
    let status = accompany(&bench.system, 42, &mut child, streams, &signals).unwrap();
    assert_eq!(exit_status_of(status), 7);
    let output = fs::read_to_string(output).unwrap();
    has(&output, "CapBnd:\t0000000000000003");
    let files = output.lines().next().unwrap().split(", ");
    // The shell keeps its own standard output at 10 while it redirects that of a command.
    let files: Vec<&str> = files.filter(|number| *number != "10").collect();
    assert_eq!(files, ["0", "1", "2"]);
}

fn a_missing_command_is_told(bench: &Bench) {
    make_context(bench);
    let guest = bench.guest();
    let launch = |name: &str| {
        let words = program(&guest, &[name]);
        let streams = Streams::new().unwrap();
        execute::launch(&bench.system, &guest.name, 42, &streams, &[words]).map(drop)
    };
    let reason = |name: &str| launch(name).unwrap_err().reason;
    assert_eq!(reason("no-such-command"), Reason::CommandNotFound);
    assert_eq!(reason("/no/such/command"), Reason::CommandNotFound);
    assert_eq!(reason("/etc"), Reason::NotExecutable);
}

fn main() -> ExitCode {
    let chosen = std::env::var("VSERVER_TEST_CASE");
    if let Ok(chosen) = chosen {
        // As the command does it. Goes through main() again, with the same environment.
        sealed::go_on_in_copy().unwrap();
        let (_, run) = CASES.iter().find(|(name, _)| *name == chosen).unwrap();
        run(&Bench::new());
        return ExitCode::SUCCESS;
    }
    // As other test programs take it: names or parts of names.
    let filters: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| !word.starts_with('-'))
        .collect();
    let wanted = |name: &str| filters.is_empty() || filters.iter().any(|part| name.contains(part));
    let chosen: Vec<&Case> = CASES.iter().filter(|(name, _)| wanted(name)).collect();
    let left_out = CASES.len() - chosen.len();
    println!("\nrunning {} tests", chosen.len());
    // Only root may make these namespaces. The owner of our own entry in /proc is who we are.
    let root = std::os::unix::fs::MetadataExt::uid(&fs::metadata("/proc/self").unwrap()) == 0;
    let (mut passed, mut failed, mut ignored) = (0, 0, 0);
    for (name, _) in chosen {
        let verdict = if !root {
            ignored += 1;
            "ignored, needs root"
        } else if run_case(name) {
            passed += 1;
            "ok"
        } else {
            failed += 1;
            "FAILED"
        };
        println!("test {name} ... {verdict}");
    }
    let result = if failed == 0 { "ok" } else { "FAILED" };
    println!(
        "\ntest result: {result}. {passed} passed; {failed} failed; {ignored} ignored; \
         0 measured; {left_out} filtered out\n"
    );
    ExitCode::from(u8::from(failed != 0))
}

fn run_case(name: &str) -> bool {
    // Open in the process of the case, until that goes on in its copy.
    let mut inherited = Command::new("/bin/bash");
    let script = "exec 9</; echo 300 > /proc/self/oom_score_adj; ulimit -Sn 200; ulimit -Ss 4096; \
                  umask 077; processors=$(sed -n 's/Cpus_allowed_list:\t//p' /proc/self/status); \
                  export VSERVER_TEST_PROCESSORS=$processors; \
                  exec nice -n $((5 - $(nice))) taskset -c \"${processors%%[-,]*}\" chrt --batch 0 \"$0\"";
    let output = inherited
        .args(["-c", script])
        .arg(std::env::current_exe().unwrap())
        .env("VSERVER_TEST_CASE", name)
        .output()
        .unwrap();
    if !output.status.success() {
        println!("---- {name} ----");
        println!("{}", String::from_utf8_lossy(&output.stdout));
        println!("{}", String::from_utf8_lossy(&output.stderr));
    }
    output.status.success()
}
