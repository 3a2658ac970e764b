// SPDX-License-Identifier: GPL-2.0

//! The TOML description of a guest: reading with exact error places, and writing.

use crate::bits::{Edit, Word};
use crate::failure::{Failure, Outcome, Reason};
use crate::guest::{self, DEFAULT_INIT, Guest, Mount, PidNamespace};
use crate::limits::{Limits, OPEN_SPACES};
use crate::limits_section::{self, with_limits};
use crate::network_section::{NewSection, Section};
use crate::{rights, signals};
use libvserver::{abi, capability};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use toml::Spanned;

/// The file as it is read. Values that are checked further keep their place in the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Document {
    xid: Spanned<u32>,
    root: Spanned<PathBuf>,
    hostname: Option<Spanned<String>>,
    init: Option<Spanned<Vec<String>>>,
    pid_namespace: Option<Spanned<String>>,
    #[serde(default)]
    caps: Vec<Spanned<String>>,
    #[serde(default)]
    drop: Vec<Spanned<String>>,
    #[serde(default)]
    flags: Vec<Spanned<String>>,
    #[serde(default)]
    ccaps: Vec<Spanned<String>>,
    #[serde(default)]
    umask: Vec<Spanned<String>>,
    #[serde(default)]
    mounts: Vec<Spanned<Mount>>,
    #[serde(default)]
    env: BTreeMap<String, Spanned<String>>,
    stop_signal: Option<Spanned<String>>,
    network: Option<Section>,
    limits: Option<limits_section::Section>,
}

/// The file as it is written by `create`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct NewDocument<'a> {
    /// Context id.
    pub xid: u32,
    /// Root directory on the host.
    pub root: &'a Path,
    /// Host name inside.
    pub hostname: &'a str,
    /// Command run as pid 1.
    pub init: &'a [String],
    /// The pid namespace, unless it is the usual one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid_namespace: Option<PidNamespace>,
    /// Names of flags beside those that every guest has.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub flags: &'a [&'a str],
    /// The network, unless it is that of the host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<&'a NewSection>,
}

/// Text of a description while it is checked.
pub(crate) struct Source<'a> {
    file: &'a Path,
    text: &'a str,
}

