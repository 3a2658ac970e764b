// SPDX-License-Identifier: GPL-2.0

//! A file system on a disk: a guest that writes, reads, makes and removes files without end, with
//! the limits of `io.max`, beside another guest that does a fixed amount of honest work.
//!
//! The script that starts the machine gives it two volumes, with a file system each, of a disk that
//! is slower than its processors. Each attack goes on first with the other guest on the same file
//! system, then with a volume for each. What a journal does it does for all who use its file system,
//! so only the second arrangement keeps guests apart in every case. Two partitions would not do:
//! the kernel writes back by disk, and `syncfs` waits for all who use the disk.
//!
//! How long some work takes depends on what else the machine under the emulator does at that
//! moment. So the attack is frozen and let go in turn, and the medians of both are compared.

use super::arena::{Arena, Attack, Marks, Moved, Side};
use super::transfers::{self, chain, direct, empty, flood, insist, litter, read, work};
use crate::harness::check::{Outcome, Stop, Test};
use crate::harness::{Need, wait};
use crate::limits::{Flavour, GONE_WITHIN, Scale};
use crate::sys::{Sys, code, files, spaces};
use libvserver::abi::space;
use std::fs::File;
use std::thread::sleep;
use std::time::{Duration, Instant};

const MIB: u64 = 1 << 20;
/// The volumes. Both together do 16 MiB and 1000 transfers in a second.
const DISKS: [&str; 2] = ["vda", "vdb"];
/// Bytes per second in each direction that the hostile guest may transfer.
const RATE: u64 = 2 * MIB;
/// Transfers per second in each direction.
const TRANSFERS: u64 = 40;
/// Memory of the hostile guest. Nearly all of it can wait to be written: as long as `RATE` needs
/// for that, it takes until what it wrote is on the disk.
const MEMORY: u64 = 12 * MIB;
/// Its part of one of the two processors.
const PERCENT: i32 = 50;
/// What the other guest writes piece by piece, and reads again.
const PIECES: usize = 12;
/// No limit.
const FREE: &str = "rbps=max wbps=max riops=max wiops=max";

/// A file system of the disk, mounted until it is dropped.
struct Mount(String);

impl Mount {
    fn make(disk: &str) -> Result<Self, Stop> {
        let path = format!("/run/disk-{disk}");
        files::mkdir(&path).need("a directory")?;
        files::mount(&format!("/dev/{disk}"), &path, "ext4", 0, "")
            .need("a file system on the disk")?;
        for guest in ["hostile", "victim"] {
            files::mkdir(&format!("{path}/{guest}")).need("a directory of a guest")?;
        }
        Ok(Self(path))
    }

    fn of(&self, guest: &str) -> String {
        format!("{}/{guest}", self.0)
    }

    /// `syncfs`.
    fn sync(&self) -> Sys<()> {
        files::sync_file_system(&File::open(&self.0).map_err(|e| code(&e))?)
    }

    /// Empties the directories of the guests and takes it away.
    fn end(self) -> Sys<()> {
        for guest in ["hostile", "victim"] {
            std::fs::remove_dir_all(self.of(guest)).map_err(|e| code(&e))?;
        }
        files::unmount(&self.0)
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = files::detach(&self.0);
        let _ = std::fs::remove_dir(&self.0);
    }
}

type Body = fn(&Marks, &str) -> Sys<()>;

/// How much of what is written for a guest is counted for it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Counted {
    /// All but a little.
    Whole,
    /// Not what the journal writes, or it does not write.
    Data,
    /// There is nothing but the journal.
    Nothing,
}

/// What a guest tries.
struct Kind {
    name: &'static str,
    body: Body,
    counted: Counted,
    /// Why another guest on the same file system may have to wait for it.
    gap: Option<&'static str>,
}

const JOURNAL: &str = "known gap: the journal is one for all who use the file system";
const ORDER: &str = "known gap: the journal waits for data that wait for io.max";
const SYNC: &str = "known gap: syncfs waits for all who use the file system";
const UNCOUNTED: &str = "known gap: what the journal writes is counted for nobody";

