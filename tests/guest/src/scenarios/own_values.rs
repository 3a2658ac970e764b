// SPDX-License-Identifier: GPL-2.0

//! A machine of one's own size: what a guest is told of processors, memory, load and uptime is what
//! its configuration says, however it asks.

mod table;

use crate::harness::check::{Outcome, Test};
use crate::harness::group::Group;
use crate::harness::{Guest, Load, Need, Stop, Words, context, wait};
use crate::sys::{Sys, files, machine, process, sched};
use libvserver::abi::{VirtStat, space, vcmd, vhin, vxf};
use std::thread::sleep;
use std::time::{Duration, Instant};
use table::TABLE;

const MIB: u64 = 1 << 20;
/// Memory of the guest.
const MEMORY: u64 = 64 * MIB;
/// Numbers of a control group that were read at different times differ by what processors keep to
/// themselves: up to 64 pages each, and as much again for statistics that were not summed up.
const SLACK: f64 = 2.0 * MIB as f64;
/// Children of the guest's first process.
const CHILDREN: usize = 3;
/// All flags about values but that of the clock.
const ALL: u64 = vxf::VIRT_MEM | vxf::VIRT_UPTIME | vxf::VIRT_CPU | vxf::VIRT_LOAD;
/// Longest time to the next computation of loads: five seconds, and one that is late.
const LOADS_WITHIN: Duration = Duration::from_secs(30);

pub fn run(t: &mut Test) -> Outcome {
    all_ways(t)?;
    without_flags(t)?;
    a_group_inside(t)?;
    another_limit(t)?;
    loads(t)?;
    on_hold(t)
}

/// Answers about one value, by the way of asking.
fn ask(guest: &mut Guest, index: usize) -> Result<Vec<(&'static str, Sys<String>)>, Stop> {
    (0..TABLE[index].ways.len())
        .map(|way| {
            let answer = guest.call(
                |w: &Words| (TABLE[w.int(0) as usize].ways[w.int(1) as usize].1)(),
                &[index as i64, way as i64],
            )?;
            Ok((TABLE[index].ways[way].0, answer))
        })
        .collect()
}

/// A value that all ways must give.
enum Want {
    /// This text.
    Text(String),
    /// This number, or one that is so near.
    Near(f64, f64),
    /// A number between these.
    Between(f64, f64),
}

impl Want {
    fn number(value: impl Into<f64>) -> Self {
        Self::Near(value.into(), 0.0)
    }

    fn holds(&self, answer: &str) -> bool {
        let number = answer.parse::<f64>();
        match (self, number) {
            (Self::Text(text), _) => text == answer,
            (Self::Near(value, by), Ok(number)) => (number - value).abs() <= *by,
            (Self::Between(low, high), Ok(number)) => (*low..=*high).contains(&number),
            (_, Err(_)) => false,
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Text(text) => format!("{text:?}"),
            Self::Near(value, by) => format!("{value} +- {by}"),
            Self::Between(low, high) => format!("{low} to {high}"),
        }
    }
}

/// Checks all ways to ask for the value of that name.
fn agree(t: &mut Test, guest: &mut Guest, name: &str, want: &Want) -> Outcome {
    let index = TABLE.iter().position(|row| row.name == name);
    let index = index.need(&format!("{name} in the table"))?;
    for (way, answer) in ask(guest, index)? {
        if let Some(answer) = t.ok(&format!("inside: {name} by {way}"), answer) {
            t.check(
                &format!(
                    "inside: {name} by {way}: {answer:?}, wanted {}",
                    want.text()
                ),
                want.holds(&answer),
            );
        }
    }
    Ok(())
}

/// The group of a guest: the last processor, 64 MiB of memory, no swap.
fn small_group(t: &mut Test) -> Result<Group, Stop> {
    let group = Group::make(&format!("values-{}", t.xid()))?;
    group.set("cpuset.cpus", &(sched::processors() - 1).to_string())?;
    group.set("memory.max", &MEMORY.to_string())?;
    group.set("memory.swap.max", "0")?;
    Ok(group)
}

