// SPDX-License-Identifier: GPL-2.0

//! Commands and ordinary life by chance, from several processes of the host and of guests at the
//! same time. The generator knows the structure of every command and the values that matter.
//!
//! The checkers of the debug kernel judge. The scenario demands that everybody can be ended, that
//! nothing is left, that nobody outside was harmed, and that the generator was not toothless.
//!
//! A worker draws from a stream of its own, which follows from the seed and its number: the same
//! seed (`run.sh --seed`) draws the same sessions again. What the workers do to each other is up to
//! the scheduler.

mod actor;
mod attack;
mod attempt;
mod board;
mod field;
mod life;
mod sentinel;
mod session;
mod shape;
mod worker;

use crate::harness::check::{Outcome, Test};
use crate::harness::{Child, Guest, Need, Stop, context, network, slab, wait};
use crate::limits::{Flavour, GONE_WITHIN, Scale};
use crate::machine::{helper, residue};
use crate::scenarios::published::PUBLISHED;
use crate::sys::memory::Low;
use crate::sys::{Sys, describe, files, ipc, process, sockets};
use actor::{ENTRIES, FILE, NODES, TREE, World};
use board::{Board, CLASSES, Class, Note, Tally};
use libvserver::Vserver;
use libvserver::abi::{DlimitBase, Fiattr, SetMapping, iattr, space, vcmd, vxf};
use sentinel::Sentinel;
use std::fs::File;
use std::os::fd::AsFd;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

/// Who works: two processors have several of each kind.
const WORKERS: [Class; 6] = [
    Class::Host,
    Class::Sealed,
    Class::Host,
    Class::Setup,
    Class::Sealed,
    Class::Host,
];
/// The whole run is divided by this for the first part, which fills the caches of the kernel.
const FIRST: u32 = 8;
/// How much longer than asked for a run may become, as a factor.
const PATIENCE: u32 = 5;
/// How long a worker may take to end: its session ends, or is killed and ends.
const ENDS_WITHIN: Duration = Duration::from_secs(90);
/// A file that nobody has a reason to touch.
const UNTOUCHED: &str = "/run/sentinel/untouched";
const TEXT: &str = "nobody has a reason to touch this\n";
const SOCKET: &str = "@outside-of-random-commands";
const QUEUE: i32 = 7999;
const VSHELPER: &str = "/proc/sys/kernel/vshelper";

/// Everybody and everything to whom nothing may happen.
struct Outside {
    sentinels: Vec<Sentinel>,
    guest: Guest,
    sleeper: i32,
    nid: u32,
    queue: i32,
    server: i32,
}

impl Outside {
    fn start(t: &mut Test) -> Result<Self, Stop> {
        files::mkdir(sentinel::DIRECTORY).need("directory of the sentinels")?;
        files::create(UNTOUCHED, TEXT).need("file")?;
        let nid = t.xid();
        let mut guest = Guest::plan(t.xid())
            .namespaces(space::UTS)
            .network(nid)
            .start()?;
        let sleeper = guest
            .ask(|_| process::sleeper())?
            .need("second process of the guest")?;
        Ok(Self {
            sentinels: (0..3).map(Sentinel::start).collect::<Result<_, _>>()?,
            guest,
            sleeper,
            nid,
            queue: ipc::Kind::Message.create(QUEUE).need("message queue")?,
            server: sockets::serve(sockets::Kind::Stream, SOCKET).need("socket")?,
        })
    }

    fn world(&self, scale: Scale) -> World {
        let mut outside: Vec<i32> = self.sentinels.iter().map(Sentinel::pid).collect();
        outside.extend([self.guest.pid(), self.sleeper, process::getpid()]);
        World {
            protected: vec![self.guest.xid(), self.nid],
            outside,
            queue: self.queue,
            socket: SOCKET,
            slowness: scale.slowness(),
        }
    }

    /// What all of them say of themselves.
    fn ask(&mut self) -> Result<Vec<String>, Stop> {
        let mut said: Vec<String> = self.sentinels.iter_mut().map(Sentinel::ask).collect();
        said.push(self.guest.ask(sentinel::tell)?);
        said.push(sentinel::tell(&Default::default()));
        Ok(said)
    }

