// SPDX-License-Identifier: GPL-2.0

//! Threads, open files and sockets of a context: counted exactly, refused above the limit, given
//! back when they go, also after the guest.

use super::context_limits::{set, stat};
use super::net_bind::{at, close};
use crate::harness::check::{Outcome, Test};
use crate::harness::wire::{GUESTS, site};
use crate::harness::{Child, Guest, Need, Stop, Wire, Words, context, spectator, wait};
use crate::limits::GONE_WITHIN;
use crate::sys::{Sys, greed, inet, log, process, sys};
use libvserver::abi::{rlimit, vcmd, vxf};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

const RESOURCES: [(&str, u32, &str); 3] = [
    ("PROC", rlimit::NPROC, "threads (NPROC)"),
    ("FILES", rlimit::NOFILE, "open files (NOFILE)"),
    ("SOCK", rlimit::NSOCK, "sockets (NSOCK)"),
];

/// A file that is nothing but a file.
fn event() -> Sys<i32> {
    // SAFETY: plain numbers.
    sys(unsafe { libc::eventfd(0, 0) }).map(|fd| fd as i32)
}

fn socket() -> Sys<i32> {
    inet::socket(libc::AF_UNIX, libc::SOCK_STREAM, 0)
}

fn make(id: u32) -> Sys<i32> {
    match id {
        rlimit::NPROC => process::sleeper(),
        rlimit::NOFILE => event(),
        _ => socket(),
    }
}

/// What [`fill`] has made in this process.
static MADE: Mutex<Vec<(u32, i32)>> = Mutex::new(Vec::new());

/// Makes up to `w[1]` of resource `w[0]`: how many there are, and what stopped it (0: nothing).
fn fill(w: &Words) -> Sys<String> {
    let (id, mut count, mut error) = (w.int(0) as u32, 0, 0);
    let mut made = MADE.lock().map_err(|_| libc::EPROTO)?;
    while count < w.int(1) && error == 0 {
        match make(id) {
            Ok(number) => {
                made.push((id, number));
                count += 1;
            }
            Err(code) => error = code,
        }
    }
    Ok(format!("{count} {error}"))
}

/// Gives all of resource `w[0]` back.
fn drain(w: &Words) -> Sys<()> {
    let id = w.int(0) as u32;
    let mut made = MADE.lock().map_err(|_| libc::EPROTO)?;
    for (_, number) in made.extract_if(.., |(other, _)| *other == id) {
        give_back(id, number)?;
    }
    Ok(())
}

/// Fills up inside: how many could be made, and the error.
fn fill_up(guest: &mut Guest, id: u32, wanted: i64) -> Result<(i64, i32), Stop> {
    let text = guest
        .call(fill, &[i64::from(id), wanted])?
        .need("things are made")?;
    let (made, error) = text.split_once(' ').need("two numbers")?;
    let error = error.parse().ok().need("an error")?;
    Ok((made.parse().ok().need("a count")?, error))
}

/// Value, lowest, highest, hits.
fn usage(xid: u32, id: u32) -> Result<(u64, u64, u64, u32), Stop> {
    let found = stat(xid, id).need("use of a resource")?;
    Ok((found.value, found.minimum, found.maximum, found.hits))
}

fn refusal(id: u32) -> i32 {
    if id == rlimit::NPROC {
        libc::EAGAIN
    } else {
        libc::ENFILE
    }
}

pub fn run(t: &mut Test) -> Outcome {
    for (row, id, name) in RESOURCES {
        one(t, row, id, name)?;
    }
    forks_that_fail(t)?;
    zombies(t)?;
    several_at_once(t)?;
    dup_is_no_file(t)?;
    outlives(t)?;
    connections(t)?;
    system_v(t)?;
    nothing_left(t)
}