const FLOOD: Kind = Kind {
    name: "writes into the cache",
    body: flood,
    counted: Counted::Whole,
    gap: None,
};
const INSIST: Kind = Kind {
    name: "writes that are waited for",
    body: insist,
    counted: Counted::Data,
    gap: Some(JOURNAL),
};
const READ: Kind = Kind {
    name: "reads",
    body: read,
    counted: Counted::Data,
    gap: None,
};
const LITTER: Kind = Kind {
    name: "small files",
    body: litter,
    counted: Counted::Data,
    gap: Some(JOURNAL),
};
const EMPTY: Kind = Kind {
    name: "empty files",
    body: empty,
    counted: Counted::Nothing,
    gap: Some(JOURNAL),
};
const CHAIN: Kind = Kind {
    name: "files that grow",
    body: chain,
    counted: Counted::Whole,
    gap: Some(ORDER),
};

fn median(times: &mut [u64]) -> u64 {
    times.sort_unstable();
    times[times.len() / 2]
}

/// Bytes that the first volume has written for anybody.
fn written() -> Result<u64, Stop> {
    let text = files::read(&format!("/sys/block/{}/stat", DISKS[0])).need("numbers of the disk")?;
    let sectors = text.split_whitespace().nth(6);
    let sectors: Option<u64> = sectors.and_then(|word| word.parse().ok());
    Ok(sectors.need("sectors that were written")? * 512)
}

/// How much longer the other guest may take, in percent of its time alone. Many calls of `fsync`
/// and what the kernel does for them keep two emulated processors busy, which is not the disk; and
/// what the journal writes nothing limits.
fn most(scale: Scale, kind: &Kind) -> u64 {
    match (scale.flavour, kind.counted) {
        (Flavour::Debug, _) => 600,
        (_, Counted::Nothing) => 300,
        _ if kind.gap.is_some() => 200,
        _ => 150,
    }
}

/// The model of a disk by which weights share it out, until it is dropped.
struct Cost<'a>(&'a str);

impl<'a> Cost<'a> {
    /// Half of what the disk can do, so that the model is what is short.
    fn begin(disk: &'a str) -> Result<Self, Stop> {
        let model = "ctrl=user model=linear rbps=8388608 rseqiops=500 rrandiops=500 \
                     wbps=8388608 wseqiops=500 wrandiops=500";
        let set = |file, text| {
            files::write(&format!("/sys/fs/cgroup/{file}"), &format!("{disk} {text}")).need(file)
        };
        set("io.cost.model", model)?;
        set("io.cost.qos", "enable=1 ctrl=user min=100.00 max=100.00")?;
        Ok(Self(disk))
    }
}

impl Drop for Cost<'_> {
    fn drop(&mut self) {
        let _ = files::write(
            "/sys/fs/cgroup/io.cost.qos",
            &format!("{} enable=0", self.0),
        );
    }
}

/// Who takes part, and where.
struct Scene {
    arena: Arena,
    disk: String,
    one: Mount,
    two: Mount,
}

impl Scene {
    fn set_up(t: &mut Test) -> Result<Self, Stop> {
        let kinds = files::read("/proc/filesystems").need("file systems")?;
        let known = kinds.lines().any(|line| line.trim() == "ext4");
        if t.scale().flavour == Flavour::Debug && !known {
            return Err(Stop::Skip(
                "this kernel has no file system for disks".into(),
            ));
        }
        let disk = files::read(&format!("/sys/block/{}/dev", DISKS[0])).need("the disk")?;
        spaces::unshare(space::MNT).need("a mount namespace")?;
        files::make_private().need("private mounts")?;
        let (one, two) = (Mount::make(DISKS[0])?, Mount::make(DISKS[1])?);
        let arena = Arena::set_up(t, &[("memory.max", &MEMORY.to_string())])?;
        // What its transfers cost of the processors is limited as well: they are not what this is
        // about, and here they are scarcer than beside a real disk.
        arena.hostile.bucket(PERCENT)?;
        for file in ["io.max", "io.weight"] {
            if !arena.hostile.group.has(file) {
                return Err(Stop::Fail(format!("this kernel has no {file}")));
            }
        }
        Ok(Self {
            arena,
            disk: disk.trim().into(),
            one,
            two,
        })
    }

    /// Gives the hostile guest its limits, or none.
    fn limit(&self, limited: bool) -> Outcome {
        let limit = format!("rbps={RATE} wbps={RATE} riops={TRANSFERS} wiops={TRANSFERS}");
        let limit = if limited { &limit } else { FREE };
        let group = &self.arena.hostile.group;
        group.set("io.max", &format!("{} {limit}", self.disk))
    }

    fn moved(&self, side: &Side) -> Moved {
        side.group.moved(&self.disk)
    }

