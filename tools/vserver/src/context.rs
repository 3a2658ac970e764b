// SPDX-License-Identifier: GPL-2.0

//! What the kernel tells of a context.

use crate::bits::{Named, Word};
use crate::output;
use crate::survey::{Survey, TaskEntry};
use libvserver::abi::{XID_MIN, rlimit, vhin};
use libvserver::names::{NETWORK_CAPS, NETWORK_FLAGS, RESOURCES, SPACES, names_of};
use libvserver::{Errno, Syscall, Vserver};
use serde::Serialize;

/// A running context: what identifies it, its rights and its tasks.
#[derive(Debug, Serialize)]
pub struct Context {
    /// Name of the context.
    pub name: String,
    /// Host name, when the context has a namespace for it.
    pub nodename: Option<String>,
    /// Pid of its init in the initial pid namespace.
    pub init_pid: Option<i32>,
    /// References to the context.
    pub references: u32,
    /// What keeps the context alive: its threads, and being persistent.
    pub claims: u32,
    /// Context flags.
    pub flags: Named,
    /// Capabilities that its tasks can have.
    pub capability_mask: Named,
    /// Context capabilities.
    pub context_capabilities: Named,
    /// Namespaces that the context stores.
    pub spaces: Vec<String>,
    /// Namespaces that its tasks may make.
    pub unshare_mask: Vec<String>,
    /// Its tasks.
    pub tasks: Vec<Task>,
}

/// A task inside a context.
#[derive(Debug, Serialize)]
pub struct Task {
    pid: i32,
    inner_pid: i32,
    threads: u32,
    age_seconds: u64,
    command: String,
}

impl From<&TaskEntry> for Task {
    fn from(entry: &TaskEntry) -> Self {
        Self {
            pid: entry.pid,
            inner_pid: entry.inner_pid,
            threads: entry.threads,
            age_seconds: entry.age,
            command: entry.command.clone(),
        }
    }
}

/// What else the kernel tells. Members are missing when the kernel does not know the question.
#[derive(Debug, Serialize)]
pub struct Details {
    /// Id of the network context of its init, 0 when that has none.
    pub nid: Option<u32>,
    /// Domain name, when the context has a namespace for it.
    pub domainname: Option<String>,
    /// Times and threads.
    pub statistics: Option<Statistics>,
    /// The mask that the kernel stores and does not use.
    pub warning_mask: String,
    /// Bias of the out-of-memory score.
    pub badness: i64,
    /// Priority bias of each processor.
    pub prio_bias: Option<Vec<i32>>,
    /// Resources that are limited.
    pub limits: Option<Vec<Limited>>,
    /// The network context, when there is one.
    pub network: Option<Network>,
}

/// Times and threads of a context.
#[derive(Debug, Serialize)]
pub struct Statistics {
    age_seconds: u64,
    clock_offset_nanoseconds: i64,
    threads: u32,
    running: u32,
    uninterruptible: u32,
    on_hold: u32,
    forks: u32,
    /// Load of 1, 5 and 15 minutes.
    load: [f64; 3],
}

/// A limited resource; a limit of none means unlimited.
#[derive(Debug, Serialize)]
pub struct Limited {
    resource: &'static str,
    #[serde(flatten)]
    limit: Limit,
    /// Present use, where the kernel counts it.
    in_use: Option<u64>,
    /// How often more was refused.
    refused: Option<u32>,
}

/// Soft and hard limit of a resource; none means unlimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Limit {
    /// Soft limit.
    pub soft: Option<u64>,
    /// Hard limit.
    pub hard: Option<u64>,
}

impl Limit {
    /// Reads the limits of a resource.
    ///
    /// # Errors
    ///
    /// The kernel refused.
    pub fn read<S: Syscall>(vserver: &Vserver<S>, xid: u32, resource: u32) -> Result<Self, Errno> {
        let limit = vserver.rlimit(xid, resource)?;
        let finite = |value| (value != rlimit::INFINITY).then_some(value);
        Ok(Self {
            soft: finite(limit.softlimit),
            hard: finite(limit.maximum),
        })
    }

