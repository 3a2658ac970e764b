// SPDX-License-Identifier: GPL-2.0

//! How much each heavy scenario does, and why.
//!
//! The numbers of the release kernel are the ones the project promises. The debug kernel (address
//! sanitizer, lock checking, leak detector) runs five to twenty times slower under emulation, and
//! every object it allocates is tracked; there the counts shrink so that the whole run stays under
//! ten minutes on two emulated processors, while the checkers see every code path.

use std::time::Duration;

/// The kernel a run is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flavour {
    /// The reference configuration.
    Release,
    /// The reference configuration with all checkers, core as a module.
    Debug,
}

impl Flavour {
    /// Parses `release` or `debug`; everything else is refused by name.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text {
            "release" | "stock" => Ok(Self::Release),
            "debug" => Ok(Self::Debug),
            other => Err(format!(
                "flavour '{other}' is unknown, use release or debug"
            )),
        }
    }

    /// The name as it is written on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Release => "release",
            Self::Debug => "debug",
        }
    }
}

/// How much a run does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scale {
    /// The kernel.
    pub flavour: Flavour,
    /// Everything that the project promises, however long it takes, instead of the usual share.
    pub full: bool,
    /// What random commands start from: the same seed draws the same commands.
    pub seed: u64,
    /// Length of the random commands in seconds, when somebody asks for one.
    pub seconds: Option<u32>,
}

impl Scale {
    fn pick<T>(self, full: T, release: T, debug: T) -> T {
        match (self.full, self.flavour) {
            (true, _) => full,
            (false, Flavour::Release) => release,
            (false, Flavour::Debug) => debug,
        }
    }

    /// Create-and-exit cycles. A cycle costs milliseconds under emulation. One leaked object in a
    /// thousand cycles is as visible as one in a hundred thousand, to the leak detector and to
    /// the counter of context objects; the long run is for what adds up slowly.
    pub fn cycles(self) -> u32 {
        self.pick(100_000, 6_000, 600)
    }

    /// Contexts that exist at the same time.
    pub fn many(self) -> u32 {
        self.pick(10_000, 10_000, 300)
    }

    /// Network contexts that listen on the same port. Each has a process, and what is looked up in
    /// a list would be looked up under the checkers too: a few pages of it are enough there.
    pub fn crowd(self) -> u32 {
        self.pick(1_000, 1_000, 100)
    }

    /// Tasks of the fork bomb. Under the checkers a fork costs twenty times as much.
    pub fn bomb(self) -> u32 {
        self.pick(2_000, 2_000, 500)
    }

    /// Length of the concurrency stress. The promise is a minute under the checkers; the release
    /// kernel has none, so a short run there only shows that nothing hangs.
    pub fn stress(self) -> Duration {
        Duration::from_secs(self.pick(60, 10, 60))
    }

    /// How long a context runs with one setting of its token bucket. The share is exact over any
    /// time; the longer, the less do the ticks at both ends count.
    pub fn share(self) -> Duration {
        Duration::from_secs(self.pick(20, 5, 5))
    }

    /// Threads that all compute beside a guest that is to have its share. Who makes them competes
    /// with those that are there, so the time grows with the square.
    pub fn hostile_threads(self) -> u64 {
        self.pick(40, 40, 16)
    }

    /// Memory, its part of the swap space, and swap space beside a guest that wants more, in MiB.
    pub fn hostile_swap(self) -> [usize; 3] {
        self.pick([20, 32, 64], [20, 32, 64], [10, 16, 24])
    }

    /// What a hostile guest may have of something, so much at most: what it takes to fill that grows
    /// with it.
    pub fn hostile(self, most: u64) -> u64 {
        most / self.pick(1, 1, 3)
    }

    /// How long a guest is watched beside a hostile one, for one look of several.
    pub fn span(self) -> Duration {
        Duration::from_millis(self.pick(1000, 300, 600))
    }

    /// The part of its share of the processors that a guest keeps beside a hostile one. The
    /// checkers stretch what cannot be interrupted, and what the kernel does for nobody in
    /// particular: there only a guest that starves is noticed.
    pub fn fair(self) -> f64 {
        self.pick(0.9, 0.9, 0.6)
    }

    /// How long a process of the host may take for a little work beside a hostile guest.
    pub fn prompt(self) -> Duration {
        Duration::from_secs(self.pick(2, 2, 10))
    }

    /// Memory in KiB that may be missing after a hostile guest, which had up to 48 MiB: lists of
    /// free pages and partial slabs of each processor keep some. The address sanitizer holds freed
    /// objects back, up to a 32nd of the memory; what is lost there the leak detector finds.
    pub fn hostile_slack(self) -> u64 {
        self.pick(6, 6, 96) << 10
    }

    /// Length of the random commands. The checkers of the debug kernel are what finds something;
    /// on the release kernel a short run shows that nothing outside is harmed at full speed.
    pub fn random(self) -> Duration {
        let seconds = self.seconds.unwrap_or(self.pick(3600, 15, 120));
        Duration::from_secs(u64::from(seconds))
    }

    /// How much slower than the release kernel this one is, roughly.
    pub fn slowness(self) -> u32 {
        match self.flavour {
            Flavour::Release => 1,
            Flavour::Debug => 4,
        }
    }

    /// Default time limit of one scenario. Generous: a loaded build machine halves the speed of
    /// the emulation, and a limit that is hit by chance is worse than a slow failure.
    pub fn scenario_limit(self) -> Duration {
        let limit = match self.flavour {
            Flavour::Release => Duration::from_secs(150),
            Flavour::Debug => Duration::from_secs(400),
        };
        let limit = if self.full { limit * FULL } else { limit };
        // The random commands alone may take as long as they are asked to.
        match (self.full, self.seconds) {
            (false, None) => limit,
            _ => limit + self.random(),
        }
    }

    /// Slab growth in KiB that this many cycles may leave: per-CPU caches and partial slabs keep
    /// pages. A context is more than half a KiB with its allocations, so losing every tenth one
    /// would show.
    pub fn slab_slack(cycles: u32) -> u64 {
        1024 + u64::from(cycles) * 64 / 1024
    }

    /// Slab growth in KiB that random commands may leave: thousands of processes with namespaces,
    /// sockets and keys come and go, and their caches keep pages. A run of half a minute leaves
    /// half a MiB, one of ten minutes three quarters of a MiB.
    pub const RANDOM_SLACK: u64 = 2048;
}

/// Where random commands start when nobody asks for something else.
pub const SEED: u64 = 20_308;

/// How much longer a scenario of a full run may take, as a factor.
const FULL: u32 = 4;

/// How much longer than its default a scenario may take, as a factor.
pub const HEAVY: u32 = 4;

/// How long a context may take to disappear after its last task: the final release goes through a
/// workqueue and an RCU grace period.
pub const GONE_WITHIN: Duration = Duration::from_secs(30);

/// Pause between the two scans of the leak detector, which reports an object only when it was
/// unreferenced in two scans and is older than five seconds.
pub const LEAK_PAUSE: Duration = Duration::from_secs(6);
