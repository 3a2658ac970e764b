// SPDX-License-Identifier: GPL-2.0

//! Changing a running context: everything is checked before anything is changed, and a change that
//! fails half way is undone.

use crate::bits::{Edit, Named, Word};
use crate::context::{self, Limit, per_processor};
use crate::failure::{Failure, Outcome, Reason};
use crate::guest::hostname_problem;
use crate::live::not_running;
use crate::suggest::closest;
use libvserver::abi::{rlimit, vhin, vxf};
use libvserver::capability;
use libvserver::names::{ResourceName, resources_of};
use libvserver::{Errno, Syscall, Vserver};
use serde::Serialize;

/// A limit of nothing.
const UNLIMITED: &str = "unlimited";

/// One thing to change.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Hostname(String),
    Limit(ResourceName, Limit),
    Badness(i64),
    PrioBias(i32),
    Word(Word, Edit),
}

/// Changes that make sense, whatever the context is like.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// Flags are last: clearing STATE_ADMIN forbids all that follows.
    steps: Vec<Step>,
}

/// What a change is made of, as it was written.
#[derive(Clone, Debug, Default)]
pub struct Wishes<'a> {
    /// Names of context flags.
    pub flags: &'a [String],
    /// Names of context capabilities.
    pub ccaps: &'a [String],
    /// Names of capabilities.
    pub bcaps: &'a [String],
    /// Names of namespaces.
    pub umask: &'a [String],
    /// Host name.
    pub hostname: Option<&'a str>,
    /// Bias of the out-of-memory score.
    pub badness: Option<i64>,
    /// Priority bias of all processors.
    pub prio_bias: Option<i32>,
    /// `RESOURCE=SOFT[:HARD]`.
    pub limits: &'a [String],
}

impl Request {
    /// Checks what was written.
    ///
    /// # Errors
    ///
    /// [`Reason::Usage`] with what is wrong.
    pub fn new(wishes: &Wishes<'_>) -> Outcome<Self> {
        let mut steps = Vec::new();
        if let Some(hostname) = wishes.hostname {
            if let Some(problem) = hostname_problem(hostname) {
                return Err(Failure::new(
                    Reason::Usage,
                    format!("\"{hostname}\" is no host name: {problem}"),
                    "use a name such as \"web1\" or \"web1.example.org\"",
                ));
            }
            steps.push(Step::Hostname(hostname.to_owned()));
        }
        for text in wishes.limits {
            let (resource, limit) = parse_limit(text)?;
            let again = |step: &Step| matches!(step, Step::Limit(known, _) if *known == resource);
            if steps.iter().any(again) {
                return Err(Failure::new(
                    Reason::Usage,
                    format!("resource {} is limited twice", resource.name),
                    "name each resource once",
                ));
            }
            steps.push(Step::Limit(resource, limit));
        }
        steps.extend(wishes.badness.map(Step::Badness));
        steps.extend(wishes.prio_bias.map(Step::PrioBias));
        for (word, names) in [
            (Word::Umask, wishes.umask),
            (Word::Ccaps, wishes.ccaps),
            (Word::Bcaps, wishes.bcaps),
            (Word::Flags, wishes.flags),
        ] {
            let mut edit = Edit::default();
            for name in names {
                edit.add(word, name).map_err(|problem| {
                    Failure::new(Reason::Usage, problem.message, problem.remedy)
                })?;
            }
            if edit != Edit::default() {
                steps.push(Step::Word(word, edit));
            }
        }
        let request = Self { steps };
        // The mask goes first, so that there is no moment in between.
        if request.clears(Word::Flags, vxf::VIRT_TIME)
            && !request.clears(Word::Bcaps, 1 << capability::SYS_TIME)
        {
            return Err(Failure::new(
                Reason::Usage,
                "without the flag VIRT_TIME a guest whose mask has SYS_TIME sets the clock of the host",
                "take both away: --flag ~VIRT_TIME --bcap ~SYS_TIME",
            ));
        }
        Ok(request)
    }

    fn clears(&self, word: Word, bits: u64) -> bool {
        let clears = |step: &Step| matches!(step, Step::Word(of, edit) if *of == word && edit.clear & bits != 0);
        self.steps.iter().any(clears)
    }