    fn stop(self) {
        let _ = ipc::Kind::Message.remove(self.queue);
        sockets::close(self.server);
        let _ = std::fs::remove_dir_all(sentinel::DIRECTORY);
    }
}

/// What the workers change and what is put back at the end.
struct Scenery {
    entries: Vec<(File, u32)>,
    vshelper: String,
}

impl Scenery {
    fn make() -> Result<Self, Stop> {
        files::mkdir(TREE).need("directory")?;
        files::create(FILE, "").need("file")?;
        std::os::unix::fs::symlink(FILE, format!("{TREE}/link"))
            .map_err(|e| crate::sys::code(&e))
            .need("link")?;
        files::mknod(&format!("{TREE}/fifo"), libc::S_IFIFO, 0).need("pipe")?;
        for (path, kind, number) in [
            (NODES[0], libc::S_IFCHR, libc::makedev(1, 5)),
            (NODES[1], libc::S_IFCHR, libc::makedev(1, 7)),
            (NODES[2], libc::S_IFBLK, libc::makedev(240, 0)),
        ] {
            files::mknod(path, kind, number).need("device node")?;
        }
        let _ = std::fs::remove_file(helper::PATH);
        std::os::unix::fs::symlink("/init", helper::PATH)
            .map_err(|e| crate::sys::code(&e))
            .need("helper program")?;
        let vshelper = files::read(VSHELPER).need("name of the helper")?;
        files::write(VSHELPER, helper::PATH).need("set the helper")?;
        let entries = ENTRIES.iter().map(|path| {
            // Hidden, it could not be opened any more.
            let file = File::open(path).map_err(|e| crate::sys::code(&e))?;
            let bits = Vserver::new().fd_iattr(file.as_fd()).map_err(|e| e.0)?;
            Ok((file, bits.flags & iattr::FLAGS))
        });
        Ok(Self {
            entries: entries.collect::<Sys<_>>().need("entries of procfs")?,
            vshelper,
        })
    }

    fn put_back(self) -> Sys<()> {
        for (file, flags) in self.entries {
            let attributes = Fiattr {
                tag: 0,
                flags,
                mask: iattr::FLAGS,
            };
            Vserver::new()
                .set_fd_iattr(file.as_fd(), attributes)
                .map_err(|error| error.0)?;
        }
        files::write(VSHELPER, self.vshelper.trim())?;
        for path in attempt::MOUNTS {
            let path = Low::text(path)?;
            for tag in attempt::TAGS {
                let mut data = DlimitBase {
                    name: path.address(),
                    ..DlimitBase::default()
                };
                match context::with(vcmd::REM_DLIMIT, tag, &mut data) {
                    Ok(_) | Err(libc::ESRCH) => {}
                    Err(error) => return Err(error),
                }
            }
        }
        plain_nodes()?;
        clear_tree(TREE)
    }
}

/// Every node of a device is itself again for everybody.
fn plain_nodes() -> Sys<()> {
    let paths: Vec<Low> = NODES.into_iter().map(Low::text).collect::<Sys<_>>()?;
    for path in &paths {
        let unset = |device, target| {
            let mut data = SetMapping {
                device,
                target,
                ..SetMapping::default()
            };
            context::with(vcmd::UNSET_MAPPING, 0, &mut data)
        };
        unset(0, path.address())?;
        // The newest hides older ones.
        loop {
            match unset(path.address(), 0) {
                Ok(_) => {}
                Err(libc::ENOENT) => break,
                Err(error) => return Err(error),
            }
        }
    }
    Ok(())
}

/// Removes a directory whose files may be immutable.
fn clear_tree(directory: &str) -> Sys<()> {
    let plain = |path: &str| {
        let attributes = Fiattr {
            tag: 0,
            flags: 0,
            mask: iattr::IMMUTABLE | iattr::IXUNLINK | iattr::BARRIER,
        };
        // Some kinds of files have no attributes.
        let _ = Vserver::new().set_iattr(std::path::Path::new(path), attributes);
    };
    plain(directory);
    for name in files::list(directory)? {
        plain(&format!("{directory}/{name}"));
    }
    std::fs::remove_dir_all(directory).map_err(|e| crate::sys::code(&e))
}

