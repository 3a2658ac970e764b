// SPDX-License-Identifier: GPL-2.0

//! Changing contexts of the modelled kernel.

use super::*;
use libvserver::abi::{space, vcmd, vxc};
use libvserver::fake::Fake;
use serde_json::json;

/// A model with context 42, sealed, of guest "web".
fn model() -> (Fake, Vserver<Fake>) {
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
    (fake, vserver)
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

/// A request of flags and limits.
fn request(flags: &str, limits: &str) -> Outcome<Request> {
    Request::new(&Wishes {
        flags: &words(flags),
        limits: &words(limits),
        ..Default::default()
    })
}

/// A request of everything.
fn everything() -> Request {
    Request::new(&Wishes {
        flags: &words("hide_vinfo virt_uptime"),
        ccaps: &words("secure_mount ~ping"),
        bcaps: &words("net_raw ~cap_chown"),
        umask: &words("user"),
        hostname: Some("w1"),
        badness: Some(-5),
        prio_bias: Some(7),
        limits: &words("nproc=10:20 shmem=unlimited dentry=5"),
    })
    .unwrap()
}

/// All values that a request can change.
fn state(vserver: &Vserver<Fake>) -> impl PartialEq + std::fmt::Debug {
    let limits: Vec<Limit> = resources_of(rlimit::SETTABLE)
        .map(|resource| Limit::read(vserver, 42, resource.id).unwrap())
        .collect();
    (
        vserver.name(42, vhin::NODENAME).unwrap(),
        limits,
        vserver.badness(42).unwrap(),
        context::prio_bias(vserver, 42).unwrap(),
        [
            vserver.flags(42).unwrap().value,
            vserver.ccaps(42).unwrap().value,
            vserver.bcaps(42).unwrap().value,
            vserver.umask(42).unwrap().value,
        ],
    )
}

#[test]
fn everything_is_set_and_told() {
    let (_, vserver) = model();
    vserver.set_ccaps(42, vxc::RAW_ICMP, u64::MAX).unwrap();
    let changes = apply(&vserver, "web", 42, &everything()).unwrap();
    let flags = vserver.flags(42).unwrap().value;
    assert_eq!(flags, vxf::STATE_ADMIN | vxf::HIDE_VINFO | vxf::VIRT_UPTIME);
    assert_eq!(vserver.ccaps(42).unwrap().value, vxc::SECURE_MOUNT);
    assert_eq!(vserver.bcaps(42).unwrap().value, !1);
    assert_eq!(vserver.umask(42).unwrap().value, space::USER);
    assert_eq!(vserver.name(42, vhin::NODENAME).unwrap(), "w1");
    assert_eq!(vserver.badness(42), Ok(-5));
    assert_eq!(context::prio_bias(&vserver, 42), Ok(vec![7, 7]));
    let limit = vserver.rlimit(42, rlimit::NPROC).unwrap();
    assert_eq!((limit.softlimit, limit.maximum), (10, 20));
    let text: Vec<String> = changes
        .iter()
        .map(|change| format!("{}: {}", change.setting, change.text()))
        .collect();
    assert_eq!(
        text,
        [
            "hostname: \"\" -> \"w1\"",
            "limit nproc: unlimited:unlimited -> 10:20",
            "limit shmem: unlimited:unlimited -> unlimited:unlimited",
            "limit dentry: unlimited:unlimited -> 5:5",
            "badness: 0 -> -5",
            "prio-bias: 0 -> 7",
            "umask: +USER",
            "ccaps: +SECURE_MOUNT -RAW_ICMP",
            "bcaps: -CHOWN",
            "flags: +VIRT_UPTIME +HIDE_VINFO",
        ]
    );
    let json = serde_json::to_value(&changes).unwrap();
    assert_eq!(
        json[1],
        json!({
            "setting": "limit nproc",
            "old": { "soft": null, "hard": null },
            "new": { "soft": 10, "hard": 20 },
        })
    );
    assert_eq!(json[5]["new"], json!([7, 7]));
    assert_eq!(json[6]["old"]["names"], json!([]));
    assert_eq!(json[6]["new"]["names"], json!(["USER"]));
    assert_eq!(json[6]["new"]["value"], "0x0000000010000000");
}

#[test]
fn what_is_cleared_is_gone() {
    let (_, vserver) = model();
    apply(&vserver, "web", 42, &everything()).unwrap();
    let changes = apply(
        &vserver,
        "web",
        42,
        &request("~hide_vinfo !virt_mem virt_cpu", "").unwrap(),
    )
    .unwrap();
    assert_eq!(changes[0].text(), "+VIRT_CPU -HIDE_VINFO");
    let again = apply(
        &vserver,
        "web",
        42,
        &request("~hide_vinfo virt_cpu", "nproc=unlimited").unwrap(),
    )
    .unwrap();
    assert_eq!(again[1].text(), "as before");
    assert_eq!(again[0].text(), "10:20 -> unlimited:unlimited");
}

#[test]
fn nonsense_is_refused_before_anything_happens() {
    for (flags, limits, expected) in [
        ("hide_vinof", "", "did you mean \"HIDE_VINFO\"?"),
        ("virt_mem ~virt_mem", "", "both set and cleared"),
        ("", "nproc", "\"nproc\" is no limit"),
        ("", "nprocs=5", "did you mean \"nproc\"?"),
        ("", "cpu=5", "no limit for a resource \"cpu\""),
        ("", "=5", "no limit for a resource \"\""),
        ("", "nproc=", "\"\" is no limit for nproc"),
        ("", "nproc=5:", "\"\" is no limit for nproc"),
        ("", "nproc=5:6:7", "\"6:7\" is no limit"),
        ("", "nproc=-1", "\"-1\" is no limit"),
        ("", "nproc=5k", "\"5k\" is no limit"),
        ("", "nproc=18446744073709551614", "is no limit"),
        ("", "nproc=18446744073709551615", "is no limit"),
        ("", "nproc=20:10", "20 for nproc is above the hard limit 10"),
        ("", "nproc=unlimited:10", "above the hard limit"),
        ("", "nproc=1 NPROC=2", "nproc is limited twice"),
    ] {
        let failure = request(flags, limits).unwrap_err();
        assert_eq!(failure.reason, Reason::Usage, "{failure:?}");
        assert!(failure.message.contains(expected), "{failure:?}");
        assert!(!failure.remedy.is_empty());
    }
    let failure = Request::new(&Wishes {
        hostname: Some("a b"),
        ..Default::default()
    })
    .unwrap_err();
    assert_eq!(failure.reason, Reason::Usage);
    let failure = request("penguin", "").unwrap_err();
    assert!(failure.remedy.contains("HIDE_MOUNT"), "{failure:?}");
}

#[test]
fn a_clock_goes_with_the_capability_to_set_it() {
    let request = |flags: &[&str], bcaps: &[&str]| {
        let owned = |names: &[&str]| names.iter().map(|&n| n.to_owned()).collect::<Vec<_>>();
        let (flags, bcaps) = (owned(flags), owned(bcaps));
        Request::new(&Wishes {
            flags: &flags,
            bcaps: &bcaps,
            ..Default::default()
        })
    };
    for bcaps in [&[][..], &["SYS_TIME"], &["~CHOWN"]] {
        let failure = request(&["~VIRT_TIME"], bcaps).unwrap_err();
        assert_eq!(failure.reason, Reason::Usage, "{failure:?}");
        assert!(failure.remedy.contains("--bcap ~SYS_TIME"), "{failure:?}");
    }
    request(&["~VIRT_TIME"], &["~SYS_TIME"]).unwrap();
    request(&["VIRT_TIME"], &["SYS_TIME"]).unwrap();
    request(&["VIRT_TIME"], &[]).unwrap();
    request(&["~VIRT_MEM"], &[]).unwrap();
}

#[test]
fn a_flag_of_the_setup_goes_one_way() {
    let (_, vserver) = model();
    let before = state(&vserver);
    let wish = request("virt_mem state_setup", "nproc=5").unwrap();
    let failure = apply(&vserver, "web", 42, &wish).unwrap_err();
    assert_eq!(failure.reason, Reason::Usage);
    assert!(failure.message.contains("STATE_SETUP"), "{failure:?}");
    assert!(failure.message.contains("never be set again"));
    assert_eq!(state(&vserver), before);
    // What is set already may be asked for, and cleared.
    apply(&vserver, "web", 42, &request("state_admin", "").unwrap()).unwrap();
    let wish = request("~state_admin ~state_setup", "nproc=5").unwrap();
    let changes = apply(&vserver, "web", 42, &wish).unwrap();
    assert_eq!(changes[1].text(), "-STATE_ADMIN");
    let failure = apply(&vserver, "web", 42, &request("virt_mem", "").unwrap()).unwrap_err();
    assert_eq!(failure.reason, Reason::NoRight);
    assert!(failure.message.contains("STATE_ADMIN is cleared"));
    assert!(failure.remedy.contains("from inside"));
}

#[test]
fn a_failure_half_way_undoes_what_was_done() {
    let writes = [
        vcmd::SET_VHI_NAME,
        vcmd::SET_RLIMIT,
        vcmd::SET_BADNESS,
        vcmd::SET_PRIO_BIAS,
        vcmd::SET_UMASK,
        vcmd::SET_CCAPS,
        vcmd::SET_BCAPS,
        vcmd::SET_CFLAGS,
    ];
    for (index, cmd) in writes.into_iter().enumerate() {
        let (fake, vserver) = model();
        vserver.set_prio_bias(42, Some(1), 3).unwrap();
        vserver.set_rlimit(42, rlimit::NPROC, 7, 8).unwrap();
        vserver.set_ccaps(42, vxc::RAW_ICMP, u64::MAX).unwrap();
        let before = state(&vserver);
        fake.fail_next(cmd, Errno(libc::ENOMEM));
        let failure = apply(&vserver, "web", 42, &everything()).unwrap_err();
        assert_eq!(failure.reason, Reason::KernelError, "{failure:?}");
        assert!(failure.message.contains("ENOMEM"), "{failure:?}");
        let expected = if index == 0 {
            "nothing was changed"
        } else {
            "undone: "
        };
        assert!(failure.message.contains(expected), "{failure:?}");
        assert!(!failure.message.contains("not undone"), "{failure:?}");
        assert_eq!(state(&vserver), before, "{failure:?}");
    }
}

#[test]
fn what_cannot_be_undone_is_told() {
    let (fake, vserver) = model();
    let wish = Request::new(&Wishes {
        badness: Some(5),
        prio_bias: Some(7),
        flags: &words("virt_mem"),
        ..Default::default()
    })
    .unwrap();
    fake.fail_next(vcmd::SET_CFLAGS, Errno(libc::ENOMEM));
    // The second call of the command puts the value back.
    let failure = {
        let stubborn = Stubborn(fake.clone());
        apply(&Vserver::with(stubborn), "web", 42, &wish).unwrap_err()
    };
    assert!(failure.message.contains("; undone: badness"), "{failure:?}");
    let rest = "; changed and not undone: prio-bias (EIO (Input/output error))";
    assert!(failure.message.ends_with(rest), "{failure:?}");
    assert_eq!(context::prio_bias(&vserver, 42), Ok(vec![7, 7]));
}

/// A kernel that sets the priority bias for all processors only.
struct Stubborn(Fake);

#[allow(unsafe_code)]
impl Syscall for Stubborn {
    unsafe fn vserver(&self, cmd: u32, id: u32, data: *mut std::ffi::c_void) -> Result<u32, Errno> {
        let calls = self.0.calls();
        let again = calls.iter().any(|call| call.0 == vcmd::SET_PRIO_BIAS);
        if cmd == vcmd::SET_PRIO_BIAS && again {
            return Err(Errno(libc::EIO));
        }
        // SAFETY: passed on unchanged.
        unsafe { self.0.vserver(cmd, id, data) }
    }
}

#[test]
fn what_the_kernel_lacks_is_told() {
    let (fake, vserver) = model();
    let before = state(&vserver);
    fake.fail_next(vcmd::GET_PRIO_BIAS, Errno(libc::ENOSYS));
    let failure = apply(&vserver, "web", 42, &everything()).unwrap_err();
    assert!(failure.message.contains("prio-bias"), "{failure:?}");
    assert!(failure.remedy.contains("vserver kernel"), "{failure:?}");
    assert_eq!(state(&vserver), before);
    fake.fail_next(vcmd::GET_VHI_NAME, Errno(libc::EINVAL));
    let failure = apply(&vserver, "web", 42, &everything()).unwrap_err();
    assert!(failure.remedy.contains("namespace"), "{failure:?}");
}

#[test]
fn a_guest_that_ends_meanwhile_is_told() {
    let (fake, vserver) = model();
    let persistent = request("persistent", "").unwrap();
    apply(&vserver, "web", 42, &persistent).unwrap();
    fake.exit(fake.tasks_of(42)[0], 0);
    let changes = apply(&vserver, "web", 42, &request("~persistent", "").unwrap()).unwrap();
    assert_eq!(changes[0].new, None);
    assert_eq!(changes[0].text(), "the context has ended");
    let failure = apply(&vserver, "web", 42, &persistent).unwrap_err();
    assert_eq!(failure.reason, Reason::NotRunning);
    assert!(failure.remedy.contains("vserver start web"));
}