    /// Whether tasks are to be allowed to make one of these namespaces.
    pub fn sets_umask(&self, spaces: u64) -> bool {
        let sets =
            |step: &Step| matches!(step, Step::Word(Word::Umask, edit) if edit.set & spaces != 0);
        self.steps.iter().any(sets)
    }
}

/// Names of the resources whose limits can be set.
pub fn resource_names() -> Vec<&'static str> {
    resources_of(rlimit::SETTABLE)
        .map(|resource| resource.name)
        .collect()
}

/// Reads `RESOURCE=SOFT[:HARD]`; one value stands for both.
fn parse_limit(text: &str) -> Outcome<(ResourceName, Limit)> {
    let usage = |message: String, remedy: &str| Failure::new(Reason::Usage, message, remedy);
    let Some((name, values)) = text.split_once('=') else {
        return Err(usage(
            format!("\"{text}\" is no limit"),
            "write RESOURCE=LIMIT or RESOURCE=SOFT:HARD, such as nproc=100:200",
        ));
    };
    let wanted = name.to_ascii_lowercase();
    let resource = resources_of(rlimit::SETTABLE)
        .find(|resource| resource.name == wanted)
        .ok_or_else(|| {
            let names = resource_names();
            let mut message = format!("there is no limit for a resource \"{name}\"");
            if let Some(meant) = closest(name, names.iter().copied()) {
                message += &format!("; did you mean \"{meant}\"?");
            }
            usage(
                message,
                &format!("use names of this list: {}", names.join(" ")),
            )
        })?;
    let value = |word: &str| match word {
        UNLIMITED => Ok(None),
        _ => word
            .parse()
            .ok()
            // What is above has a meaning of its own.
            .filter(|&number: &u64| number < rlimit::KEEP)
            .map(Some)
            .ok_or_else(|| {
                usage(
                    format!("\"{word}\" is no limit for {name}"),
                    "write a number in units of the resource, or \"unlimited\"",
                )
            }),
    };
    let (soft, hard) = values.split_once(':').unwrap_or((values, values));
    let limit = Limit {
        soft: value(soft)?,
        hard: value(hard)?,
    };
    let infinite = u64::MAX;
    if limit.soft.unwrap_or(infinite) > limit.hard.unwrap_or(infinite) {
        return Err(usage(
            format!("the soft limit {soft} for {name} is above the hard limit {hard}"),
            "raise the hard limit or lower the soft limit",
        ));
    }
    Ok((*resource, limit))
}

/// A value of a context.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Value {
    /// A word of bits.
    Word(Named),
    /// A limit.
    Limit(Limit),
    /// A name.
    Text(String),
    /// A number.
    Number(i64),
    /// A number for each processor.
    PerProcessor(Vec<i32>),
}

/// What has changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Name of the value.
    pub setting: String,
    /// The value before.
    pub old: Value,
    /// The value afterwards as the kernel tells it; none when the context has ended meanwhile.
    pub new: Option<Value>,
}

impl Change {
    /// The change in one line.
    pub fn text(&self) -> String {
        let Some(new) = &self.new else {
            return "the context has ended".to_owned();
        };
        match (&self.old, new) {
            (Value::Word(old), Value::Word(new)) => {
                let only = |sign: char, some: &Named, other: &Named| {
                    let names = some.names.iter().filter(|name| !other.names.contains(name));
                    names.map(|name| format!("{sign}{name}")).collect()
                };
                let mut words: Vec<String> = only('+', new, old);
                words.extend::<Vec<String>>(only('-', old, new));
                if words.is_empty() {
                    words.push("as before".to_owned());
                }
                words.join(" ")
            }
            (old, new) => format!("{} -> {}", old.text(), new.text()),
        }
    }
}

impl Value {
    fn text(&self) -> String {
        match self {
            Self::Word(word) => word.text(),
            Self::Limit(limit) => limit.text(),
            Self::Text(text) => format!("\"{text}\""),
            Self::Number(number) => number.to_string(),
            Self::PerProcessor(values) => per_processor(values),
        }
    }
}