/// Up to the limit and not above, in one guest only.
fn one(t: &mut Test, row: &str, id: u32, name: &str) -> Outcome {
    let mut guest = Guest::start(t.xid())?;
    let mut other = Guest::start(t.xid())?;
    let xid = guest.xid();
    let (start, ..) = usage(xid, id)?;
    let (others, ..) = usage(other.xid(), id)?;
    t.ok("set a limit", set(xid, id, start + 5, start + 5));

    t.equal(
        &format!("{row}: inside: as many as fit, and the error"),
        fill_up(&mut guest, id, 50)?,
        (5, refusal(id)),
    );
    t.equal(
        &format!("{row}: outside: value, highest, hits"),
        {
            let (value, _, maximum, hits) = usage(xid, id)?;
            (value, maximum, hits)
        },
        (start + 5, start + 5, 1),
    );
    for _ in 0..4 {
        t.equal("no more", fill_up(&mut guest, id, 1)?.0, 0);
    }
    t.equal(
        &format!("{row}: outside: refusals change nothing but hits"),
        usage(xid, id)?.3,
        5,
    );
    t.check(
        &format!("{row}: in /proc/virtual"),
        in_proc(xid, row, start + 5, 5)?,
    );
    t.equal(
        &format!("{row}: the log tells it once"),
        log::count(&format!("guest {xid} is at its limit of {name}: ")).need("the kernel log")?,
        1,
    );

    // Others are not concerned.
    t.equal(
        &format!("{row}: another guest"),
        fill_up(&mut other, id, 12)?,
        (12, 0),
    );
    t.equal(
        &format!("{row}: another guest: value"),
        usage(other.xid(), id)?.0,
        others + 12,
    );
    t.ok(
        &format!("{row}: the host"),
        make(id).and_then(|number| give_back(id, number)),
    );

    // Live: more, fewer than there are, a soft limit alone, none.
    t.ok("a higher limit", set(xid, id, start + 7, start + 7));
    t.equal(
        &format!("{row}: a higher limit: two more"),
        fill_up(&mut guest, id, 50)?.0,
        2,
    );
    t.ok("a lower limit", set(xid, id, 1, 1));
    t.equal(
        &format!("{row}: what is there stays"),
        usage(xid, id)?.0,
        start + 7,
    );
    t.equal("but nothing new", fill_up(&mut guest, id, 1)?.0, 0);
    t.ok("a soft limit alone", set(xid, id, 1, rlimit::INFINITY));
    t.equal(
        &format!("{row}: it refuses nothing"),
        fill_up(&mut guest, id, 3)?,
        (3, 0),
    );

    // Given back: value and lowest go down, highest and hits stay until they are reset.
    t.ok("given back", guest.call(drain, &[i64::from(id)])?);
    t.check(
        &format!("{row}: back at the start"),
        wait::until(GONE_WITHIN, || {
            usage(xid, id).is_ok_and(|now| now.0 == start)
        }),
    );
    let (_, _, maximum, hits) = usage(xid, id)?;
    t.equal(&format!("{row}: highest"), maximum, start + 10);
    t.check(&format!("{row}: hits"), hits > 5);
    t.gives("reset_hits", context::bare(vcmd::RESET_HITS, xid), 0);
    t.gives("reset_minmax", context::bare(vcmd::RESET_MINMAX, xid), 0);
    t.equal(
        &format!("{row}: after the resets"),
        usage(xid, id)?,
        (start, start, start, 0),
    );
    Ok(())
}

fn give_back(id: u32, number: i32) -> Sys<()> {
    if id == rlimit::NPROC {
        process::kill(number, libc::SIGTERM)?;
        process::wait(number)?;
    } else {
        crate::sys::sockets::close(number);
    }
    Ok(())
}

/// The line of a resource tells value and hits.
fn in_proc(xid: u32, row: &str, value: u64, hits: u64) -> Result<bool, Stop> {
    let text = spectator(|| crate::sys::files::read(&format!("/proc/virtual/{xid}/limit")))?
        .need("limit file")?;
    let words: Vec<&str> = text
        .lines()
        .find_map(|line| line.strip_prefix(&format!("{row}:")))
        .need("the row")?
        .split_whitespace()
        .collect();
    Ok(words.first() == Some(&value.to_string().as_str())
        && words.last() == Some(&hits.to_string().as_str()))
}

/// `clone(2)` whose last step fails: no pid can be stored at address 8.
fn failing_fork(w: &Words) -> Sys<u64> {
    let mut failed = 0;
    for _ in 0..w.numbers[0] {
        let flags = libc::CLONE_PIDFD | libc::SIGCHLD;
        // SAFETY: the kernel refuses the address before a child runs.
        match sys(unsafe { libc::syscall(libc::SYS_clone, flags, 0, 8, 0, 0) }) {
            Err(libc::EFAULT) => failed += 1,
            Err(code) => return Err(code),
            // SAFETY: a child that must not be there.
            Ok(0) => unsafe { libc::_exit(1) },
            Ok(_) => return Err(libc::EPROTO),
        }
    }
    Ok(failed)
}