/// Contexts that nobody is in and that still say who their init is.
fn ghosts() -> Vec<u32> {
    let mut all = context::all().unwrap_or_default();
    all.retain(|xid| {
        // Nobody goes in any more: what is persistent alone has one claim, its own.
        context::stat(*xid).is_ok_and(|stat| stat.tasks == 1)
            && context::flags(*xid).is_ok_and(|flags| flags.value & vxf::PERSISTENT != 0)
            && context::info(*xid).is_ok_and(|info| info.initpid != 0)
    });
    all
}

/// Ends all contexts and network contexts but those of the sentinels; says whether they went.
fn clean_up(world: &World) -> bool {
    let others = |ids: Sys<Vec<u32>>| -> Vec<u32> {
        let ids = ids.unwrap_or_default();
        ids.into_iter()
            .filter(|id| !world.protected.contains(id))
            .collect()
    };
    wait::until(GONE_WITHIN * 3, || {
        let (contexts, networks) = (others(context::all()), others(network::all()));
        for xid in &contexts {
            context::end(*xid);
        }
        for nid in &networks {
            network::end(*nid);
        }
        residue::reap();
        contexts.is_empty() && networks.is_empty()
    })
}

/// Lets all workers work, and ends them. With `enough` they go on until all commands had their
/// chance, for [`PATIENCE`] times as long at most: chance is slow on a machine that is busy.
fn work(
    t: &mut Test,
    world: &World,
    seed: u64,
    time: Duration,
    enough: fn(&Board) -> bool,
) -> Result<Board, Stop> {
    let board = Board::map(WORKERS.len())?;
    let mut workers = WORKERS
        .into_iter()
        .enumerate()
        .map(|(number, class)| worker::start(number, class, seed, world, &board))
        .collect::<Result<Vec<Child>, Stop>>()?;
    std::thread::sleep(time);
    wait::until(time * PATIENCE, || enough(&board));
    board.end();
    let all_ended = wait::until(ENDS_WITHIN, || workers.iter().all(Child::has_ended));
    t.check("every worker ends when it is told to", all_ended);
    for (number, child) in workers.iter_mut().enumerate() {
        let note = |note| board.note(number, note).load(Relaxed);
        t.note(format!(
            "worker {number} ({}): {} sessions, {} acts, {} ended from outside",
            CLASSES[WORKERS[number] as usize].1,
            note(Note::Sessions),
            note(Note::Acts),
            note(Note::Rescued),
        ));
        if note(Note::Strange) != 0 {
            let state = char::from(note(Note::Strange) as u8);
            t.note(format!(
                "worker {number}: a session in state {state} did not end itself, last act {:#x}",
                note(Note::Last)
            ));
            t.check("only what is stopped does not end itself", false);
        }
        if note(Note::Stuck) != 0 || !child.has_ended() {
            t.note(format!(
                "worker {number}: session {} with pid {} cannot be ended, last act {:#x}",
                note(Note::Sessions),
                note(Note::Stuck),
                note(Note::Last)
            ));
            t.check("every session can be ended", false);
        } else {
            child.wait()?;
        }
    }
    t.equal(
        "contexts with an init and nobody in them",
        ghosts(),
        Vec::new(),
    );
    let cleaned = clean_up(world);
    t.check("every context and network context can be ended", cleaned);
    Ok(board)
}