    /// Sets the limits of a resource.
    ///
    /// # Errors
    ///
    /// The kernel refused.
    pub fn write<S: Syscall>(
        self,
        vserver: &Vserver<S>,
        xid: u32,
        resource: u32,
    ) -> Result<(), Errno> {
        let value = |limit: Option<u64>| limit.unwrap_or(rlimit::INFINITY);
        vserver.set_rlimit(xid, resource, value(self.soft), value(self.hard))
    }

    /// Both limits as `set --limit` takes them.
    pub fn text(self) -> String {
        let word = |limit: Option<u64>| {
            limit.map_or_else(|| "unlimited".to_owned(), |value| value.to_string())
        };
        format!("{}:{}", word(self.soft), word(self.hard))
    }
}

/// A network context.
#[derive(Debug, Serialize)]
pub struct Network {
    flags: Named,
    capabilities: Named,
}

/// Turns "no such context" into nothing.
fn unless_ended<T>(result: Result<T, Errno>) -> Result<Option<T>, Errno> {
    match result {
        Err(Errno(libc::ESRCH)) => Ok(None),
        other => other.map(Some),
    }
}

/// Turns "no such command" into nothing.
fn if_known<T>(result: Result<T, Errno>) -> Result<Option<T>, Errno> {
    match result {
        Err(Errno(libc::ENOSYS)) => Ok(None),
        other => other.map(Some),
    }
}

/// Reads a context; none when there is no such context, or not any more.
///
/// # Errors
///
/// The kernel refused.
pub fn read<S: Syscall>(
    vserver: &Vserver<S>,
    xid: u32,
    survey: &Survey,
) -> Result<Option<Context>, Errno> {
    let attempt = || -> Result<Context, Errno> {
        let info = vserver.info(xid)?;
        let stat = vserver.stat(xid)?;
        let spaces = survey.context(xid).map_or(0, |context| context.spaces[0]);
        Ok(Context {
            name: vserver.name(xid, vhin::CONTEXT)?,
            // Only readable when a host name namespace is stored.
            nodename: vserver.name(xid, vhin::NODENAME).ok(),
            init_pid: (info.initpid != 0).then_some(info.initpid as i32),
            references: stat.usecnt,
            claims: stat.tasks,
            flags: Word::Flags.named(vserver.flags(xid)?.value),
            capability_mask: Word::Bcaps.named(vserver.bcaps(xid)?.value),
            context_capabilities: Word::Ccaps.named(vserver.ccaps(xid)?.value),
            spaces: names_of(SPACES, spaces),
            unshare_mask: names_of(SPACES, vserver.umask(xid)?.value),
            tasks: survey.tasks_of(xid).map(Task::from).collect(),
        })
    };
    unless_ended(attempt())
}

/// Reads what else the kernel tells of a context; none when there is no such context any more.
///
/// # Errors
///
/// The kernel refused.
pub fn read_details<S: Syscall>(
    vserver: &Vserver<S>,
    xid: u32,
    context: &Context,
) -> Result<Option<Details>, Errno> {
    let attempt = || -> Result<Details, Errno> {
        let nid = network_id(vserver, context)?;
        Ok(Details {
            nid,
            domainname: vserver.name(xid, vhin::DOMAINNAME).ok(),
            statistics: if_known(vserver.virt_stat(xid))?.map(|stat| Statistics {
                age_seconds: stat.uptime / 1_000_000_000,
                // Two's complement.
                clock_offset_nanoseconds: stat.offset as i64,
                threads: stat.nr_threads,
                running: stat.nr_running,
                uninterruptible: stat.nr_uninterruptible,
                on_hold: stat.nr_onhold,
                forks: stat.nr_forks,
                load: stat.load.map(load),
            }),
            warning_mask: format!("{:#018x}", vserver.wmask(xid)?.value),
            badness: vserver.badness(xid)?,
            prio_bias: if_known(prio_bias(vserver, xid))?,
            limits: if_known(limits(vserver, xid))?,
            network: match nid {
                Some(nid) if nid >= XID_MIN => unless_ended(network(vserver, nid))?,
                _ => None,
            },
        })
    };
    unless_ended(attempt())
}

/// A load has 11 bits of fraction.
fn load(value: u32) -> f64 {
    (f64::from(value) / 2048.0 * 100.0).round() / 100.0
}