fn forks_that_fail(t: &mut Test) -> Outcome {
    let mut guest = Guest::start(t.xid())?;
    let xid = guest.xid();
    let before = usage(xid, rlimit::NPROC)?;
    t.gives(
        "inside: forks that fail late",
        guest.call(failing_fork, &[40])?,
        40,
    );
    let after = usage(xid, rlimit::NPROC)?;
    t.equal(
        "outside: nothing stays counted",
        (after.0, after.3),
        (before.0, 0),
    );
    t.check("they were counted meanwhile", after.2 > before.0);
    Ok(())
}

/// Forks up to `w[0]` processes that end at once and that nobody waits for: how many, and what
/// stopped it (0: nothing).
fn leave_zombies(w: &Words) -> Sys<(u64, i32)> {
    for count in 0..w.numbers[0] {
        match process::fork() {
            // SAFETY: ends the child, which has nothing to clean up.
            Ok(0) => unsafe { libc::_exit(0) },
            Ok(_) => {}
            Err(code) => return Ok((count as u64, code)),
        }
    }
    Ok((w.numbers[0] as u64, 0))
}

/// Waits for all children: how many there were.
fn reap_all(_: &Words) -> Sys<u64> {
    let mut count = 0;
    loop {
        match process::wait(-1) {
            Ok(_) => count += 1,
            Err(libc::ECHILD) => return Ok(count),
            Err(code) => return Err(code),
        }
    }
}

/// A process that has ended holds a number until somebody waits for it.
fn zombies(t: &mut Test) -> Outcome {
    let mut guest = Guest::start(t.xid())?;
    let mut other = Guest::start(t.xid())?;
    let xid = guest.xid();
    let (start, ..) = usage(xid, rlimit::NPROC)?;
    t.ok("set a limit", set(xid, rlimit::NPROC, start + 5, start + 5));
    for round in ["first", "again"] {
        t.gives(
            &format!("zombies, {round}: inside: as many as fit, and the error"),
            guest.call(leave_zombies, &[50])?,
            (5, libc::EAGAIN),
        );
        t.equal(
            &format!("zombies, {round}: outside: they count"),
            usage(xid, rlimit::NPROC)?.0,
            start + 5,
        );
        t.gives(
            &format!("zombies, {round}: inside: all are waited for"),
            guest.ask(reap_all)?,
            5,
        );
        t.equal(
            &format!("zombies, {round}: outside: none counts"),
            usage(xid, rlimit::NPROC)?.0,
            start,
        );
    }
    t.gives(
        "zombies: another guest",
        other.call(leave_zombies, &[50])?,
        (50, 0),
    );
    // They go with their parent.
    let left = other.xid();
    drop(other);
    t.refused(
        "zombies: the context of the other one ends",
        context::info(left).map(|_| ()),
        libc::ESRCH,
    );
    Ok(())
}

/// Starts `w[0]` threads that all live until the last one is there, and then open files at once: how
/// many files there are.
fn bombs(w: &Words) -> Sys<u64> {
    let begin = Arc::new(AtomicBool::new(false));
    let workers: Vec<_> = (0..w.numbers[0])
        .map(|_| {
            let begin = Arc::clone(&begin);
            std::thread::Builder::new()
                .stack_size(16 << 10)
                .spawn(move || {
                    while !begin.load(Ordering::Acquire) {
                        std::thread::yield_now();
                    }
                    (0..50).filter(|_| event().is_ok()).count() as u64
                })
        })
        .collect();
    begin.store(true, Ordering::Release);
    let started = workers.iter().filter(|worker| worker.is_ok()).count();
    let made: u64 = workers
        .into_iter()
        .flatten()
        .filter_map(|worker| worker.join().ok())
        .sum();
    if started == w.numbers[0] as usize {
        Ok(made)
    } else {
        Err(libc::EAGAIN)
    }
}

