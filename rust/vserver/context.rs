// SPDX-License-Identifier: GPL-2.0

//! A context: its state and its life.
//!
//! The states of the life and the rules of the two counters are described in `glue/registry.c`.
//! The head ([`Head`]) is shared with C and read without a lock; everything else is behind one
//! mutex, which is also held to change a word of the head. Nothing else is locked inside of it but
//! what the namespaces take themselves.

use crate::{
    abi::{
        vhin,
        vxf, //
    },
    bits, device, event,
    limit::{
        Counted,
        Limits,
        Usage, //
    },
    persistence::Persistence,
    pool::Pool,
    scheduler::Schedule,
    sys::{
        head::Head,
        object::{
            self,
            Claim, //
        },
        space::Space,
        time, //
    },
};
use kernel::{
    new_condvar,
    new_mutex,
    prelude::*,
    sync::{
        aref::ARef,
        CondVar,
        Mutex, //
    }, //
};

/// A context.
///
/// # Invariants
///
/// `head` is the first member, so that C can find the context by its head.
#[repr(C)]
#[pin_data]
pub(crate) struct Context {
    #[pin]
    head: Head,
    #[pin]
    inner: Mutex<Inner>,
    #[pin]
    ended: CondVar,
    /// Constant; nanoseconds of the monotonic clock.
    created: u64,
}

/// Where the head is; asserted to be 0 where C relies on it. Compilers before 1.89 do not count a
/// use in an unnamed constant.
#[allow(dead_code)]
pub(crate) const HEAD_OFFSET: usize = core::mem::offset_of!(Context, head);

/// The part of a context behind its mutex.
struct Inner {
    /// Set once, when the last claim is gone.
    ended: bool,
    /// The helper program is being started for a `reboot(2)`.
    helper: bool,
    /// Keeps the context without tasks, as long as the flag PERSISTENT is set.
    persistent: Persistence<Context>,
    spaces: [Space; crate::abi::space::SETS as usize],
    /// Terminated text.
    name: [u8; vhin::LEN],
    wmask: u64,
    limits: Limits,
    schedule: Schedule,
}

/// What [`Context::wait_ended`] found.
pub(crate) enum Wait {
    /// The context has ended.
    Ended,
    /// A signal arrived first.
    Interrupted,
}

impl Context {
    /// Makes a context that no lookup finds yet.
    ///
    /// The claim keeps it alive until its first task is in. May sleep. Errors: `ENOMEM`.
    pub(crate) fn make(xid: u32, flags: u64) -> Result<Claim<Self>> {
        let context = KBox::pin_init(
            pin_init!(Self {
                head <- Head::new(xid, flags),
                inner <- new_mutex!(Inner {
                    ended: false,
                    helper: false,
                    persistent: Persistence::new(),
                    spaces: [Space::new(), Space::new()],
                    name: [0; vhin::LEN],
                    wmask: 0,
                    limits: Limits::new(),
                    schedule: Schedule::new(),
                }, "vserver_context"),
                ended <- new_condvar!("vserver_ended"),
                created: time::now(),
            }? Error),
            GFP_KERNEL_ACCOUNT,
        )?;
        let claim = Claim::from_new(context);
        claim.change_schedule(|schedule, _| Ok(schedule.start()))?;
        Ok(claim)
    }

    /// Looks a context up by id: a reference that does not keep it from ending.
    pub(crate) fn find(xid: u32) -> Option<ARef<Self>> {
        object::find(xid)
    }

    /// Threads in the context: claims but that of a persistent one.
    pub(crate) fn threads(&self) -> u32 {
        let persistent = u32::from(self.has_flag(vxf::PERSISTENT));
        self.head.claims().saturating_sub(persistent)
    }

    /// Use of a resource; nothing when it is not counted. May sleep.
    pub(crate) fn usage(&self, resource: u32) -> Usage {
        let Some(counted) = Counted::of(resource) else {
            return Usage::default();
        };
        self.head.count_on_demand(counted);
        self.head.usage(counted)
    }

    /// When the context was made, nanoseconds of the monotonic clock.
    pub(crate) fn created(&self) -> u64 {
        self.created
    }

    /// Nanoseconds since the context was made.
    pub(crate) fn age(&self) -> u64 {
        time::now().saturating_sub(self.created)
    }

    /// The part that is shared with C.
    pub(crate) fn head(&self) -> &Head {
        &self.head
    }

    /// Whether one of the flags in `mask` is set.
    pub(crate) fn has_flag(&self, mask: u64) -> bool {
        self.head.has_flag(mask)
    }