/// The network context of the init, or of the first task of a context without init.
fn network_id<S: Syscall>(vserver: &Vserver<S>, context: &Context) -> Result<Option<u32>, Errno> {
    let first = context.tasks.first().map(|task| task.pid);
    match context.init_pid.or(first) {
        None => Ok(None),
        Some(pid) => unless_ended(vserver.task_nid(pid as u32)),
    }
}

fn network<S: Syscall>(vserver: &Vserver<S>, nid: u32) -> Result<Network, Errno> {
    let flags = vserver.network_flags(nid)?.value;
    let capabilities = vserver.ncaps(nid)?.value;
    Ok(Network {
        flags: Named::new(flags, names_of(NETWORK_FLAGS, flags)),
        capabilities: Named::new(capabilities, names_of(NETWORK_CAPS, capabilities)),
    })
}

/// Reads the priority bias of each processor that the machine can have.
///
/// # Errors
///
/// The kernel refused.
pub fn prio_bias<S: Syscall>(vserver: &Vserver<S>, xid: u32) -> Result<Vec<i32>, Errno> {
    /// More than any kernel is built for.
    const MOST: i32 = 65_536;
    let mut all = Vec::new();
    for cpu in 0..MOST {
        match vserver.prio_bias(xid, cpu) {
            Ok(bias) => all.push(bias),
            Err(Errno(libc::EINVAL)) => break,
            Err(errno) => return Err(errno),
        }
    }
    Ok(all)
}

/// A value for each processor, as one when all are the same.
pub fn per_processor(values: &[i32]) -> String {
    match values {
        [] => "-".to_owned(),
        [first, rest @ ..] if rest.iter().all(|value| value == first) => first.to_string(),
        _ => values
            .iter()
            .map(i32::to_string)
            .collect::<Vec<_>>()
            .join(","),
    }
}

fn limits<S: Syscall>(vserver: &Vserver<S>, xid: u32) -> Result<Vec<Limited>, Errno> {
    let mask = vserver.rlimit_mask()?.maximum;
    let mut limits = Vec::new();
    for resource in RESOURCES {
        if mask & (1 << resource.id) == 0 {
            continue;
        }
        let limit = Limit::read(vserver, xid, resource.id)?;
        if limit.soft.is_none() && limit.hard.is_none() {
            continue;
        }
        // Not every resource is counted.
        let stat = vserver.rlimit_stat(xid, resource.id).ok();
        limits.push(Limited {
            resource: resource.name,
            limit,
            in_use: stat.map(|stat| stat.value),
            refused: stat.map(|stat| stat.hits),
        });
    }
    Ok(limits)
}

