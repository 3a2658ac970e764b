// SPDX-License-Identifier: GPL-2.0

//! The network of guests on the modelled machine.

use crate::description;
use crate::execute;
use crate::failure::{Outcome, Reason};
use crate::guest::Guest;
use crate::listener::Listener;
use crate::model::{Fault, Model, program, told, vserver};
use crate::net_change::{Action, apply, apply_rate, plan, plan_rate};
use crate::start::{Running, launch, prepare};
use crate::stop::{Manner, clear, stop};
use libvserver::abi::{nxf, vcmd};
use libvserver::{Errno, Vserver};
use std::path::Path;
use std::time::Duration;

const SHARED: &str = "mode = 'shared'\naddresses = ['192.0.2.10/24', '2001:db8::10/64']\n\
                      device = 'eth0'\ndns = ['192.0.2.53']\nrate = '1mbit'\n";
const BRIDGE: &str = "mode = 'own,bridge=br0'\naddresses = ['192.0.2.10/24', '2001:db8::10/64']\n\
                      gateways = ['192.0.2.1']\nrate = '1mbit'\n";
const ROUTED: &str = "mode = 'own,routed'\naddresses = ['192.0.2.10/24', '2001:db8::10/64']\n";
const MACVLAN: &str = "mode = 'own,macvlan=eth0'\naddresses = ['192.0.2.10/24']\n";
const ALL: [&str; 4] = [SHARED, BRIDGE, ROUTED, MACVLAN];

const MANNER: Manner = Manner {
    timeout: Duration::from_secs(30),
    kill: false,
};

fn guest(section: &str) -> Guest {
    let text = format!("xid = 42\nroot = '/srv/web'\n[network]\n{section}");
    description::parse("web", Path::new("/nowhere/web.toml"), &text).unwrap()
}

fn start(model: &Model, guest: &Guest) -> Outcome<Running<Model>> {
    let lock = prepare(model, guest)?;
    launch(model, guest, &program("/sbin/init"), lock)
}

fn in_order(model: &Model, order: &[&str]) {
    let positions: Vec<usize> = order.iter().map(|step| model.position(step)).collect();
    for (index, pair) in positions.windows(2).enumerate() {
        let (first, second) = (order[index], order[index + 1]);
        assert!(pair[0] < pair[1], "{first} after {second}");
    }
}

#[test]
fn a_shared_guest_is_in_a_sealed_network_context() {
    let model = Model::new();
    drop(start(&model, &guest(SHARED)).unwrap());
    assert_eq!(model.fake.networks(), [42]);
    let vserver = vserver(&model);
    let init = vserver.info(42).unwrap().initpid;
    assert_eq!(vserver.task_nid(init), Ok(42));
    let expected = nxf::INIT_SET;
    assert_eq!(vserver.network_flags(42).unwrap().value, expected);
    assert_eq!(
        model.fake.addresses(42),
        [
            "192.0.2.10/255.255.255.0",
            "2001:db8::10/64",
            "broadcast 192.0.2.255"
        ]
    );
    in_order(
        &model,
        &[
            "look for eth0",
            "limit 2 at 1mbit",
            "place 192.0.2.10/24 on eth0",
            "place 2001:db8::10/64 on eth0",
            "spawn",
            "mount /sys",
            "look for interfaces in sysfs",
            "mask /sys/class/net",
            "mask /sys/devices/virtual/net",
            "mask /sys/devices/pci0/net",
            "write resolver 1",
            "create network context",
            "add IPv4",
            "add IPv6",
            "set network flags",
            "create context",
            "execute",
        ],
    );
}

#[test]
fn the_variables_of_an_own_stack_are_the_guests() {
    let protected = |network: &str| {
        let model = Model::new();
        drop(start(&model, &guest(network)).unwrap());
        let steps = model.steps.borrow();
        let mut found = steps.iter().filter(|s| s.starts_with("protect /proc/sys"));
        let step = found.next().unwrap().clone();
        assert_eq!(found.next(), None);
        step
    };
    assert_eq!(protected(BRIDGE), "protect /proc/sys but /proc/sys/net");
    assert_eq!(protected(SHARED), "protect /proc/sys");
}