impl Source<'_> {
    /// Builds the failure for an error at `span`: place, line, marker, remedy.
    pub(crate) fn error(&self, span: Option<Range<usize>>, problem: &str, remedy: &str) -> Failure {
        let file = self.file.display();
        let Some(span) = span else {
            return Failure::new(
                Reason::BrokenConfiguration,
                format!("{file}: {problem}"),
                remedy,
            );
        };
        let start = boundary(self.text, span.start);
        let before = &self.text[..start];
        let line_number = before.matches('\n').count() + 1;
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = self.text[line_start..].lines().next().unwrap_or("");
        let column = self.text[line_start..start].chars().count() + 1;
        let end = boundary(self.text, span.end.max(start));
        let marked = self.text[start..end].lines().next().unwrap_or("");
        let room = (line.chars().count() + 1).saturating_sub(column).max(1);
        let marker = "^".repeat(marked.chars().count().clamp(1, room));
        let pad = " ".repeat(line_number.to_string().len());
        let indent: String = line
            .chars()
            .take(column - 1)
            .map(|found| if found == '\t' { '\t' } else { ' ' })
            .collect();
        Failure::new(
            Reason::BrokenConfiguration,
            format!(
                "{file}:{line_number}:{column}: {problem}\n  {line_number} | {line}\n  {pad} | {indent}{marker}"
            ),
            remedy,
        )
    }

    /// Builds the failure for an error in `value`.
    pub(crate) fn at<T>(&self, value: &Spanned<T>, problem: &str, remedy: &str) -> Failure {
        self.error(Some(value.span()), problem, remedy)
    }

    fn capabilities(&self, names: &[Spanned<String>]) -> Outcome<u64> {
        names.iter().try_fold(0, |mask, name| {
            let known = capability::by_name(name.get_ref()).ok_or_else(|| {
                self.at(
                    name,
                    &format!("there is no capability \"{}\"", name.get_ref()),
                    "use a name of capabilities(7), such as \"NET_RAW\"",
                )
            })?;
            Ok(mask | known.bit())
        })
    }

    /// Reads a list of names as `vserver set` takes them, as a change of `default`.
    fn bits(&self, word: Word, names: &[Spanned<String>], default: u64) -> Outcome<u64> {
        let mut edit = Edit::default();
        for name in names {
            edit.add(word, name.get_ref())
                .map_err(|problem| self.at(name, &problem.message, &problem.remedy))?;
            if word == Word::Flags && edit.mask() & abi::vxf::ONE_TIME != 0 {
                return Err(self.at(
                    name,
                    &format!("flag \"{}\" belongs to the start itself", name.get_ref()),
                    "leave it out; `vserver set` can clear it in the running guest",
                ));
            }
        }
        Ok(edit.applied_to(default))
    }

    fn pid_namespace(&self, found: Option<&Spanned<String>>) -> Outcome<PidNamespace> {
        match found.map(|name| (name, name.get_ref().as_str())) {
            None => Ok(PidNamespace::default()),
            Some((_, "own")) => Ok(PidNamespace::Own),
            Some((_, "shared")) => Ok(PidNamespace::Shared),
            Some((place, name)) => Err(self.at(
                place,
                &format!("there is no pid namespace \"{name}\""),
                "use \"own\", or \"shared\" for a legacy init in the pid namespace of the host",
            )),
        }
    }

    /// Reads the flags; INFO_INIT goes with a shared pid namespace, and only with it.
    fn flags(&self, names: &[Spanned<String>], pid_namespace: PidNamespace) -> Outcome<u64> {
        let flags = self.bits(Word::Flags, names, pid_namespace.flags())?;
        let shared = pid_namespace == PidNamespace::Shared;
        if shared == (flags & abi::vxf::INFO_INIT != 0) {
            return Ok(flags);
        }
        let named = names.iter().find(|name| {
            let name = name.get_ref().trim_start_matches('~');
            Word::Flags.find(name) == Some(abi::vxf::INFO_INIT)
        });
        let span = named.map(Spanned::span);
        Err(if shared {
            self.error(
                span,
                "without flag INFO_INIT nobody is pid 1 in a shared pid namespace",
                "leave \"~INFO_INIT\" out, or the line `pid-namespace`",
            )
        } else {
            self.error(
                span,
                "flag INFO_INIT has no effect in an own pid namespace",
                "leave it out, or write `pid-namespace = \"shared\"` for a legacy init",
            )
        })
    }

    fn mount(&self, mount: &Spanned<Mount>) -> Outcome<Mount> {
        let found = mount.get_ref();
        let target = Path::new(&found.target);
        if !guest::is_plain_absolute(target) || target == Path::new("/") {
            return Err(self.at(
                mount,
                &format!(
                    "mount target \"{}\" is not a path below / of the guest",
                    found.target
                ),
                "write an absolute path without \"..\", as the guest sees it",
            ));
        }
        if found.is_bind() && !guest::is_plain_absolute(Path::new(&found.source)) {
            return Err(self.at(
                mount,
                &format!(
                    "mount source \"{}\" is not an absolute path of the host",
                    found.source
                ),
                "write an absolute path without \"..\", or set the type of the file system",
            ));
        }
        Ok(found.clone())
    }

    fn check(&self, name: &str, document: Document) -> Outcome<Guest> {
        let xid = *document.xid.get_ref();
        if !(abi::XID_MIN..=abi::XID_MAX).contains(&xid) {
            return Err(self.at(
                &document.xid,
                &format!("context id {xid} is out of range"),
                "choose an id from 2 to 65535 that no other guest has",
            ));
        }
        let root = document.root.get_ref();
        if !guest::is_plain_absolute(root) || root == Path::new("/") {
            return Err(self.at(
                &document.root,
                &format!(
                    "root \"{}\" is not a directory below / of the host",
                    root.display()
                ),
                "write the absolute path of the guest's root directory, without \"..\"",
            ));
        }
        let hostname = match &document.hostname {
            None => name.replace('_', "-"),
            Some(hostname) => match guest::hostname_problem(hostname.get_ref()) {
                None => hostname.get_ref().clone(),
                Some(problem) => {
                    return Err(self.at(
                        hostname,
                        &format!("\"{}\" is no host name: {problem}", hostname.get_ref()),
                        "use a name such as \"web1\" or \"web1.example.org\"",
                    ));
                }
            },
        };
        let init = match &document.init {
            None => vec![DEFAULT_INIT.to_owned()],
            Some(init) => {
                let words = init.get_ref();
                if words.first().is_none_or(String::is_empty)
                    || words.iter().any(|word| word.contains('\0'))
                {
                    return Err(self.at(
                        init,
                        "init is no command",
                        "write the program and its arguments, such as [\"/sbin/init\"]",
                    ));
                }
                words.clone()
            }
        };
        for (variable, value) in &document.env {
            let bad_name = variable.is_empty() || variable.contains(['=', '\0']);
            if bad_name || value.get_ref().contains('\0') {
                return Err(self.at(
                    value,
                    &format!("\"{variable}\" cannot be an environment variable"),
                    "use a name without '=' and a value without zero bytes",
                ));
            }
        }
        let stop_signal = match &document.stop_signal {
            None => None,
            Some(signal) => Some(signals::by_name(signal.get_ref()).ok_or_else(|| {
                self.at(
                    signal,
                    &format!("\"{}\" is no signal to stop with", signal.get_ref()),
                    "use a name such as \"SIGTERM\", \"SIGPWR\" or \"SIGRTMIN+3\"",
                )
            })?),
        };
        let pid_namespace = self.pid_namespace(document.pid_namespace.as_ref())?;
        let network = document.network.as_ref();
        let limits = document.limits.as_ref();
        let limits = limits.map_or_else(|| Ok(Limits::default()), |section| section.check(self))?;
        let umask = self.bits(Word::Umask, &document.umask, 0)?;
        if limits.need_cgroup() && umask & OPEN_SPACES != 0 {
            return Err(self.error(
                document.umask.last().map(Spanned::span),
                "a guest with limits that may make user or cgroup namespaces could change its limits",
                "leave USER and CGROUP out of `umask`, or lift the limits other than cpu and files",
            ));
        }
        let flags = self.flags(&document.flags, pid_namespace)?;
        // The flag is of no use without it, and with the flag it reaches no other clock.
        let own_clock = match flags & abi::vxf::VIRT_TIME {
            0 => 0,
            _ => 1 << capability::SYS_TIME,
        };
        Ok(Guest {
            name: name.to_owned(),
            file: self.file.to_owned(),
            xid,
            root: root.clone(),
            hostname,
            init,
            pid_namespace,
            capabilities: guest::capability_mask(
                self.capabilities(&document.caps)? | own_clock,
                self.capabilities(&document.drop)?,
            ),
            flags,
            ccaps: self.bits(Word::Ccaps, &document.ccaps, rights::CONTEXT_CAPS)?,
            umask,
            mounts: document
                .mounts
                .iter()
                .map(|mount| self.mount(mount))
                .collect::<Outcome<_>>()?,
            env: document
                .env
                .into_iter()
                .map(|(variable, value)| (variable, value.into_inner()))
                .collect(),
            stop_signal,
            network: network.map(|section| section.check(self)).transpose()?,
            limits,
        })
    }
}