    fn begin(&self, body: Body, limited: bool) -> Result<Attack, Stop> {
        let place = self.one.of("hostile");
        self.limit(limited)?;
        self.arena
            .hostile
            .attack(|marks| body(marks, &place).err().unwrap_or(0))
    }

    /// All of it is over, and on the disk.
    fn end(&self, t: &mut Test, what: &str, attack: Attack) -> Outcome {
        t.equal(
            &format!("{what}: inside: no error"),
            attack.marks.errors(),
            vec![],
        );
        t.check(
            &format!("{what}: all its tasks end"),
            self.arena.hostile.end_tasks(),
        );
        self.limit(false)?;
        self.one.sync().need("syncfs")?;
        let stat = |key| self.arena.hostile.group.value("memory.stat", key);
        t.check(
            &format!("{what}: no page is left to be written"),
            wait::until(GONE_WITHIN, || {
                stat("file_dirty") == 0 && stat("file_writeback") == 0
            }),
        );
        Ok(())
    }

    /// Freezes the attack with nothing left to be written, or lets it go on with its limits.
    fn freeze(&self, on: bool) -> Outcome {
        let group = &self.arena.hostile.group;
        if on {
            self.limit(false)?;
            group.set("cgroup.freeze", "1")?;
            let frozen = wait::until(GONE_WITHIN, || group.value("cgroup.events", "frozen") == 1);
            frozen.then_some(()).need("an attack that is frozen")?;
            self.one.sync().need("syncfs")?;
            // The emulated disk makes up for what it has just written too fast.
            sleep(Duration::from_millis(200));
            Ok(())
        } else {
            self.limit(true)?;
            group.set("cgroup.freeze", "0")?;
            // Until it is under way again.
            sleep(Duration::from_millis(150));
            Ok(())
        }
    }

    /// The work of the other guest without and with the attack: medians in microseconds. There are
    /// more looks while it takes too long, if that counts.
    fn compare(&self, mount: &Mount, most: u64, counts: bool) -> Result<(u64, u64), Stop> {
        let place = mount.of("victim");
        let work = || self.arena.victim.ask(|| work(&place, PIECES))?.need("work");
        let (mut alone, mut beside) = (Vec::new(), Vec::new());
        loop {
            self.freeze(true)?;
            alone.push(work()?);
            self.freeze(false)?;
            beside.push(work()?);
            let times = (median(&mut alone), median(&mut beside));
            let enough = !counts || times.1 * 100 <= times.0 * most;
            if alone.len() >= 9 || (alone.len() >= 3 && enough) {
                return Ok(times);
            }
        }
    }

    /// Everything is given back.
    fn close(self, t: &mut Test) -> Outcome {
        t.ok("the file system can be taken away", self.one.end());
        t.ok("so can the other", self.two.end());
        self.arena.ends(t)
    }

    /// Without a limit there are more transfers than with it; for whom they are counted.
    fn control(&self, t: &mut Test, kind: &Kind) -> Outcome {
        let what = format!("control: {}, without a limit", kind.name);
        let hostile = || self.moved(&self.arena.hostile);
        self.one.sync().need("syncfs")?;
        let (begin, disk) = (hostile(), written()?);
        let attack = self.begin(kind.body, false)?;
        t.check(&format!("{what}: they go on"), attack.does(8));
        let enough = 1.15;
        let mut most = (0.0_f64, 0.0_f64);
        for _ in 0..10 {
            let (before, from) = (hostile(), Instant::now());
            sleep(Duration::from_millis(500));
            let (now, time) = (hostile(), from.elapsed().as_secs_f64());
            let bytes = (now.read - before.read).max(now.written - before.written);
            let count = (now.reads - before.reads).max(now.writes - before.writes);
            most.0 = most.0.max(bytes as f64 / time / RATE as f64);
            most.1 = most.1.max(count as f64 / time / TRANSFERS as f64);
            if most.0.max(most.1) > enough || kind.counted == Counted::Nothing {
                break;
            }
        }
        self.end(t, &what, attack)?;
        let all = (written()? - disk) / 1024;
        let own = (hostile().written - begin.written) / 1024;
        let counted = format!("{what}: {all} KiB are written, {own} KiB are counted for the guest");
        match kind.counted {
            Counted::Whole => {
                t.check(&counted, own * 10 >= all * 9);
            }
            Counted::Data => t.note(&counted),
            Counted::Nothing => {
                t.skip(&counted, UNCOUNTED);
                return Ok(());
            }
        }
        t.check(
            &format!(
                "{what}: {:.1} times the bytes, {:.1} times the transfers of the limit",
                most.0, most.1
            ),
            most.0.max(most.1) > enough,
        );
        Ok(())
    }