#[test]
fn an_own_stack_is_guarded_before_it_is_up() {
    let model = Model::new();
    drop(start(&model, &guest(BRIDGE)).unwrap());
    assert_eq!(model.fake.networks(), [0; 0]);
    in_order(
        &model,
        &[
            "look for br0",
            "make stack",
            "connect stack",
            "guard stack 2",
            "limit stack 1mbit",
            "furnish stack 2",
            "spawn",
            "enter stack",
            "take tree",
            "create context",
        ],
    );
    let model = Model::new();
    let running = start(&model, &guest(ROUTED)).unwrap();
    in_order(
        &model,
        &[
            "furnish stack",
            "route 192.0.2.10",
            "route 2001:db8::10",
            "spawn",
        ],
    );
    assert_eq!(running.notes.len(), 2, "{:?}", running.notes);
    assert!(running.notes[0].contains("net.ipv4.ip_forward=1"));
    let model = Model::new();
    let running = start(&model, &guest(MACVLAN)).unwrap();
    assert!(running.notes[0].contains("foreign addresses"));
    assert!(
        !model
            .steps
            .borrow()
            .iter()
            .any(|step| step.starts_with("guard"))
    );
}

#[test]
fn only_who_shares_the_stack_does_not_see_all_its_interfaces() {
    for (section, hidden) in [(SHARED, true), (BRIDGE, false), (MACVLAN, false)] {
        let model = Model::new();
        drop(start(&model, &guest(section)).unwrap());
        let steps = model.steps.borrow();
        let masked = steps.iter().any(|step| step == "mask /sys/class/net");
        assert_eq!(masked, hidden, "{section}");
    }
    let model = Model::new();
    drop(start(&model, &crate::model::guest()).unwrap());
    assert!(
        !model
            .steps
            .borrow()
            .iter()
            .any(|step| step.ends_with("/net"))
    );
}

#[test]
fn a_rate_changes_while_the_guest_runs() {
    let rate = |text: &str| text.parse().unwrap();
    let shared = guest(SHARED);
    let model = Model::new();
    drop(start(&model, &shared).unwrap());
    let limits = || model.limits.borrow().get(&42).cloned();
    apply_rate(&model, &shared, Some(rate("2mbit"))).unwrap();
    assert_eq!(limits().as_deref(), Some("2 at 2mbit"));
    apply_rate(&model, &shared, None).unwrap();
    assert_eq!(limits(), None);
    // A refused change leaves the rate of the description.
    let now = model.steps.borrow().len();
    model.fault.set(Some((now, Fault::Error(libc::EIO))));
    let failure = apply_rate(&model, &shared, Some(rate("3mbit"))).unwrap_err();
    assert!(
        failure.message.contains("rate of guest \"web\""),
        "{failure:?}"
    );
    assert_eq!(limits().as_deref(), Some("2 at 1mbit"));
    // An address of a running guest counts as well.
    let (changed, after) = plan(&shared, Action::Add, &words(&["192.0.2.11"])).unwrap();
    apply(&model, &shared, Action::Add, &changed, &after).unwrap();
    assert_eq!(limits().as_deref(), Some("3 at 1mbit"));
    let model = Model::new();
    drop(start(&model, &guest(BRIDGE)).unwrap());
    apply_rate(&model, &guest(BRIDGE), None).unwrap();
    model.position("limit stack none");
}

#[test]
fn a_stop_finds_a_rate_that_came_later() {
    let without = guest(&SHARED.replace("rate = '1mbit'", ""));
    let model = Model::new();
    drop(start(&model, &without).unwrap());
    assert!(model.limits.borrow().is_empty());
    apply_rate(&model, &without, Some("1mbit".parse().unwrap())).unwrap();
    stop(&model, &without, MANNER).unwrap();
    model.assert_clean("stopped");
}

#[test]
fn rates_are_planned_before_they_are_changed() {
    let rate = plan_rate(&guest(SHARED), "1mbit,ingress=2mbit").unwrap();
    assert_eq!(rate.unwrap().to_string(), "1mbit,ingress=2mbit");
    assert_eq!(plan_rate(&guest(BRIDGE), "none").unwrap(), None);
    for (guest, text, word) in [
        (guest(SHARED), "1mb", "\"1mb\""),
        (guest(MACVLAN), "1mbit", "macvlan"),
    ] {
        let failure = plan_rate(&guest, text).unwrap_err();
        assert_eq!(failure.reason, Reason::Usage);
        assert!(failure.message.contains(word), "{failure:?}");
    }
    assert!(plan_rate(&crate::model::guest(), "1mbit").is_err());
}