pub fn run(t: &mut Test) -> Outcome {
    let scale = t.scale();
    t.note(format!(
        "seed {}, {} s",
        scale.seed,
        scale.random().as_secs()
    ));
    // Orphans go to PID 1, which reaps them meanwhile.
    process::adopt_orphans(false);
    let mut outside = Outside::start(t)?;
    let scenery = Scenery::make()?;
    let world = outside.world(scale);
    let before = outside.ask()?;

    let first = scale.random() / FIRST;
    work(t, &world, scale.seed ^ u64::MAX, first, |_| true)?;
    let slab_before = slab::unreclaimable()?;
    let board = work(t, &world, scale.seed, scale.random() - first, complete)?;
    let slab_after = slab::unreclaimable()?;

    t.gives(
        "contexts that are left",
        context::all(),
        vec![outside.guest.xid()],
    );
    t.gives(
        "network contexts that are left",
        network::all(),
        vec![outside.nid],
    );
    for (was, is) in before.into_iter().zip(outside.ask()?) {
        t.equal("somebody outside says what it said before", is, was);
    }
    t.gives(
        "a file outside is as it was",
        files::read(UNTOUCHED),
        TEXT.into(),
    );
    t.equal(
        "what a sealed guest reached outside",
        board.breached().map(attack::name),
        None,
    );
    outside.stop();
    t.ok("everything is put back", scenery.put_back());

    report(t, &board);
    t.note(format!(
        "unreclaimable slab: {slab_before} KiB before, {slab_after} KiB after"
    ));
    if scale.flavour == Flavour::Debug {
        // The address sanitizer quarantines freed objects, megabytes of them.
        t.note("slab use says nothing on this kernel, its leak detector judges at the end");
    } else {
        let slack = Scale::RANDOM_SLACK;
        t.check(
            &format!("slab grew by less than {slack} KiB"),
            slab_after < slab_before + slack,
        );
    }
    Ok(())
}

/// Whether everybody gave every command, and each succeeded for somebody.
fn complete(board: &Board) -> bool {
    PUBLISHED.iter().enumerate().all(|(index, row)| {
        let tallies = CLASSES.map(|(class, _)| board.tally(class, index));
        !row.there
            || tallies.iter().all(|tally| tally.calls > 0)
                && tallies.iter().any(|tally| tally.successes > 0)
    })
}

/// What came of every command, and whether that is what it must be.
fn report(t: &mut Test, board: &Board) {
    let mut strange = Vec::new();
    let mut silent = Vec::new();
    let mut luckless = Vec::new();
    let mut lucky = Vec::new();
    for (index, row) in PUBLISHED.iter().enumerate() {
        let tallies = CLASSES.map(|(class, _)| board.tally(class, index));
        t.note(line(row.name, &tallies));
        let successes: u64 = tallies.iter().map(|tally| tally.successes).sum();
        if tallies.iter().any(|tally| tally.strange) {
            strange.push(row.name);
        }
        if tallies.iter().any(|tally| tally.calls == 0) && row.there {
            silent.push(row.name);
        }
        match (row.there, successes) {
            (true, 0) => luckless.push(row.name),
            (false, 1..) => lucky.push(row.name),
            _ => {}
        }
        let sealed = &tallies[Class::Sealed as usize];
        if sealed.errors.iter().any(|error| *error != libc::ENOSYS) || sealed.successes > 0 {
            lucky.push(row.name);
        }
    }
    let none: Vec<&str> = Vec::new();
    t.equal("errors that user space must not see", strange, none.clone());
    t.equal("commands that somebody never gave", silent, none.clone());
    t.equal("commands that never succeeded", luckless, none.clone());
    t.equal(
        "commands that exist for nobody, or for a sealed guest",
        lucky,
        none,
    );
}

/// `name: host 12/4 EPERM EINVAL, setup ...`: calls, successes, errors.
fn line(name: &str, tallies: &[Tally]) -> String {
    let parts: Vec<String> = CLASSES
        .iter()
        .zip(tallies)
        .map(|((_, class), tally)| {
            let errors: Vec<String> = tally
                .errors
                .iter()
                .map(|error| {
                    describe(*error)
                        .split([' ', ':'])
                        .next()
                        .unwrap_or("?")
                        .into()
                })
                .collect();
            format!(
                "{class} {}/{} {}",
                tally.calls,
                tally.successes,
                errors.join(" ")
            )
        })
        .collect();
    format!("{name}: {}", parts.join(", "))
}