/// A line of text: its key and its value.
pub type Line = (&'static str, String);

impl Context {
    /// Keys and values for people, without the tasks.
    pub fn lines(&self) -> Vec<Line> {
        let mut lines = vec![("kernel's name", output::plain(&self.name))];
        if let Some(nodename) = &self.nodename {
            lines.push(("node name", output::plain(nodename)));
        }
        lines.push(("flags", self.flags.text()));
        lines.push(("capability mask", self.capability_mask.text()));
        lines.push(("context caps", self.context_capabilities.text()));
        lines.push(("spaces", self.spaces.join(" ")));
        lines.push(("may unshare", self.unshare_mask.join(" ")));
        lines.push((
            "counters",
            format!("{} references, {} claims", self.references, self.claims),
        ));
        lines
    }

    /// The tasks as a table.
    pub fn task_table(&self) -> String {
        let heading = ["PID", "INSIDE", "THREADS", "AGE", "COMMAND"];
        let mut rows = vec![heading.map(str::to_owned).to_vec()];
        rows.extend(self.tasks.iter().map(|task| {
            vec![
                task.pid.to_string(),
                task.inner_pid.to_string(),
                task.threads.to_string(),
                output::duration(task.age_seconds),
                output::plain(&task.command),
            ]
        }));
        output::table(&rows, &[0, 1, 2, 3])
    }
}

impl Statistics {
    fn lines(&self) -> Vec<Line> {
        let mut lines = vec![
            ("age", output::duration(self.age_seconds)),
            (
                "threads",
                format!(
                    "{}: {} can run, {} uninterruptible, {} on hold; {} forks",
                    self.threads, self.running, self.uninterruptible, self.on_hold, self.forks
                ),
            ),
            ("load", self.load.map(|load| format!("{load:.2}")).join(" ")),
        ];
        if self.clock_offset_nanoseconds != 0 {
            let offset = format!("{} ns", self.clock_offset_nanoseconds);
            lines.push(("clock offset", offset));
        }
        lines
    }
}

impl Details {
    /// Keys and values for people.
    pub fn lines(&self) -> Vec<Line> {
        let untold = || "not told by this kernel".to_owned();
        let mut lines = Vec::new();
        if let Some(domainname) = &self.domainname {
            lines.push(("domain name", output::plain(domainname)));
        }
        match &self.statistics {
            Some(statistics) => lines.extend(statistics.lines()),
            None => lines.push(("age", untold())),
        }
        lines.push(("warning mask", self.warning_mask.clone()));
        lines.push(("badness", self.badness.to_string()));
        let bias = self.prio_bias.as_deref();
        lines.push(("priority bias", bias.map_or_else(untold, per_processor)));
        match self.limits.as_deref() {
            None => lines.push(("limits", untold())),
            Some([]) => lines.push(("limits", "none".to_owned())),
            Some(limits) => lines.extend(limits.iter().map(|limited| {
                let mut text = format!("{} {}", limited.resource, limited.limit.text());
                if let (Some(in_use), Some(refused)) = (limited.in_use, limited.refused) {
                    text += &format!(", {in_use} in use, {refused} times refused");
                }
                ("limit", text)
            })),
        }
        match (&self.network, self.nid) {
            (Some(network), Some(nid)) => {
                lines.push(("network context", nid.to_string()));
                lines.push(("network flags", network.flags.text()));
                lines.push(("network caps", network.capabilities.text()));
            }
            _ => lines.push(("network context", "none".to_owned())),
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guest_gives_no_orders_to_the_terminal_of_who_looks() {
        let (fake, vserver, mut survey) = model();
        let orders = "x\x1b[2J\nweb";
        survey.tasks[0].command = orders.to_owned();
        vserver.set_name(42, vhin::NODENAME, "n\x07").unwrap();
        let mut context = read(&vserver, 42, &survey).unwrap().unwrap();
        context.name = orders.to_owned();
        let mut text = context.task_table();
        for (_, value) in context.lines() {
            assert!(!value.contains(char::is_control), "{value:?}");
            text += &value;
        }
        assert_eq!(context.task_table().lines().count(), 2);
        assert_eq!(text.matches("x\\u{1b}[2J\\nweb").count(), 2, "{text}");
        drop(fake);
    }
    use crate::survey::ContextEntry;
    use libvserver::abi::{nxf, space, vcmd, vxf};
    use libvserver::fake::Fake;
    use serde_json::{Value, json};

    /// A model with context 42, sealed; its only task is its init.
    fn model() -> (Fake, Vserver<Fake>, Survey) {
        let fake = Fake::new();
        let vserver = Vserver::with(fake.clone());
        let pid = fake.fork();
        fake.run_as(pid, || {
            vserver.create(42, Some(vxf::INIT_SET)).unwrap();
            vserver.set_name(42, vhin::CONTEXT, "web").unwrap();
            vserver
                .set_flags(42, 0, vxf::STATE_SETUP | vxf::STATE_INIT)
                .unwrap();
        });
        let survey = Survey {
            contexts: vec![ContextEntry {
                xid: 42,
                spaces: [space::UTS | space::PID, 0],
                ..Default::default()
            }],
            tasks: vec![TaskEntry {
                pid,
                xid: 42,
                inner_pid: 1,
                threads: 1,
                command: "/sbin/init".to_owned(),
                ..Default::default()
            }],
        };
        (fake, vserver, survey)
    }

    fn details(vserver: &Vserver<Fake>, survey: &Survey) -> Details {
        let context = read(vserver, 42, survey).unwrap().unwrap();
        read_details(vserver, 42, &context).unwrap().unwrap()
    }

    fn line(lines: &[Line], key: &str) -> String {
        let found = lines.iter().find(|line| line.0 == key);
        found.map_or_else(|| panic!("no {key} in {lines:?}"), |line| line.1.clone())
    }

    #[test]
    fn a_context_is_read() {
        let (fake, vserver, survey) = model();
        let context = read(&vserver, 42, &survey).unwrap().unwrap();
        let init = fake.tasks_of(42)[0];
        assert_eq!(context.name, "web");
        assert_eq!(context.init_pid, Some(init));
        assert_eq!(context.claims, 1);
        assert_eq!(context.spaces, ["UTS", "PID"]);
        let lines = context.lines();
        assert_eq!(line(&lines, "flags"), "0x0000000400000000 STATE_ADMIN");
        let table = context.task_table();
        assert!(table.contains("/sbin/init"), "{table}");
        let json = serde_json::to_value(&context).unwrap();
        assert_eq!(json["flags"]["names"], json!(["STATE_ADMIN"]));
        assert_eq!(json["tasks"][0]["inner_pid"], 1);
    }

    #[test]
    fn all_that_the_kernel_tells_is_told() {
        let (_, vserver, survey) = model();
        vserver.set_badness(42, -7).unwrap();
        vserver.set_prio_bias(42, None, 5).unwrap();
        vserver
            .set_rlimit(42, rlimit::NPROC, 10, rlimit::INFINITY)
            .unwrap();
        let found = details(&vserver, &survey);
        let lines = found.lines();
        assert_eq!(line(&lines, "badness"), "-7");
        assert_eq!(line(&lines, "priority bias"), "5");
        assert_eq!(
            line(&lines, "limit"),
            "nproc 10:unlimited, 1 in use, 0 times refused"
        );
        assert_eq!(line(&lines, "network context"), "none");
        assert!(line(&lines, "threads").starts_with("1: 1 can run"));
        let json = serde_json::to_value(&found).unwrap();
        assert_eq!(json["prio_bias"], json!([5, 5]));
        assert_eq!(
            json["limits"],
            json!([{ "resource": "nproc", "soft": 10, "hard": null, "in_use": 1, "refused": 0 }])
        );
        assert_eq!(json["nid"], 0);
        assert_eq!(json["network"], Value::Null);
        assert_eq!(json["statistics"]["threads"], 1);
        vserver.set_prio_bias(42, Some(1), -3).unwrap();
        assert_eq!(
            line(&details(&vserver, &survey).lines(), "priority bias"),
            "5,-3"
        );
    }

    #[test]
    fn a_network_context_is_told() {
        let (fake, vserver, survey) = model();
        let pid = fake.fork();
        fake.run_as(pid, || {
            vserver.create_network(7, None).unwrap();
            vserver.create(43, Some(vxf::INIT_SET)).unwrap();
            vserver.set_flags(43, 0, vxf::STATE_INIT).unwrap();
        });
        let context = read(&vserver, 43, &survey).unwrap().unwrap();
        let found = read_details(&vserver, 43, &context).unwrap().unwrap();
        assert_eq!(found.nid, Some(7));
        let lines = found.lines();
        assert_eq!(line(&lines, "network context"), "7");
        let expected = Named::new(nxf::INIT_SET, names_of(NETWORK_FLAGS, nxf::INIT_SET));
        assert_eq!(line(&lines, "network flags"), expected.text());
    }

    #[test]
    fn questions_that_the_kernel_does_not_know_are_left_open() {
        let (fake, vserver, survey) = model();
        let context = read(&vserver, 42, &survey).unwrap().unwrap();
        for cmd in [vcmd::VIRT_STAT, vcmd::GET_PRIO_BIAS, vcmd::GET_RLIMIT_MASK] {
            fake.fail_next(cmd, Errno(libc::ENOSYS));
        }
        let found = read_details(&vserver, 42, &context).unwrap().unwrap();
        assert!(found.statistics.is_none() && found.limits.is_none());
        for key in ["age", "priority bias", "limits"] {
            assert_eq!(line(&found.lines(), key), "not told by this kernel");
        }
    }

    #[test]
    fn a_context_that_is_gone_is_nothing() {
        let (fake, vserver, survey) = model();
        let context = read(&vserver, 42, &survey).unwrap().unwrap();
        assert!(read(&vserver, 43, &survey).unwrap().is_none());
        fake.exit(fake.tasks_of(42)[0], 0);
        assert!(read(&vserver, 42, &survey).unwrap().is_none());
        assert!(read_details(&vserver, 42, &context).unwrap().is_none());
        let (fake, vserver, survey) = model();
        fake.fail_next(vcmd::VX_INFO, Errno(libc::EIO));
        assert_eq!(read(&vserver, 42, &survey).unwrap_err(), Errno(libc::EIO));
    }
}