    /// Changes the flags and returns the new word. May sleep.
    ///
    /// One-time bits only go down. A change of PERSISTENT takes or drops a claim; dropping it from
    /// a context without tasks ends the context. Errors: `EFAULT` when the context has ended.
    pub(crate) fn change_flags(&self, value: u64, mask: u64) -> Result<u64> {
        let mut inner = self.inner.lock();
        let new = bits::apply_flags(self.head.flags(), value, mask, vxf::ONE_TIME);
        let dropped = inner.persistent.set(self, new & vxf::PERSISTENT != 0)?;
        let weighed = (self.head.flags() ^ new) & vxf::SCHED_PRIO != 0;
        self.head.set_flags(new);
        self.head.refresh(0);
        if weighed {
            self.head.apply_bias();
        }
        // The last claim ends the context, which takes the lock.
        drop(inner);
        drop(dropped);
        Ok(new)
    }

    /// Changes one of the other words of the head.
    pub(crate) fn change_word(&self, word: Word, value: u64, mask: u64) {
        let mut inner = self.inner.lock();
        match word {
            Word::Bcaps => self
                .head
                .set_bcaps(bits::apply(self.head.bcaps(), value, mask)),
            Word::Ccaps => self
                .head
                .set_ccaps(bits::apply(self.head.ccaps(), value, mask)),
            Word::Umask => self
                .head
                .set_umask(bits::apply(self.head.umask(), value, mask)),
            Word::Wmask => inner.wmask = bits::apply(inner.wmask, value, mask),
        }
    }

    /// Reads one of the other words.
    pub(crate) fn word(&self, word: Word) -> u64 {
        match word {
            Word::Bcaps => self.head.bcaps(),
            Word::Ccaps => self.head.ccaps(),
            Word::Umask => self.head.umask(),
            Word::Wmask => self.inner.lock().wmask,
        }
    }

    /// Runs `f`, which starts the helper program, while waiters wait. Errors: `EAGAIN` while it is
    /// being started already, those of `f`.
    pub(crate) fn with_helper<T>(&self, f: impl FnOnce() -> Result<T>) -> Result<T> {
        {
            let mut inner = self.inner.lock();
            if inner.helper {
                return Err(EAGAIN);
            }
            inner.helper = true;
        }
        let result = f();
        self.inner.lock().helper = false;
        self.ended.notify_all();
        result
    }

    /// The name of the context, terminated.
    pub(crate) fn name(&self) -> [u8; vhin::LEN] {
        self.inner.lock().name
    }

    /// Stores the name of the context, which must be terminated.
    pub(crate) fn set_name(&self, name: &[u8; vhin::LEN]) {
        self.inner.lock().name = *name;
    }

    /// Runs `f` on the limits. `f` must not sleep long: others wait.
    pub(crate) fn with_limits<T>(&self, f: impl FnOnce(&mut Limits) -> Result<T>) -> Result<T> {
        f(&mut self.inner.lock().limits)
    }

    /// Runs `f` on the schedule. `f` must not sleep long: others wait.
    pub(crate) fn with_schedule<T>(&self, f: impl FnOnce(&Schedule) -> T) -> T {
        f(&self.inner.lock().schedule)
    }

    /// Runs `f` on the schedule and the pool as it is; the result is added to the tokens,
    /// nanoseconds. What was changed counts at once. Errors: those of `f`.
    pub(crate) fn change_schedule(
        &self,
        f: impl FnOnce(&mut Schedule, &Pool) -> Result<i64>,
    ) -> Result {
        let mut inner = self.inner.lock();
        let more = f(&mut inner.schedule, &self.head.pool())?;
        inner.schedule.apply(&self.head, more);
        Ok(())
    }

    /// Runs `f` on one of the stored sets of spaces. `f` may sleep. Errors: `EINVAL` when there is
    /// no such set, `EFAULT` when the context has ended, those of `f`.
    pub(crate) fn with_space<T>(
        &self,
        index: u32,
        f: impl FnOnce(&mut Space) -> Result<T>,
    ) -> Result<T> {
        let mut inner = self.inner.lock();
        if inner.ended {
            return Err(EFAULT);
        }
        f(inner.spaces.get_mut(index as usize).ok_or(EINVAL)?)
    }

    /// The stored masks of both sets.
    pub(crate) fn space_masks(&self) -> (u64, u64) {
        let inner = self.inner.lock();
        (inner.spaces[0].mask(), inner.spaces[1].mask())
    }

    /// The last claim is gone: takes the context out of the table, tells the helper, drops the
    /// spaces and wakes waiters. Called once. May sleep.
    pub(crate) fn end(&self) {
        self.head.withdraw();
        event::shutdown(self);
        let mut inner = self.inner.lock();
        let spaces = core::mem::replace(&mut inner.spaces, [Space::new(), Space::new()]);
        drop(inner);
        // Namespaces can take long to go; not under the lock, and before anybody is told.
        drop(spaces);
        self.inner.lock().ended = true;
        device::forget(self);
        self.ended.notify_all();
    }

    /// Runs `f` while the context cannot end. `f` must not sleep long: others wait. Errors:
    /// `ESRCH` when it has ended.
    pub(crate) fn while_alive<T>(&self, f: impl FnOnce() -> T) -> Result<T> {
        let inner = self.inner.lock();
        if inner.ended {
            return Err(ESRCH);
        }
        Ok(f())
    }

