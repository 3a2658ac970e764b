// SPDX-License-Identifier: GPL-2.0

//! `vserver stat`

use super::Setting;
use crate::accounts::{books, sample};
use crate::cli::Stat;
use crate::failure::{Failure, Outcome};
use crate::guest::Guest;
use crate::live::{self, State, support_failure};
use crate::metrics::{Entry, openmetrics, table};
use crate::output;
use crate::survey::Survey;
use crate::system::System;
use libvserver::{Support, Vserver, probe};

pub(super) fn run(setting: &Setting, arguments: &Stat) -> Outcome<u8> {
    let system = &setting.system;
    let support = probe(&Vserver::with(system));
    let available = matches!(support, Support::Available { .. });
    let survey = if available {
        live::survey(system)?
    } else {
        Survey::default()
    };
    let entries: Vec<Entry> = match &arguments.name {
        Some(name) => vec![entry(
            system,
            setting.store.load(name)?,
            &survey,
            available,
        )?],
        None => {
            let mut entries = Vec::new();
            for (_, guest) in setting.store.list()? {
                // `vserver list` tells of descriptions that are broken.
                if let Ok(guest) = guest {
                    entries.push(entry(system, guest, &survey, available)?);
                }
            }
            if !arguments.openmetrics {
                entries.retain(|entry| entry.state.is_live());
            }
            entries
        }
    };
    if let Some(failure) = support_failure(support).filter(|_| !setting.json) {
        output::note(&failure.message);
    }
    if arguments.openmetrics {
        // The text ends with its last line.
        output::print(openmetrics(&entries).trim_end());
        return Ok(0);
    }
    let json: Vec<_> = entries.iter().map(Entry::json).collect();
    match (&arguments.name, entries.first()) {
        (Some(_), Some(entry)) => output::show(setting.json, &json[0], || entry.text()),
        _ => output::show(setting.json, &json, || table(&entries)),
    }
    Ok(0)
}

fn entry<S: System>(system: &S, guest: Guest, survey: &Survey, available: bool) -> Outcome<Entry> {
    let vserver = Vserver::with(system);
    let state = if available {
        live::look_at(&vserver, &guest)?.state
    } else {
        State::Stopped
    };
    let live = state.is_live();
    let counted = live
        .then(|| sample(&vserver, &guest.name, guest.xid))
        .flatten();
    let books = books(system, &guest.name, counted).map_err(|error| {
        Failure::of_files(
            &format!("read the accounts of guest \"{}\"", guest.name),
            &error,
            "check the file system of the accounts, as a rule /var/lib/vserver",
        )
    })?;
    Ok(Entry {
        // A number of tasks fits.
        processes: live.then(|| survey.tasks_of(guest.xid).count() as u64),
        name: guest.name,
        xid: guest.xid,
        state,
        limits: guest.limits,
        books,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Model, guest, program};
    use crate::start::{launch, prepare};
    use crate::usage::tests::used;

    #[test]
    fn a_running_guest_has_both_books() {
        let model = Model::new();
        let lock = prepare(&model, &guest()).unwrap();
        drop(launch(&model, &guest(), &program("/sbin/init"), lock).unwrap());
        used(&model);
        let survey = model.survey().unwrap();
        let found = entry(&model, guest(), &survey, true).unwrap();
        assert_eq!(
            (found.state.clone(), found.processes),
            (State::Running, Some(1))
        );
        assert_eq!(
            found.books.now.as_ref().unwrap().0.cgroup.user_usec,
            2_000_000
        );
        assert_eq!(found.books.total.starts, 1);
        let found = entry(&model, guest(), &survey, false).unwrap();
        assert!(found.books.now.is_none() && found.processes.is_none());
    }
}