    /// One attack beside the other guest.
    fn trial(&mut self, t: &mut Test, kind: &Kind, shared: bool) -> Outcome {
        let (mount, place) = match shared {
            true => (&self.one, "the same file system"),
            false => (&self.two, "another volume"),
        };
        let what = format!("{}, {place}", kind.name);
        let attack = self.begin(kind.body, true)?;
        t.check(&format!("{what}: they go on"), attack.does(1));
        let most = most(t.scale(), kind);
        let (alone, beside) = self.compare(mount, most, !shared || kind.gap.is_none())?;
        let text = format!("{what}: the other guest: {beside} us, alone {alone} us");
        match kind.gap {
            Some(gap) if shared => t.skip(&text, gap),
            _ => {
                t.check(&text, beside * 100 <= alone * most);
            }
        }
        let answer = self.arena.host.answers()?;
        t.check(
            &format!("{what}: the host answers: {answer:.0?}"),
            answer <= t.scale().prompt(),
        );
        self.end(t, &what, attack)
    }

    /// Waits until a guest has much that waits to be written.
    fn piles_up(&self, t: &mut Test, what: &str, side: &Side) {
        let waiting = || side.group.value("memory.stat", "file_writeback");
        let much = wait::until(GONE_WITHIN, || waiting() >= MEMORY / 6);
        t.check(
            &format!("{what}: {} KiB wait to be written", waiting() / 1024),
            much,
        );
    }

    /// How long others may wait for a guest on their file system, and on another volume.
    fn waits(
        &self,
        t: &mut Test,
        kind: &Kind,
        gap: &str,
        act: impl Fn(&Mount) -> Sys<()>,
    ) -> Outcome {
        let what = format!("{}, much of it", kind.name);
        let attack = self.begin(kind.body, true)?;
        self.piles_up(t, &what, &self.arena.hostile);
        let prompt = t.scale().prompt();
        let times = |mount: &Mount| {
            let mut times = Vec::new();
            for _ in 0..5 {
                let from = Instant::now();
                act(mount).need(&what)?;
                times.push(from.elapsed());
                // On the same file system one is enough, which may take long.
                if from.elapsed() > prompt && mount.0 == self.one.0 {
                    break;
                }
                sleep(Duration::from_millis(100));
            }
            times.sort_unstable();
            Ok(times)
        };
        // A busy machine delays one of them, another guest more.
        let far = times(&self.two)?;
        let far = far[far.len() / 2];
        let near = times(&self.one)?.pop().unwrap_or_default();
        t.check(
            &format!("{what}, another volume: others wait {far:.1?}"),
            far <= prompt,
        );
        let all = Duration::from_secs(MEMORY / RATE);
        t.check(
            &format!("{what}, the same file system: no longer than its memory takes"),
            near <= all + prompt,
        );
        t.skip(
            &format!("{what}, the same file system: others wait {near:.1?}"),
            gap,
        );
        self.end(t, &what, attack)
    }

    /// What the guest writes is what it may, give or take a transfer, and is counted for it.
    fn exact(&self, t: &mut Test, what: &str, body: Body, transfer: u64) -> Outcome {
        let what = format!("{what}, measured");
        let attack = self.begin(body, true)?;
        t.check(&format!("{what}: they go on"), attack.does(8));
        // Until what it may do at once is used up.
        sleep(Duration::from_millis(500));
        let (mut bytes, mut limit, mut slack) = (0.0, 0.0, 0.0);
        // A machine that others keep busy may write less for a while.
        for _ in 0..5 {
            let (before, from) = (self.moved(&self.arena.hostile).written, Instant::now());
            sleep(Duration::from_secs(2));
            bytes = (self.moved(&self.arena.hostile).written - before) as f64;
            limit = RATE as f64 * from.elapsed().as_secs_f64();
            slack = 0.1 * limit + transfer as f64;
            if bytes + slack >= limit {
                break;
            }
        }
        t.check(
            &format!("{what}: {:.1} % of the limit", bytes / limit * 100.0),
            (bytes - limit).abs() <= slack,
        );
        self.end(t, &what, attack)
    }