pub(super) fn virt(xid: u32) -> Result<VirtStat, Stop> {
    let mut data = VirtStat::default();
    context::with(vcmd::VIRT_STAT, xid, &mut data).need("virt_stat")?;
    Ok(data)
}

fn realtime() -> Result<f64, Stop> {
    machine::clock(libc::CLOCK_REALTIME).need("clock")
}

/// Time on all processors, in programs and in the kernel; seconds.
fn used(xid: u32) -> Result<(f64, f64), Stop> {
    let mut sum = (0.0, 0.0);
    for cpu_id in 0..sched::processors() {
        let mut info = libvserver::abi::SchedInfo {
            cpu_id,
            ..Default::default()
        };
        context::with(vcmd::SCHED_INFO, xid, &mut info).need("sched_info")?;
        sum.0 += info.user_msec as f64 / 1000.0;
        sum.1 += info.sys_msec as f64 / 1000.0;
    }
    Ok(sum)
}

fn children(_: &Words) -> Sys<()> {
    for _ in 0..CHILDREN {
        process::sleeper()?;
    }
    Ok(())
}

/// The table: what each value must be follows from the configuration, or from what somebody outside
/// is told in another way.
fn all_ways(t: &mut Test) -> Outcome {
    let group = small_group(t)?;
    let cpu = f64::from(sched::processors() - 1);
    let plan = Guest::plan(t.xid())
        .flags(ALL)
        .namespaces(space::UTS | space::PID | space::MNT);
    let mut guest = group.within(|| plan.start())?;
    let xid = guest.xid();
    for (field, name) in [
        (vhin::SYSNAME, "OwnSystem"),
        (vhin::NODENAME, "own.example"),
        (vhin::RELEASE, "1.2.3-own"),
        (vhin::VERSION, "#7 own"),
        (vhin::MACHINE, "own64"),
        (vhin::DOMAINNAME, "example"),
    ] {
        context::set_name(xid, field, name).need("set a name")?;
    }
    t.ok("inside: /proc of its own", guest.ask(own_proc)?);
    t.ok("inside: children", guest.ask(children)?);
    t.ok("inside: some of its memory", guest.ask(use_memory)?);

    let memory = |name: &str| group.number("memory.stat", name).map(|n| n as f64);
    let near = |bytes: f64| Want::Near(bytes, SLACK);
    let current = group.number("memory.current", "")? as f64;
    let free = MEMORY as f64 - current;
    let cache = memory("active_file")? + memory("inactive_file")? + memory("slab_reclaimable")?;
    let stat = virt(xid)?;
    let age = stat.uptime as f64 / 1e9;
    let begun = realtime()? - age;
    let (user, system) = used(xid)?;
    let threads = 1 + CHILDREN as u32;
    t.equal("outside: threads", stat.nr_threads, threads);
    // The first process of its pid namespace was forked in the context as well.
    t.equal("outside: forks", stat.nr_forks, threads);

    // What takes time: to ask for everything, on a machine that may stand still for a while.
    let late = 30.0;
    let wanted = [
        ("processors", Want::number(1)),
        ("their numbers", Want::number(cpu)),
        ("the present one", Want::number(cpu)),
        ("memory", Want::Text(MEMORY.to_string())),
        ("free memory", near(free)),
        ("available memory", near(free + cache)),
        ("buffers", Want::number(0)),
        ("shared memory", near(memory("shmem")?)),
        ("cached files", near(memory("file")?)),
        ("memory of programs", near(memory("anon")?)),
        ("slabs", near(memory("slab")?)),
        ("stacks of the kernel", near(memory("kernel_stack")?)),
        ("page tables", near(memory("pagetables")?)),
        ("high memory", Want::number(0)),
        ("swap", Want::number(0)),
        ("free swap", Want::number(0)),
        ("load of a minute", Want::Between(0.0, 0.5)),
        ("load of five minutes", Want::Between(0.0, 0.1)),
        ("load of a quarter of an hour", Want::Between(0.0, 0.05)),
        ("threads", Want::number(threads)),
        ("threads that run", Want::number(1)),
        ("threads that wait for disks", Want::number(0)),
        ("forks", Want::number(stat.nr_forks)),
        ("uptime", Want::Between(age - 0.02, age + late)),
        // Both round to seconds.
        ("time of the boot", Want::Near(begun, 2.0)),
        ("start of the process", Want::Between(0.0, age)),
        ("age of the process", Want::Between(0.0, age + late)),
        ("time in programs", Want::Between(user - 0.02, user + late)),
        (
            "time in the kernel",
            Want::Between(system - 0.02, system + late),
        ),
        ("time of all kinds", Want::Between(age - 0.1, age + late)),
        (
            "idle time",
            Want::Between(0.0, (age + late) * f64::from(sched::processors())),
        ),
        ("system", Want::Text("OwnSystem".into())),
        ("name of the host", Want::Text("own.example".into())),
        ("release", Want::Text("1.2.3-own".into())),
        ("version", Want::Text("#7 own".into())),
        ("machine", Want::Text("own64".into())),
        ("domain", Want::Text("example".into())),
        ("number of the process", Want::number(1)),
        ("context", Want::number(xid)),
        ("bytes in the log", Want::number(0)),
        (
            "clock",
            Want::Between(realtime()? - 0.1, realtime()? + late),
        ),
    ];
    for (name, want) in &wanted {
        agree(t, &mut guest, name, want)?;
    }
    let named: Vec<&str> = wanted.iter().map(|(name, _)| *name).collect();
    let rows: Vec<&str> = TABLE.iter().map(|row| row.name).collect();
    t.equal("every value of the table was asked for", named, rows);
    t.check("the table has forty values", TABLE.len() >= 40);

    // The other half: the machine is as it was for everybody else.
    let host = machine::sysinfo().need("sysinfo")?;
    t.check(
        "outside: memory of the machine",
        host.totalram * u64::from(host.mem_unit) > MEMORY,
    );
    t.equal(
        "outside: processors",
        machine::affinity().need("affinity")?.len(),
        sched::processors() as usize,
    );
    t.check(
        "outside: it is older than the guest",
        host.uptime as f64 >= age,
    );
    Ok(())
}