#[test]
fn a_failure_of_any_step_leaves_nothing() {
    for section in ALL {
        let model = Model::new();
        drop(start(&model, &guest(section)).unwrap());
        let steps = model.steps.borrow().clone();
        for (index, step) in steps.iter().enumerate() {
            for fault in [Fault::Error(libc::EIO), Fault::Death, Fault::Cancel] {
                let model = Model::new();
                model.fault.set(Some((index, fault)));
                let when = format!("{fault:?} in step {index}, {step}");
                // The features are asked for when the guest runs already.
                if step.contains(&format!("{:#x}", vcmd::GET_FEATURES)) {
                    drop(start(&model, &guest(section)).unwrap());
                    continue;
                }
                let failure = start(&model, &guest(section)).expect_err(&when);
                assert!(!failure.remedy.is_empty());
                model.assert_clean(&format!("{when}: {}", told(&failure)));
            }
        }
    }
}

#[test]
fn what_a_dead_supervisor_has_left_is_found_and_taken_away() {
    for (section, has_cgroups) in [(SHARED, true), (BRIDGE, true), (BRIDGE, false)] {
        let mut model = Model::new();
        model.has_cgroups = has_cgroups;
        drop(start(&model, &guest(section)).unwrap());
        assert_eq!(clear(&model, &guest(section)), Ok(false), "it runs");
        model.fake.exit(model.fake.tasks_of(42)[0], 0);
        assert_eq!(clear(&model, &guest(section)), Ok(true));
        model.assert_clean(section);
        // Addresses that nothing tells to be left may be those of another guest that runs.
        model.placed.borrow_mut().insert("192.0.2.10".to_owned());
        assert_eq!(clear(&model, &guest(section)), Ok(false));
        assert_eq!(model.placed.borrow().len(), 1);
    }
}

#[test]
fn a_stop_takes_everything_away() {
    for section in ALL {
        let model = Model::new();
        drop(start(&model, &guest(section)).unwrap());
        stop(&model, &guest(section), MANNER).unwrap();
        model.assert_clean(section);
    }
}

#[test]
fn a_missing_interface_is_named() {
    for (section, name) in [(SHARED, "eth0"), (BRIDGE, "br0"), (MACVLAN, "eth0")] {
        let model = Model::new();
        model.interfaces.borrow_mut().remove(name);
        model.interfaces.borrow_mut().insert("other".to_owned());
        let failure = start(&model, &guest(section)).unwrap_err();
        assert_eq!(failure.reason, Reason::StartFailed);
        assert!(
            failure.message.contains(&format!("\"{name}\"")),
            "{failure:?}"
        );
        model.assert_clean(section);
    }
}

#[test]
fn a_network_context_of_others_is_told_and_left_alone() {
    let model = Model::new();
    let task = model.fake.fork();
    model.fake.run_as(task, || {
        Vserver::with(&model.fake).create_network(42, None).unwrap()
    });
    let failure = start(&model, &guest(SHARED)).unwrap_err();
    assert_eq!(failure.reason, Reason::XidInUse);
    assert!(failure.message.contains("network context"), "{failure:?}");
    assert_eq!(model.fake.networks(), [42]);
    assert!(model.placed.borrow().is_empty());
}

#[test]
fn a_command_joins_the_network_context() {
    let model = Model::new();
    drop(start(&model, &guest(SHARED)).unwrap());
    model.steps.borrow_mut().clear();
    execute::launch(&model, "web", 42, &(), &[program("ps")]).unwrap();
    in_order(
        &model,
        &[
            "enter space",
            "join network",
            "take streams",
            "close files",
            "migrate",
            "execute ps",
        ],
    );
    let model = Model::new();
    drop(start(&model, &guest(BRIDGE)).unwrap());
    model.steps.borrow_mut().clear();
    execute::launch(&model, "web", 42, &(), &[program("ps")]).unwrap();
    assert!(
        !model
            .steps
            .borrow()
            .iter()
            .any(|step| step == "join network")
    );
}