/// A value as it was, in a form that can be put back.
enum Before {
    Word(u64),
    Limit(Limit),
    Text(String),
    Number(i64),
    PerProcessor(Vec<i32>),
}

impl Before {
    fn value(&self, step: &Step) -> Value {
        match (self, step) {
            (Self::Word(value), Step::Word(word, _)) => Value::Word(word.named(*value)),
            (Self::Word(value), _) => Value::Word(Named::new(*value, Vec::new())),
            (Self::Limit(limit), _) => Value::Limit(*limit),
            (Self::Text(text), _) => Value::Text(text.clone()),
            (Self::Number(number), _) => Value::Number(*number),
            (Self::PerProcessor(values), _) => Value::PerProcessor(values.clone()),
        }
    }
}

impl Step {
    fn name(&self) -> String {
        match self {
            Self::Hostname(_) => "hostname".to_owned(),
            Self::Limit(resource, _) => format!("limit {}", resource.name),
            Self::Badness(_) => "badness".to_owned(),
            Self::PrioBias(_) => "prio-bias".to_owned(),
            Self::Word(word, _) => match word {
                Word::Flags => "flags",
                Word::Ccaps => "ccaps",
                Word::Bcaps => "bcaps",
                Word::Umask => "umask",
            }
            .to_owned(),
        }
    }

    fn read<S: Syscall>(&self, vserver: &Vserver<S>, xid: u32) -> Result<Before, Errno> {
        Ok(match self {
            Self::Hostname(_) => Before::Text(vserver.name(xid, vhin::NODENAME)?),
            Self::Limit(resource, _) => Before::Limit(Limit::read(vserver, xid, resource.id)?),
            Self::Badness(_) => Before::Number(vserver.badness(xid)?),
            Self::PrioBias(_) => Before::PerProcessor(context::prio_bias(vserver, xid)?),
            Self::Word(word, _) => Before::Word(
                match word {
                    Word::Flags => vserver.flags(xid),
                    Word::Ccaps => vserver.ccaps(xid),
                    Word::Bcaps => vserver.bcaps(xid),
                    Word::Umask => vserver.umask(xid),
                }?
                .value,
            ),
        })
    }

    fn write<S: Syscall>(&self, vserver: &Vserver<S>, xid: u32) -> Result<(), Errno> {
        match self {
            Self::Hostname(text) => vserver.set_name(xid, vhin::NODENAME, text),
            Self::Limit(resource, limit) => limit.write(vserver, xid, resource.id),
            Self::Badness(bias) => vserver.set_badness(xid, *bias),
            Self::PrioBias(bias) => vserver.set_prio_bias(xid, None, *bias),
            Self::Word(word, edit) => write_word(vserver, xid, *word, edit.set, edit.mask()),
        }
    }

    /// Puts the value back.
    fn undo<S: Syscall>(
        &self,
        vserver: &Vserver<S>,
        xid: u32,
        before: &Before,
    ) -> Result<(), Errno> {
        match (self, before) {
            (Self::Word(word, edit), Before::Word(value)) => {
                write_word(vserver, xid, *word, *value, edit.mask())
            }
            (Self::Limit(resource, _), Before::Limit(limit)) => {
                limit.write(vserver, xid, resource.id)
            }
            (Self::Hostname(_), Before::Text(text)) => vserver.set_name(xid, vhin::NODENAME, text),
            (Self::Badness(_), Before::Number(bias)) => vserver.set_badness(xid, *bias),
            (Self::PrioBias(_), Before::PerProcessor(values)) => (0..)
                .zip(values)
                .try_for_each(|(cpu, bias)| vserver.set_prio_bias(xid, Some(cpu), *bias)),
            // Each step reads its own kind.
            _ => Ok(()),
        }
    }
}

fn write_word<S: Syscall>(
    vserver: &Vserver<S>,
    xid: u32,
    word: Word,
    value: u64,
    mask: u64,
) -> Result<(), Errno> {
    match word {
        Word::Flags => vserver.set_flags(xid, value, mask),
        Word::Ccaps => vserver.set_ccaps(xid, value, mask),
        Word::Bcaps => vserver.set_bcaps(xid, value, mask),
        Word::Umask => vserver.set_umask(xid, value, mask),
    }
}