/// A mount of procfs for the pid namespace of the caller, over that of the host.
fn own_proc(_: &Words) -> Sys<()> {
    files::make_private()?;
    files::mount("proc", "/proc", "proc", 0, "")
}

/// Memory that stays with the caller.
fn use_memory(_: &Words) -> Sys<()> {
    std::mem::forget(vec![1_u8; 5 * MIB as usize]);
    Ok(())
}

/// Control: without its flag each value is that of the host, and a flag counts at once.
fn without_flags(t: &mut Test) -> Outcome {
    let group = small_group(t)?;
    let xid = t.xid();
    let mut guest = group.within(|| Guest::start(xid))?;
    let host = machine::sysinfo().need("sysinfo")?;
    let total = host.totalram * u64::from(host.mem_unit);
    let all = f64::from(sched::processors());
    let age = host.uptime as f64;
    let changes = [
        (
            vxf::VIRT_MEM,
            "memory",
            Want::Text(total.to_string()),
            Want::Text(MEMORY.to_string()),
        ),
        (
            vxf::VIRT_UPTIME,
            "uptime",
            Want::Between(age - 1.0, age + 60.0),
            Want::Between(0.0, age.min(60.0) - 0.5),
        ),
        (
            vxf::VIRT_LOAD,
            "threads",
            Want::Between(20.0, 100_000.0),
            Want::number(1),
        ),
    ];
    for (flag, name, before, after) in &changes {
        agree(t, &mut guest, name, before)?;
        context::set_flags(guest.xid(), *flag, *flag).need("set a flag")?;
        agree(t, &mut guest, name, after)?;
        context::set_flags(guest.xid(), 0, *flag).need("clear a flag")?;
        agree(t, &mut guest, name, before)?;
    }
    // The set of processors is a matter of the group; what tells of others is one of the flag.
    let told = |guest: &mut Guest| guest.ask(|_| files::read("/sys/devices/system/cpu/online"));
    let online = files::read("/sys/devices/system/cpu/online").need("online")?;
    t.gives("inside: without the flag", told(&mut guest)?, online);
    context::set_flags(guest.xid(), vxf::VIRT_CPU, vxf::VIRT_CPU).need("set a flag")?;
    t.gives(
        "inside: with the flag",
        told(&mut guest)?,
        format!("{}\n", all - 1.0),
    );
    t.gives(
        "inside: those that there could be",
        guest.ask(|_| files::read("/sys/devices/system/cpu/possible"))?,
        files::read("/sys/devices/system/cpu/possible").need("possible")?,
    );
    context::set_flags(guest.xid(), vxf::VIRT_MEM, vxf::VIRT_MEM).need("set a flag")?;
    group.set("memory.max", "max")?;
    agree(t, &mut guest, "memory", &changes[0].2)?;
    // A program that was handed a file of the host reads what the host sees.
    for file in ["stat", "meminfo", "cpuinfo", "loadavg", "uptime", "swaps"] {
        t.refused(
            &format!("inside: write to /proc/{file}"),
            guest.tell(
                |w| files::write(&w.text, "1"),
                &format!("/proc/{file}"),
                &[],
            )?,
            libc::EACCES,
        );
    }
    Ok(())
}