fn several_at_once(t: &mut Test) -> Outcome {
    let mut guest = Guest::start(t.xid())?;
    let xid = guest.xid();
    let (files, ..) = usage(xid, rlimit::NOFILE)?;
    let (threads, ..) = usage(xid, rlimit::NPROC)?;
    let limit = files + 100;
    t.ok("limit of files", set(xid, rlimit::NOFILE, limit, limit));
    t.gives(
        "inside: eight threads that open at once have exactly what fits",
        guest.call(bombs, &[8])?,
        100,
    );
    let (value, _, maximum, hits) = usage(xid, rlimit::NOFILE)?;
    t.equal(
        "outside: the same",
        (value, maximum, hits),
        (limit, limit, 300),
    );
    // Whoever joins a thread knows of its end a little before it is one.
    t.check(
        "the eight threads are given back",
        wait::until(GONE_WITHIN, || {
            usage(xid, rlimit::NPROC).is_ok_and(|now| now.0 == threads)
        }),
    );
    t.ok(
        "limit of threads",
        set(xid, rlimit::NPROC, threads + 2, threads + 2),
    );
    t.refused(
        "inside: threads count like processes",
        guest.call(bombs, &[3])?,
        libc::EAGAIN,
    );
    t.equal("one hit", usage(xid, rlimit::NPROC)?.3, 1);
    Ok(())
}

/// A descriptor more for the same file.
fn copies(w: &Words) -> Sys<()> {
    let fd = event()?;
    // SAFETY: a descriptor of ours that nothing else closes.
    let file = unsafe { OwnedFd::from_raw_fd(fd) };
    for _ in 0..w.numbers[0] {
        // SAFETY: plain numbers; the copy is ours to close.
        let copy = sys(unsafe { libc::dup(file.as_raw_fd()) })?;
        crate::sys::sockets::close(copy as i32);
    }
    Ok(())
}

fn dup_is_no_file(t: &mut Test) -> Outcome {
    let mut guest = Guest::start(t.xid())?;
    let xid = guest.xid();
    let (files, ..) = usage(xid, rlimit::NOFILE)?;
    t.ok(
        "room for one",
        set(xid, rlimit::NOFILE, files + 1, files + 1),
    );
    t.ok(
        "inside: many descriptors of one file",
        guest.call(copies, &[20])?,
    );
    t.equal(
        "outside: one file, and it is gone",
        usage(xid, rlimit::NOFILE)?,
        (files, 0, files + 1, 0),
    );
    descriptors(t, &mut guest)
}

fn one_copy(_: &Words) -> Sys<i32> {
    greed::dup(0)
}

/// Descriptors are counted when somebody asks; nobody is refused one.
fn descriptors(t: &mut Test, guest: &mut Guest) -> Outcome {
    let xid = guest.xid();
    let (start, ..) = usage(xid, rlimit::OPENFD)?;
    t.check("some from the start", start > 0);
    t.ok("a limit", set(xid, rlimit::OPENFD, 1, 1));
    let mut copies = Vec::new();
    for _ in 0..3 {
        copies.push(
            guest
                .ask(one_copy)?
                .need("inside: a copy of a descriptor")?,
        );
    }
    let with_copies = usage(xid, rlimit::OPENFD)?;
    t.equal("OFD: outside: three more", with_copies.0, start + 3);
    t.equal("OFD: nobody was refused", with_copies.3, 0);
    let child = guest.ask(|_| process::sleeper())?.need("a child")?;
    t.check(
        "OFD: a process with copies of all counts too",
        usage(xid, rlimit::OPENFD)?.0 > start + 3,
    );
    t.check("OFD: in /proc/virtual", {
        let (value, ..) = usage(xid, rlimit::OPENFD)?;
        in_proc(xid, "OFD", value, 0)?
    });
    guest
        .call(end, &[i64::from(child)])?
        .need("the child ends")?;
    for fd in copies {
        guest.call(close, &[i64::from(fd)])?.need("closed")?;
    }
    t.equal("OFD: as at first", usage(xid, rlimit::OPENFD)?.0, start);
    Ok(())
}

fn end(w: &Words) -> Sys<()> {
    give_back(rlimit::NPROC, w.int(0))
}

/// Ends all processes of a persistent guest, which stays.
fn leave_empty(guest: &mut Guest) -> Outcome {
    context::kill(guest.xid(), 0, libc::SIGKILL).need("the processes of the guest end")?;
    guest.wait().map(drop)
}