/// The last position up to `index` at which a character of `text` begins, or its end.
fn boundary(text: &str, index: usize) -> usize {
    let index = index.min(text.len());
    let mut candidates = (0..=index).rev();
    candidates
        .find(|&candidate| text.is_char_boundary(candidate))
        .unwrap_or(0)
}

/// Reads the description `text` of guest `name`, which stands in `file`.
///
/// # Errors
///
/// [`Reason::BrokenConfiguration`], with line and column, for text that is not TOML, unknown or
/// missing fields, and values out of range.
pub fn parse(name: &str, file: &Path, text: &str) -> Outcome<Guest> {
    let source = Source { file, text };
    let document: Document = toml::from_str(text).map_err(|error| {
        source.error(
            error.span(),
            error.message(),
            "correct that line; `vserver create --help` lists the fields",
        )
    })?;
    source.check(name, document)
}

/// Writes the description of a new guest.
///
/// # Errors
///
/// [`Reason::Usage`] when a value cannot be written as TOML, such as a path that is not UTF-8.
pub fn write(document: &NewDocument<'_>, limits: &Limits) -> Outcome<String> {
    let text = toml::to_string(document).map_err(|error| {
        Failure::new(
            Reason::Usage,
            format!("the description cannot be written: {error}"),
            "use names and paths that are valid UTF-8",
        )
    })?;
    with_limits(&text, limits)
}