#[test]
fn services_in_the_way_are_told() {
    let mut model = Model::new();
    model.listeners.push(Listener {
        name: "sshd".to_owned(),
        pid: 7,
        protocol: "tcp",
        port: 22,
    });
    let running = start(&model, &guest(SHARED)).unwrap();
    assert_eq!(running.notes.len(), 2, "{:?}", running.notes);
    assert!(running.notes[0].contains("does not enforce"));
    assert!(running.notes[1].contains("sshd (pid 7, tcp port 22)"));
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

#[test]
fn changes_are_planned_before_they_are_made() {
    let guest = guest(SHARED);
    let (changed, after) = plan(&guest, Action::Add, &words(&["192.0.2.11/24"])).unwrap();
    assert_eq!((changed.len(), after.len()), (1, 3));
    let (changed, after) = plan(&guest, Action::Remove, &words(&["192.0.2.10"])).unwrap();
    assert_eq!(changed[0].to_string(), "192.0.2.10/24");
    assert_eq!(after.len(), 1);
    for (action, list) in [
        (Action::Add, ["192.0.2.12/24", "192.0.2.10/24"]),
        (Action::Add, ["192.0.2.12/24", "192.0.2.12/24"]),
        (Action::Remove, ["192.0.2.10/24", "192.0.2.10/24"]),
        (Action::Remove, ["192.0.2.10/24", "2001:db8::10/65"]),
        (Action::Add, ["192.0.2.12/24", "x"]),
    ] {
        let failure = plan(&guest, action, &words(&list)).unwrap_err();
        assert_eq!(failure.reason, Reason::Usage, "{list:?}");
    }
    let host = crate::model::guest();
    let failure = plan(&host, Action::Add, &words(&["192.0.2.12/24"])).unwrap_err();
    assert!(
        failure.message.contains("network of the host"),
        "{failure:?}"
    );
}

#[test]
fn a_running_guest_gets_and_loses_addresses() {
    for section in [SHARED, ROUTED, BRIDGE] {
        let guest = guest(section);
        let model = Model::new();
        drop(start(&model, &guest).unwrap());
        let (placed, had) = (model.placed.borrow().clone(), model.fake.addresses(42));
        let list = words(&["192.0.2.11/24", "2001:db8::11/64"]);
        let (changed, after) = plan(&guest, Action::Add, &list).unwrap();
        model.steps.borrow_mut().clear();
        apply(&model, &guest, Action::Add, &changed, &after).unwrap();
        let steps = model.steps.borrow().clone();
        for (index, step) in steps.iter().enumerate() {
            let model = Model::new();
            drop(start(&model, &guest).unwrap());
            model.steps.borrow_mut().clear();
            model.fault.set(Some((index, Fault::Error(libc::EIO))));
            let failure = apply(&model, &guest, Action::Add, &changed, &after).expect_err(step);
            assert!(failure.message.contains("EIO"), "{failure:?}");
            assert_eq!(*model.placed.borrow(), placed, "{step}");
            assert_eq!(model.fake.addresses(42), had, "{step}");
        }
        let mut now = guest.clone();
        now.network.as_mut().unwrap().addresses = after;
        let (changed, after) = plan(&now, Action::Remove, &list).unwrap();
        apply(&model, &now, Action::Remove, &changed, &after).unwrap();
        assert_eq!(*model.placed.borrow(), placed);
        assert_eq!(model.fake.addresses(42), had);
        stop(&model, &guest, MANNER).unwrap();
        model.assert_clean(section);
    }
}

#[test]
fn an_address_that_the_kernel_refuses_is_named() {
    let model = Model::new();
    drop(start(&model, &guest(SHARED)).unwrap());
    let guest = guest(SHARED);
    let (changed, after) = plan(&guest, Action::Add, &words(&["192.0.2.11/24"])).unwrap();
    model
        .fake
        .fail_next(vcmd::NET_ADD_IPV4, Errno(libc::ENOMEM));
    let failure = apply(&model, &guest, Action::Add, &changed, &after).unwrap_err();
    assert!(failure.message.contains("192.0.2.11/24"), "{failure:?}");
}