/// A file that a process of the guest opened and one of the host holds counts until the host closes
/// it, though the guest has ended.
fn outlives(t: &mut Test) -> Outcome {
    let mut guest = Guest::plan(t.xid()).flags(vxf::PERSISTENT).start()?;
    let xid = guest.xid();
    let keeper = keep_file_of(xid)?;
    leave_empty(&mut guest)?;
    for (what, id, want) in [
        ("the guest has no thread", rlimit::NPROC, 0),
        ("one file counts, the host has it", rlimit::NOFILE, 1),
    ] {
        t.check(
            what,
            wait::until(GONE_WITHIN, || {
                usage(xid, id).is_ok_and(|now| now.0 == want)
            }),
        );
    }
    drop(keeper);
    t.check(
        "until the host closes it",
        wait::until(GONE_WITHIN, || {
            usage(xid, rlimit::NOFILE).is_ok_and(|now| now.0 == 0)
        }),
    );
    Ok(())
}

/// Starts a process of the host that holds a file of a guest: a child with the same descriptors
/// opened it there.
fn keep_file_of(xid: u32) -> Result<Child, Stop> {
    let (mut ready, say) = crate::harness::child::pipe()?;
    let keeper = Child::start(|| {
        // SAFETY: a fork that shares descriptors; the child only makes system calls.
        let forked = sys(unsafe {
            libc::syscall(
                libc::SYS_clone,
                libc::CLONE_FILES | libc::SIGCHLD,
                0,
                0,
                0,
                0,
            )
        });
        match forked {
            Ok(0) => {
                let opened = context::migrate(xid, 0).and_then(|()| event());
                // SAFETY: ends the child.
                unsafe { libc::_exit(i32::from(opened.is_err())) }
            }
            Ok(pid) if process::wait(pid as i32) == Ok(0) => {
                drop(say);
                process::sleep_for_ever()
            }
            _ => 1,
        }
    })?;
    let mut end = Vec::new();
    std::io::Read::read_to_end(&mut ready, &mut end).map_err(|e| Stop::Fail(e.to_string()))?;
    if keeper.has_ended() {
        return Err(Stop::Fail("no file could be opened in the guest".into()));
    }
    Ok(keeper)
}

fn listen(w: &Words) -> Sys<i32> {
    inet::listen(&w.text, 0)
}

fn accept(w: &Words) -> Sys<i32> {
    inet::take(w.int(0))
}

/// Connections count for who accepts them, and are refused there.
fn connections(t: &mut Test) -> Outcome {
    let _wire = Wire::start()?;
    let mut guest = site(t, &[GUESTS[0][0]])?;
    let (xid, address) = (guest.xid(), at(GUESTS[0][0], 8700));
    let listener = guest
        .tell(listen, &at("0.0.0.0", 8700), &[])?
        .need("a listener")?;
    let (start, ..) = usage(xid, rlimit::NSOCK)?;
    t.ok(
        "room for one",
        set(xid, rlimit::NSOCK, start + 1, start + 1),
    );
    let first = inet::connect(&address, "").need("a connection")?;
    let server = guest
        .call(accept, &[i64::from(listener)])?
        .need("accepted")?;
    t.equal("it counts", usage(xid, rlimit::NSOCK)?.0, start + 1);
    let second = inet::connect(&address, "").need("the host is not told")?;
    t.refused(
        "inside: no second one",
        guest.call(accept, &[i64::from(listener)])?,
        libc::ENFILE,
    );
    t.check("a hit", usage(xid, rlimit::NSOCK)?.3 > 0);
    t.refused("nor a new socket", guest.ask(|_| socket())?, libc::ENFILE);
    t.ok(
        "room for two",
        set(xid, rlimit::NSOCK, start + 2, start + 2),
    );
    let late = guest.call(accept, &[i64::from(listener)])?;
    t.ok("inside: the second one now", late);
    for fd in [first, second] {
        crate::sys::sockets::close(fd);
    }
    for fd in [server, late.need("a connection")?, listener] {
        guest.call(close, &[i64::from(fd)])?.need("closed")?;
    }
    t.check(
        "all are given back",
        wait::until(GONE_WITHIN, || {
            usage(xid, rlimit::NSOCK).is_ok_and(|now| now.0 < start)
        }),
    );
    Ok(())
}