/// Makes the changes in the context of the running guest `name`, all or none.
///
/// # Errors
///
/// [`Reason::Usage`] for one-time flags that cannot be set again, [`Reason::NotRunning`] when the
/// guest has ended, or the kernel refused.
pub fn apply<S: Syscall>(
    vserver: &Vserver<S>,
    name: &str,
    xid: u32,
    request: &Request,
) -> Outcome<Vec<Change>> {
    let mut before = Vec::new();
    for step in &request.steps {
        let value = step
            .read(vserver, xid)
            .map_err(|errno| refused(name, "read", step, errno))?;
        if let (Step::Word(Word::Flags, edit), Before::Word(flags)) = (step, &value) {
            check_one_time(name, *edit, *flags)?;
        }
        before.push(value);
    }
    for (index, step) in request.steps.iter().enumerate() {
        if let Err(errno) = step.write(vserver, xid) {
            let mut failure = refused(name, "set", step, errno);
            // A context that has ended has nothing to undo.
            if failure.reason != Reason::NotRunning {
                let done = &request.steps[..index];
                failure.message += &undo(vserver, xid, done, &before);
            }
            return Err(failure);
        }
    }
    Ok(request
        .steps
        .iter()
        .zip(&before)
        .map(|(step, old)| Change {
            setting: step.name(),
            old: old.value(step),
            new: step.read(vserver, xid).ok().map(|new| new.value(step)),
        })
        .collect())
}

/// Refuses what the kernel would silently leave undone.
fn check_one_time(name: &str, edit: Edit, flags: u64) -> Outcome<()> {
    let lost = edit.set & vxf::ONE_TIME & !flags;
    if lost == 0 {
        return Ok(());
    }
    Err(Failure::new(
        Reason::Usage,
        format!(
            "{} of guest \"{name}\" cannot be set: such a flag of the setup can be cleared once and \
             never be set again",
            Word::Flags.names_of(lost).join(" ")
        ),
        format!(
            "leave it out; `vserver reboot {name}` starts the guest anew, with the flags of a new \
             context"
        ),
    ))
}

/// Undoes the steps, last first, and tells how that went.
fn undo<S: Syscall>(vserver: &Vserver<S>, xid: u32, done: &[Step], before: &[Before]) -> String {
    if done.is_empty() {
        return "; nothing was changed".to_owned();
    }
    let mut undone = Vec::new();
    let mut stay = Vec::new();
    for (step, old) in done.iter().zip(before).rev() {
        match step.undo(vserver, xid, old) {
            Ok(()) => undone.push(step.name()),
            Err(errno) => stay.push(format!("{} ({errno})", step.name())),
        }
    }
    let mut text = String::new();
    if !undone.is_empty() {
        text += &format!("; undone: {}", undone.join(", "));
    }
    if !stay.is_empty() {
        text += &format!("; changed and not undone: {}", stay.join(", "));
    }
    text
}

fn refused(name: &str, verb: &str, step: &Step, errno: Errno) -> Failure {
    let what = step.name();
    let tried = format!("cannot {verb} {what} of guest \"{name}\": {errno}");
    match (errno.0, step) {
        (libc::ESRCH, _) => not_running(name),
        (libc::ENOSYS, _) => Failure::new(
            Reason::KernelError,
            tried,
            "this kernel does not have that value; `vserver kernel` shows what it supports",
        ),
        (libc::EACCES, _) => Failure::new(
            Reason::NoRight,
            format!("{tried}: its flag STATE_ADMIN is cleared"),
            "the host can neither change nor stop this context any more; shut the guest down from inside",
        ),
        (libc::EINVAL, Step::Hostname(_)) => Failure::new(
            Reason::KernelError,
            tried,
            "the context stores no host name namespace of its own; `vserver info` shows its spaces",
        ),
        _ => Failure::from_os(
            &format!("{verb} {what} of guest \"{name}\""),
            &errno.into(),
            "`vserver info` shows the present values",
        ),
    }
}

#[cfg(test)]
#[path = "change_tests.rs"]
mod tests;