/// A service of the guest that has less sees the memory of the guest: its cgroup namespace says what
/// is the guest.
fn a_group_inside(t: &mut Test) -> Outcome {
    let group = small_group(t)?;
    let (outer, inner) = (group.inner("guest")?, group.inner("other")?);
    outer.set("memory.max", &(MEMORY / 2).to_string())?;
    inner.set("memory.max", &(MEMORY / 4).to_string())?;
    let plan = Guest::plan(t.xid()).flags(ALL).namespaces(space::CGROUP);
    let mut guest = outer.within(|| plan.start())?;
    let half = Want::Text((MEMORY / 2).to_string());
    agree(t, &mut guest, "memory", &half)?;
    let enter = guest.tell(|w| files::write(&w.text, "0"), &inner.entry(), &[])?;
    t.ok("inside: go to the other group", enter);
    agree(t, &mut guest, "memory", &half)?;
    t.gives(
        "inside: it is there",
        guest.ask(|_| files::read("/proc/self/cgroup"))?,
        "0::/../other\n".into(),
    );
    // In the cgroup namespace of the host it is the group of who asks.
    let plan = Guest::plan(t.xid()).flags(ALL);
    let mut plain = inner.within(|| plan.start())?;
    let quarter = Want::Text((MEMORY / 4).to_string());
    agree(t, &mut plain, "memory", &quarter)?;
    // And a group around it that has less is what there is.
    group.set("memory.max", &(MEMORY / 8).to_string())?;
    let eighth = Want::Text((MEMORY / 8).to_string());
    agree(t, &mut plain, "memory", &eighth)?;
    agree(t, &mut guest, "memory", &eighth)
}

/// Limits and sets of processors change while a guest runs.
fn another_limit(t: &mut Test) -> Outcome {
    let group = small_group(t)?;
    let plan = Guest::plan(t.xid()).flags(ALL);
    let mut guest = group.within(|| plan.start())?;
    for size in [MEMORY, MEMORY / 2, 3 * MEMORY / 2] {
        group.set("memory.max", &size.to_string())?;
        agree(t, &mut guest, "memory", &Want::Text(size.to_string()))?;
    }
    let host = machine::sysinfo().need("sysinfo")?;
    let total = host.totalram * u64::from(host.mem_unit);
    group.set("memory.max", &(2 * total).to_string())?;
    agree(t, &mut guest, "memory", &Want::Text(total.to_string()))?;
    let all: Vec<String> = (0..sched::processors())
        .map(|cpu| cpu.to_string())
        .collect();
    group.set("cpuset.cpus", &all.join(","))?;
    agree(
        t,
        &mut guest,
        "processors",
        &Want::number(sched::processors()),
    )?;
    agree(t, &mut guest, "their numbers", &Want::Text(all.join(" ")))
}