    /// Sleeps until the context has ended.
    pub(crate) fn wait_ended(&self) -> Wait {
        let mut inner = self.inner.lock();
        while !inner.ended || inner.helper {
            if self.ended.wait_interruptible(&mut inner) {
                return if inner.ended {
                    Wait::Ended
                } else {
                    Wait::Interrupted
                };
            }
        }
        Wait::Ended
    }
}

/// Words of bits that are changed alike.
#[derive(Clone, Copy)]
pub(crate) enum Word {
    /// Linux capabilities that tasks may use.
    Bcaps,
    /// Context capabilities.
    Ccaps,
    /// Namespaces that tasks may create.
    Umask,
    /// Stored only.
    Wmask,
}

#[cfg(CONFIG_VSERVER_KUNIT_TEST)]
#[kunit_tests(vserver_context)]
mod tests {
    use super::*;

    /// High ids, so that suites that run on a live machine do not meet its guests.
    const XID: u32 = 65_001;

    #[test]
    fn a_new_context_is_found_only_once_published() -> Result {
        let claim = Context::make(XID, vxf::INIT_SET)?;
        assert!(Context::find(XID).is_none());
        claim.head().publish()?;
        let found = Context::find(XID).ok_or(ESRCH)?;
        assert_eq!(found.head().id(), XID);
        assert!(core::ptr::eq(&*found, &*claim));
        Ok(())
    }

    #[test]
    fn the_last_claim_ends_the_context() -> Result {
        let claim = Context::make(XID + 1, vxf::INIT_SET)?;
        claim.head().publish()?;
        let found = Context::find(XID + 1).ok_or(ESRCH)?;
        let second = Claim::take(&*found).ok_or(EFAULT)?;
        drop(claim);
        assert!(Context::find(XID + 1).is_some());
        drop(second);
        assert!(Context::find(XID + 1).is_none());
        assert!(matches!(found.wait_ended(), Wait::Ended));
        assert!(Claim::take(&*found).is_none());
        Ok(())
    }

    #[test]
    fn an_id_is_given_once() -> Result {
        let first = Context::make(XID + 2, vxf::INIT_SET)?;
        first.head().publish()?;
        let second = Context::make(XID + 2, vxf::INIT_SET)?;
        assert_eq!(second.head().publish(), Err(EBUSY));
        // The failed one must not take the other out of the table.
        drop(second);
        assert!(Context::find(XID + 2).is_some());
        drop(first);
        assert!(Context::find(XID + 2).is_none());
        Ok(())
    }

    #[test]
    fn instances_are_never_reused() -> Result {
        let first = Context::make(XID + 3, 0)?;
        let number = first.head().instance();
        drop(first);
        let second = Context::make(XID + 3, 0)?;
        assert!(second.head().instance() > number);
        assert!(number > 0);
        Ok(())
    }

    #[test]
    fn persistence_holds_a_claim() -> Result {
        let claim = Context::make(XID + 4, vxf::INIT_SET)?;
        claim.head().publish()?;
        let found = Context::find(XID + 4).ok_or(ESRCH)?;
        found.change_flags(vxf::PERSISTENT, vxf::PERSISTENT)?;
        // A second time must not claim again.
        found.change_flags(vxf::PERSISTENT, vxf::PERSISTENT)?;
        assert_eq!(found.head().claims(), 2);
        drop(claim);
        assert!(Context::find(XID + 4).is_some());
        found.change_flags(0, vxf::PERSISTENT)?;
        assert!(Context::find(XID + 4).is_none());
        assert_eq!(
            found.change_flags(vxf::PERSISTENT, vxf::PERSISTENT),
            Err(EFAULT)
        );
        Ok(())
    }

    #[test]
    fn words_change_by_mask() -> Result {
        let claim = Context::make(XID + 5, 0)?;
        assert_eq!(claim.word(Word::Bcaps), u64::MAX);
        for word in [Word::Bcaps, Word::Ccaps, Word::Umask, Word::Wmask] {
            claim.change_word(word, 0b0101, u64::MAX);
            claim.change_word(word, 0b1010, 0b0011);
            assert_eq!(claim.word(word), 0b0110);
        }
        Ok(())
    }

    #[test]
    fn spaces_of_an_ended_context_cannot_be_used() -> Result {
        let claim = Context::make(XID + 6, 0)?;
        claim.head().publish()?;
        let found = Context::find(XID + 6).ok_or(ESRCH)?;
        assert_eq!(found.with_space(2, |_| Ok(())), Err(EINVAL));
        found.with_space(1, |space| space.store(0))?;
        assert_eq!(found.space_masks().0, 0);
        assert_eq!(found.space_masks().1, Space::namespaces());
        drop(claim);
        assert_eq!(found.space_masks(), (0, 0));
        assert_eq!(found.with_space(0, |_| Ok(())), Err(EFAULT));
        Ok(())
    }
}