/// A segment of so many pages, removed when nobody uses it any more.
fn segment(w: &Words) -> Sys<i32> {
    // SAFETY: plain numbers.
    sys(unsafe {
        libc::shmget(
            libc::IPC_PRIVATE,
            w.numbers[0] as usize * 4096,
            libc::IPC_CREAT | 0o600,
        )
    })
    .map(|id| id as i32)
}

fn semaphores(w: &Words) -> Sys<i32> {
    // SAFETY: plain numbers.
    sys(unsafe { libc::semget(libc::IPC_PRIVATE, w.int(0), libc::IPC_CREAT | 0o600) })
        .map(|id| id as i32)
}

fn remove(w: &Words) -> Sys<()> {
    crate::sys::ipc::Kind::from_number(w.numbers[0]).remove(w.int(1))
}

/// Shared memory is counted in pages and limited, semaphores are counted; for the context that made
/// them, though others use the same IPC namespace.
fn system_v(t: &mut Test) -> Outcome {
    crate::sys::spaces::unshare(libvserver::abi::space::IPC).need("own IPC namespace")?;
    let mut guest = Guest::start(t.xid())?;
    let mut other = Guest::start(t.xid())?;
    let xid = guest.xid();
    let shared = || usage(xid, rlimit::SHMEM);
    t.equal("SHM: nothing at first", shared()?, (0, 0, 0, 0));
    t.ok("SHM: ten pages", set(xid, rlimit::SHMEM, 10, 10));
    let six = guest.call(segment, &[6])?.need("six pages")?;
    t.refused(
        "inside: five more",
        guest.call(segment, &[5])?,
        libc::ENOSPC,
    );
    t.refused(
        "inside: no overflow",
        guest.call(segment, &[1 << 50])?,
        libc::ENOSPC,
    );
    let four = guest.call(segment, &[4])?.need("four pages")?;
    t.refused("inside: one more", guest.call(segment, &[1])?, libc::ENOSPC);
    let foreign = other.call(segment, &[50])?;
    t.ok("another guest", foreign);
    t.ok(
        "the host",
        segment(&Words {
            numbers: vec![50],
            text: String::new(),
        }),
    );
    t.equal("SHM: outside", shared()?, (10, 0, 10, 3));
    t.check("SHM: in /proc/virtual", in_proc(xid, "SHM", 10, 3)?);
    t.equal(
        "SHM: another guest",
        usage(other.xid(), rlimit::SHMEM)?,
        (50, 0, 50, 0),
    );
    t.ok("inside: remove", guest.call(remove, &[0, i64::from(six)])?);
    t.equal("SHM: given back", shared()?.0, 4);
    t.ok("inside: six again", guest.call(segment, &[6])?);
    t.ok("inside: remove", guest.call(remove, &[0, i64::from(four)])?);

    let set_of = guest.call(semaphores, &[7])?.need("an array")?;
    t.ok("another array", guest.call(semaphores, &[3])?);
    let arrays = || usage(xid, rlimit::SEMARY);
    t.equal("SEMA: two arrays", arrays()?, (2, 0, 2, 0));
    t.equal(
        "SEMS: ten semaphores",
        usage(xid, rlimit::NSEMS)?,
        (10, 0, 10, 0),
    );
    t.ok(
        "inside: remove",
        guest.call(remove, &[1, i64::from(set_of)])?,
    );
    t.equal("SEMA: one array", arrays()?.0, 1);
    t.equal("SEMS: three semaphores", usage(xid, rlimit::NSEMS)?.0, 3);
    Ok(())
}

/// Everything is zero when the last thread of a busy guest is gone.
fn nothing_left(t: &mut Test) -> Outcome {
    let mut guest = Guest::plan(t.xid()).flags(vxf::PERSISTENT).start()?;
    let xid = guest.xid();
    for (_, id, _) in RESOURCES {
        t.equal("busy", fill_up(&mut guest, id, 20)?, (20, 0));
    }
    leave_empty(&mut guest)?;
    for (row, id, _) in RESOURCES {
        t.check(
            &format!("{row}: nothing is left"),
            wait::until(GONE_WITHIN, || {
                // Those whose parent is gone are ours to wait for.
                while greed::reap().is_some() {}
                usage(xid, id).is_ok_and(|now| now.0 == 0)
            }),
        );
        t.check(
            &format!("{row}: the highest is known"),
            usage(xid, id)?.2 >= 20,
        );
    }
    Ok(())
}