/// Two threads that compute are a load of two, of their guest and of no other.
fn loads(t: &mut Test) -> Outcome {
    let mut busy = Guest::plan(t.xid()).flags(ALL).start()?;
    let mut idle = Guest::plan(t.xid()).flags(ALL).start()?;
    let load = Load::run(busy.xid(), 2)?;
    let from = Instant::now();
    let before = virt(busy.xid())?;
    let moved = wait::until(LOADS_WITHIN, || {
        virt(busy.xid()).is_ok_and(|now| now.nr_running >= 2 && now.load[0] > before.load[0])
    });
    t.check("outside: the load was computed", moved);
    let passed = from.elapsed().as_secs_f64();
    let stat = virt(busy.xid())?;
    let minute = f64::from(stat.load[0]) / 2048.0;
    // Two threads for at least the time of one computation, and with those that ask no more than
    // three for all of the time.
    t.check(
        &format!("outside: load of a minute {minute:.3} after {passed:.1} s"),
        minute > 0.1 && minute < 3.0 * (passed + 5.0) / 60.0,
    );
    agree(
        t,
        &mut busy,
        "load of a minute",
        &Want::Near(minute, 0.02 + 0.3 * f64::from(t.scale().slowness())),
    )?;
    agree(t, &mut busy, "threads that run", &Want::Between(2.0, 3.0))?;
    agree(t, &mut idle, "threads that run", &Want::number(1))?;
    // Its own reader may be found running, once.
    agree(t, &mut idle, "load of a minute", &Want::Between(0.0, 0.15))?;
    let text = files::read(&format!("/proc/virtual/{}/cvirt", busy.xid())).need("cvirt")?;
    t.check(
        "outside: the file of the context tells it too",
        files::field(&text, "loadavg").is_some_and(|loads| !loads.trim().starts_with("0.00 ")),
    );
    context::kill(busy.xid(), load.pid(), libc::SIGKILL).need("kill")?;
    load.finish()?;
    Ok(())
}

/// Threads on hold are counted as that, and are no load.
fn on_hold(t: &mut Test) -> Outcome {
    let mut guest = Guest::plan(t.xid()).flags(ALL).start()?;
    let load = Load::run(guest.xid(), 3)?;
    // Who is held before it computes keeps the others from it.
    let all = wait::until(LOADS_WITHIN, || {
        virt(guest.xid()).is_ok_and(|stat| stat.nr_running >= 3)
    });
    t.check("outside: three threads run", all);
    let mut bucket = libvserver::abi::SchedV5 {
        mask: libvserver::abi::vxsm::FILL_RATE
            | libvserver::abi::vxsm::TOKENS
            | libvserver::abi::vxsm::TOKENS_MIN,
        tokens_min: 1,
        ..Default::default()
    };
    context::with(vcmd::SET_SCHED, guest.xid(), &mut bucket).need("an empty bucket")?;
    context::set_flags(guest.xid(), vxf::SCHED_HARD, vxf::SCHED_HARD).need("the flag")?;
    let held = wait::until(LOADS_WITHIN, || {
        virt(guest.xid()).is_ok_and(|stat| stat.nr_onhold >= 3 && stat.nr_running == 0)
    });
    t.check("outside: three threads are on hold and none runs", held);
    t.equal(
        "outside: they wait for no disk",
        virt(guest.xid())?.nr_uninterruptible,
        0,
    );
    // Long enough to be told in hundredths of a second.
    sleep(Duration::from_millis(100));
    context::set_flags(guest.xid(), 0, vxf::SCHED_HARD).need("the flag")?;
    let runs = wait::until(LOADS_WITHIN, || {
        virt(guest.xid()).is_ok_and(|stat| stat.nr_onhold == 0 && stat.nr_running >= 3)
    });
    t.check("outside: then they run again", runs);
    let spent = |guest: &mut Guest| -> Result<f64, Stop> {
        let answer = guest.ask(|_| files::read("/proc/stat"))?.need("stat")?;
        let stolen = answer
            .split_ascii_whitespace()
            .nth(8)
            .map(str::parse::<f64>);
        stolen.and_then(Result::ok).need("time that was stolen")
    };
    t.check("inside: time on hold was stolen", spent(&mut guest)? > 0.0);
    context::kill(guest.xid(), load.pid(), libc::SIGKILL).need("kill")?;
    load.finish()?;
    Ok(())
}