/// Help text about the fields.
pub const FIELDS_HELP: &str = "\
Fields of a description (/etc/vservers/NAME.toml):
  xid          context id, 2 to 65535                                     required
  root         root directory on the host                                 required
  hostname     host name inside                            default: name of the guest
  init         command run as pid 1, as a list             default: [\"/sbin/init\"]
  pid-namespace  \"own\", or \"shared\" with the host: legacy init     default: \"own\"
  caps         capabilities added to the default set       [\"NET_RAW\"]
  drop         capabilities removed from it                [\"SYS_PTRACE\"]
  flags        flags of the context                        [\"HIDE_VINFO\"]
               VIRT_TIME: it sets its own time of day, which starts as that of the host
  ccaps        context capabilities beside the default set [\"SECURE_MOUNT\"]
               (SET_UTSNAME, RAW_ICMP, AUDIT_CONTROL); \"~RAW_ICMP\" removes that one
  umask        namespaces that its tasks may make          [\"USER\"]
  mounts       list of { source, target, type, options }   type default: \"bind\"
               no symbolic link may be on the way to root and to what is bound
  env          table of environment variables
  stop-signal  signal that asks init to stop               default: by kind of init
  [network]    without this section the guest uses the network of the host
    mode       \"shared\", \"own,bridge=BR\", \"own,routed\",  default: \"shared\"
               \"own,macvlan=IF\" or \"own,ipvlan=IF\"
    addresses  with the lengths of their prefixes           [\"192.0.2.10/24\"]
    device     shared: interface that gets the addresses while the guest runs
    gateways   own: next hops of the default routes         [\"192.0.2.1\"]
    dns        servers of names, for /etc/resolv.conf       [\"192.0.2.53\"]
    rate       bits per second, not with macvlan or ipvlan  \"100mbit,ingress=1gbit\"
  [limits]     what is not named is not limited
    cpu        processors that its tasks use together       1.5
    cpu-burst  processor time that may be saved up          \"2s\"
    cpu-idle   part of what others leave idle, 1 to 100     50
    cpus       processors that its tasks may run on         \"0-1\"
    weight     share of busy processors, 1 to 10000         default: 100
    mem        memory; at the limit a task inside is killed \"512M\"
    mem-high   memory from which on the guest is slowed     \"400M\"
    swap       swap space, 0 for none; needs mem            0
    pids       processes and threads                        500
    files      open files                                   4096
    io         rates and weight of disks                    [\"/dev/vda:rbps=20M,wiops=500\"]
`vserver set --help` lists the names of flags, context capabilities and namespaces.";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rights::DEFAULT_MASK;

    fn read(text: &str) -> Outcome<Guest> {
        parse("web", Path::new("/etc/vservers/web.toml"), text)
    }

    fn problem(text: &str) -> String {
        let failure = read(text).unwrap_err();
        assert_eq!(failure.reason, Reason::BrokenConfiguration);
        assert!(!failure.remedy.is_empty());
        failure.message
    }

    #[test]
    fn the_smallest_description_gets_defaults() {
        let guest = read("xid = 42\nroot = '/srv/web'\n").unwrap();
        assert_eq!(guest.name, "web");
        assert_eq!(guest.xid, 42);
        assert_eq!(guest.hostname, "web");
        assert_eq!(guest.init, ["/sbin/init"]);
        assert_eq!(guest.capabilities, DEFAULT_MASK);
        assert_eq!(guest.stop_signal, None);
        assert!(guest.mounts.is_empty());
        assert_eq!(guest.pid_namespace, PidNamespace::Own);
        assert_eq!((guest.flags, guest.umask), (crate::guest::VALUES, 0));
        assert_eq!(guest.ccaps, rights::CONTEXT_CAPS);
    }

    #[test]
    fn every_field_is_read() {
        let guest = read(
            r#"
            xid = 65535
            root = "/srv/web"
            hostname = "w1"
            init = ["/bin/sh", "-c", "true"]
            caps = ["cap_net_raw", "SYS_NICE"]
            drop = ["CHOWN"]
            flags = ["hide_vinfo", "PERSISTENT", "~virt_mem"]
            ccaps = ["mount", "~RAW_ICMP"]
            umask = ["user", "NET"]
            stop-signal = "SIGPWR"
            env = { LANG = "C" }
            [[mounts]]
            source = "/srv/data"
            target = "/data"
            options = ["ro"]
            "#,
        )
        .unwrap();
        let expected = (DEFAULT_MASK | 1 << capability::NET_RAW | 1 << capability::SYS_NICE)
            & !(1 << capability::CHOWN);
        assert_eq!(guest.capabilities, expected);
        let flags = crate::guest::VALUES & !abi::vxf::VIRT_MEM;
        assert_eq!(
            guest.flags,
            flags | abi::vxf::HIDE_VINFO | abi::vxf::PERSISTENT
        );
        let ccaps = rights::CONTEXT_CAPS & !abi::vxc::RAW_ICMP | abi::vxc::SECURE_MOUNT;
        assert_eq!(guest.ccaps, ccaps);
        assert_eq!(guest.umask, abi::space::USER | abi::space::NET);
        assert_eq!(guest.stop_signal, Some(libc::SIGPWR));
        assert!(guest.mounts[0].is_bind());
        assert_eq!(guest.environment("vt100")["LANG"], "C");
        assert_eq!(guest.environment("vt100")["TERM"], "vt100");
    }

    #[test]
    fn a_shared_pid_namespace_brings_its_flags() {
        use abi::vxf::{HIDE_VINFO, INFO_INIT, REBOOT_KILL};
        let flags = |flags: &str| {
            let text =
                format!("xid = 42\nroot = '/s'\npid-namespace = 'shared'\nflags = [{flags}]\n");
            let guest = read(&text).unwrap();
            assert_eq!(guest.pid_namespace, PidNamespace::Shared);
            guest.flags & !crate::guest::VALUES
        };
        assert_eq!(flags(""), INFO_INIT | REBOOT_KILL);
        assert_eq!(flags("'info_init'"), INFO_INIT | REBOOT_KILL);
        assert_eq!(flags("'hide_vinfo'"), INFO_INIT | REBOOT_KILL | HIDE_VINFO);
        assert_eq!(flags("'~reboot_kill'"), INFO_INIT);
    }

    #[test]
    fn a_clock_brings_the_capability_to_set_it() {
        let time = 1 << capability::SYS_TIME;
        let mask = |more: &str| {
            let guest = read(&format!("xid = 42\nroot = '/s'\n{more}\n")).unwrap();
            guest.capabilities
        };
        assert_eq!(mask(""), DEFAULT_MASK);
        assert_eq!(mask("flags = ['VIRT_TIME']"), DEFAULT_MASK | time);
        assert_eq!(
            mask("flags = ['VIRT_TIME']\ndrop = ['SYS_TIME']"),
            DEFAULT_MASK
        );
        assert_eq!(mask("flags = ['HIDE_VINFO']"), DEFAULT_MASK);
    }

    #[test]
    fn syntax_errors_show_the_place() {
        let message = problem("xid = 42\nroot = /srv/web\n");
        assert!(
            message.starts_with("/etc/vservers/web.toml:2:8: "),
            "{message}"
        );
        assert!(message.contains("  2 | root = /srv/web\n"), "{message}");
        assert!(message.ends_with("    |        ^^^^^^^^"), "{message}");
    }

    #[test]
    fn unknown_fields_are_named() {
        let message = problem("xid = 42\nroot = '/srv/web'\nhostnam = 'x'\n");
        assert!(message.contains("web.toml:3:1: "), "{message}");
        assert!(message.contains("`hostnam`"), "{message}");
        assert!(message.ends_with("| ^^^^^^^"), "{message}");
    }

    #[test]
    fn missing_fields_are_named() {
        assert!(problem("xid = 42\n").contains("`root`"));
    }

    #[test]
    fn values_out_of_range_show_their_place() {
        for (text, place) in [
            ("xid = 1\nroot = '/srv/web'\n", ":1:7: "),
            ("xid = 65536\nroot = '/srv/web'\n", ":1:7: "),
            ("xid = 42\nroot = 'srv/web'\n", ":2:8: "),
            ("xid = 42\nroot = '/'\n", ":2:8: "),
            ("xid = 42\nroot = '/srv/../etc'\n", ":2:8: "),
            ("xid = 42\nroot = '/s'\nhostname = 'a b'\n", ":3:12: "),
            ("xid = 42\nroot = '/s'\ninit = []\n", ":3:8: "),
            ("xid = 42\nroot = '/s'\ncaps = ['CHOWN', 'X']\n", ":3:18: "),
            ("xid = 42\nroot = '/s'\nstop-signal = 'STOP'\n", ":3:15: "),
            (
                "xid = 42\nroot = '/s'\nflags = ['virt_mem', 'x']\n",
                ":3:22: ",
            ),
            (
                "xid = 42\nroot = '/s'\nflags = ['state_setup']\n",
                ":3:10: ",
            ),
            (
                "xid = 42\nroot = '/s'\nflags = ['~STATE_ADMIN']\n",
                ":3:10: ",
            ),
            ("xid = 42\nroot = '/s'\nflags = ['info_init']\n", ":3:10: "),
            ("xid = 42\nroot = '/s'\npid-namespace = 'host'\n", ":3:17: "),
            (
                "xid = 42\nroot = '/s'\npid-namespace = 'shared'\nflags = ['virt_mem', '~fakeinit']\n",
                ":4:22: ",
            ),
            ("xid = 42\nroot = '/s'\nccaps = ['PINK']\n", ":3:10: "),
            (
                "xid = 42\nroot = '/s'\nccaps = ['ping', '~ping']\n",
                ":3:18: ",
            ),
            ("xid = 42\nroot = '/s'\numask = ['USERS']\n", ":3:10: "),
            ("xid = 42\nroot = '/s'\nenv = { 'a=b' = 'c' }\n", ":3:17: "),
            (
                "xid = 42\nroot = '/s'\nmounts = [{ source = '/a', target = '/../b' }]\n",
                ":3:11: ",
            ),
            (
                "xid = 42\nroot = '/s'\numask = ['CGROUP']\n[limits]\npids = 64\n",
                ":3:10: ",
            ),
            (
                "xid = 42\nroot = '/s'\numask = ['NET', 'USER']\n[limits]\nmem = '1G'\n",
                ":3:17: ",
            ),
            (
                "xid = 42\nroot = '/s'\nmounts = [{ source = 'a', target = '/b' }]\n",
                ":3:11: ",
            ),
        ] {
            let message = problem(text);
            assert!(message.contains(place), "{text}: {message}");
        }
    }

    #[test]
    fn names_that_are_nearly_right_are_told() {
        let text = "xid = 42\nroot = '/s'\nflags = ['hide_vinof']\n";
        let failure = read(text).unwrap_err();
        assert!(failure.message.contains("did you mean \"HIDE_VINFO\"?"));
        assert!(failure.remedy.contains("VIRT_UPTIME"), "{failure:?}");
    }

    #[test]
    fn every_name_that_is_shown_can_be_written() {
        for (key, word) in [
            ("flags", Word::Flags),
            ("ccaps", Word::Ccaps),
            ("umask", Word::Umask),
        ] {
            for name in word.names() {
                let bit = word.find(name).unwrap();
                let text = format!("xid = 42\nroot = '/s'\n{key} = ['{name}']\n");
                let start = abi::vxf::ONE_TIME | abi::vxf::INFO_INIT;
                if word == Word::Flags && bit & start != 0 {
                    problem(&text);
                    continue;
                }
                let guest = read(&text).unwrap();
                let value = match word {
                    Word::Flags => guest.flags,
                    Word::Ccaps => guest.ccaps,
                    _ => guest.umask,
                };
                // What a guest shows can be written, and means the same.
                assert!(word.names_of(value).contains(&name.to_owned()));
                let all: Vec<String> = word.names_of(value);
                let text = format!("xid = 42\nroot = '/s'\n{key} = {all:?}\n");
                assert_eq!(read(&text), Ok(guest), "{text}");
            }
        }
    }

    #[test]
    fn columns_count_characters() {
        let message = problem("xid = 42\nhostname = 'ä' x\n");
        assert!(message.contains(":2:16: "), "{message}");
    }

    #[test]
    fn what_is_written_can_be_read() {
        let init = [
            "/bin/sh".to_owned(),
            "-c".to_owned(),
            "echo \"a\"\n".to_owned(),
        ];
        let root = Path::new("/srv/it's");
        let none = Limits::default();
        let mut document = NewDocument {
            xid: 42,
            root,
            hostname: "w1",
            init: &init,
            pid_namespace: None,
            flags: &[],
            network: None,
        };
        let text = write(&document, &none).unwrap();
        assert!(!text.contains("flags"), "{text}");
        let guest = read(&text).unwrap();
        assert_eq!(guest.init, init);
        assert_eq!(guest.root, root);
        assert_eq!(guest.hostname, "w1");
        assert_eq!(guest.pid_namespace, PidNamespace::Own);
        for chosen in [PidNamespace::Own, PidNamespace::Shared] {
            document.pid_namespace = Some(chosen);
            let text = write(&document, &none).unwrap();
            assert_eq!(read(&text).unwrap().pid_namespace, chosen);
        }
        document.flags = &["VIRT_TIME"];
        let text = write(&document, &none).unwrap();
        assert_ne!(read(&text).unwrap().flags & abi::vxf::VIRT_TIME, 0);
    }
}