    /// A guest ends while much waits to be written at its pace: with its control group the pace
    /// is gone.
    fn stopped(&self, t: &mut Test) -> Outcome {
        let what = "the end in the middle of writes";
        let side = Side::make(t, "stopped", &[("memory.max", &MEMORY.to_string())])?;
        // So slow that it would take half a minute and more.
        let pace = format!("{} wbps={}", self.disk, MIB / 16);
        side.group.set("io.max", &pace)?;
        let place = self.one.of("hostile");
        let attack = side.attack(|marks| flood(marks, &place).err().unwrap_or(0))?;
        self.piles_up(t, what, &side);
        t.check(&format!("{what}: all its tasks end"), side.end_tasks());
        let from = Instant::now();
        t.check(
            &format!("{what}: its control group can be removed"),
            side.group.remove(),
        );
        self.one.sync().need("syncfs")?;
        let time = from.elapsed();
        t.check(
            &format!("{what}: all is written after {time:.1?}"),
            time <= Duration::from_secs(15),
        );
        drop(attack);
        Ok(())
    }
}

pub fn run(t: &mut Test) -> Outcome {
    let mut scene = Scene::set_up(t)?;
    transfers::prepare(&scene.one.of("hostile")).need("a large file")?;
    for kind in &[FLOOD, INSIST, READ, LITTER, EMPTY, CHAIN] {
        scene.control(t, kind)?;
        // Beside this one pieces that are waited for take seconds.
        if kind.gap != Some(ORDER) {
            scene.trial(t, kind, true)?;
        }
        scene.trial(t, kind, false)?;
    }
    scene.waits(t, &FLOOD, SYNC, |mount| mount.sync())?;
    let victim = &scene.arena.victim;
    scene.waits(t, &CHAIN, ORDER, |mount| {
        let place = mount.of("victim");
        let piece = victim.ask(|| work(&place, 1).map(drop));
        piece.unwrap_or(Err(libc::ECHILD))
    })?;
    scene.exact(t, "writes past the cache", direct, 0)?;
    scene.exact(t, INSIST.name, insist, 0)?;
    // The kernel puts pages of the cache together.
    scene.exact(t, FLOOD.name, flood, 4 * MIB)?;
    scene.stopped(t)?;
    scene.close(t)
}

/// Weights of a disk, for two guests that both want all of it.
pub fn weights(t: &mut Test) -> Outcome {
    let scene = Scene::set_up(t)?;
    let (one, two) = (scene.one.of("hostile"), scene.one.of("victim"));
    let (light, heavy) = (&scene.arena.hostile, &scene.arena.victim);
    light.group.set("io.weight", "default 100")?;
    heavy.group.set("io.weight", "default 300")?;
    let attacks = (
        light.attack(|marks| direct(marks, &one).err().unwrap_or(0))?,
        heavy.attack(|marks| direct(marks, &two).err().unwrap_or(0))?,
    );
    t.check("both write", attacks.0.does(8) && attacks.1.does(8));
    // A machine that is busy leaves both of them less than they want: then it is tried again.
    let share = |wanted: std::ops::RangeInclusive<f64>| {
        let mut got = f64::NAN;
        for _ in 0..6 {
            sleep(Duration::from_millis(500));
            let before = (scene.moved(light).written, scene.moved(heavy).written);
            sleep(Duration::from_millis(2000));
            let now = (scene.moved(light).written, scene.moved(heavy).written);
            got = (now.1 - before.1) as f64 / (now.0 - before.0).max(1) as f64;
            if wanted.contains(&got) {
                break;
            }
        }
        got
    };
    let without = share(0.5..=2.0);
    t.check(
        &format!("control: without io.cost.qos weights are nothing: {without:.2} to 1"),
        (0.5..=2.0).contains(&without),
    );
    let cost = Cost::begin(&scene.disk)?;
    let with = share(2.5..=3.5);
    t.check(
        &format!("three times the weight has {with:.2} times as much"),
        (2.5..=3.5).contains(&with),
    );
    t.check("all tasks of the other guest end", heavy.end_tasks());
    drop(cost);
    t.equal(
        "the other guest: no error",
        attacks.1.marks.errors(),
        vec![],
    );
    let (attack, other) = attacks;
    scene.end(t, "weights", attack)?;
    drop(other);
    scene.close(t)
}
