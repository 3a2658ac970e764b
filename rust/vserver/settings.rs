// SPDX-License-Identifier: GPL-2.0

//! Flags, capabilities, masks, names: what is set once or live, and read back.

use crate::{
    abi::{
        nxf,
        vhin,
        vxf,
        Badness,
        Flags,
        VhiName, //
    },
    bits,
    caller,
    context::{
        Context,
        Word, //
    },
    dispatch::Call,
    network::Network, //
};
use kernel::prelude::*;

/// `get_cflags`
pub(crate) fn get_cflags(call: &Call, context: &Context) -> Result<u32> {
    let value = context.head().flags();
    call.write(&Flags {
        value,
        mask: bits::settable_flags(value, vxf::ONE_TIME),
    })?;
    Ok(0)
}

/// `set_cflags`
///
/// A task that clears STATE_INIT of its own context becomes its init and reaper; clearing it from outside
/// only clears the bit.
pub(crate) fn set_cflags(call: &Call, context: &Context) -> Result<u32> {
    let data: Flags = call.read()?;
    let old = context.head().flags();
    let new = context.change_flags(data.value, data.mask)?;
    let cleared = old & !new & vxf::STATE_INIT != 0;
    let own = caller::context().is_some_and(|own| core::ptr::eq(&*own, context));
    if cleared && own {
        caller::become_init(context);
        caller::become_reaper(context);
    }
    Ok(0)
}

/// Reads one of the words that have no bits of their own will.
fn get_word(call: &Call, context: &Context, word: Word) -> Result<u32> {
    call.write(&Flags {
        value: context.word(word),
        mask: u64::MAX,
    })?;
    Ok(0)
}

/// Changes one of these words.
fn set_word(call: &Call, context: &Context, word: Word) -> Result<u32> {
    let data: Flags = call.read()?;
    context.change_word(word, data.value, data.mask);
    Ok(0)
}

/// `get_ccaps`
pub(crate) fn get_ccaps(call: &Call, context: &Context) -> Result<u32> {
    get_word(call, context, Word::Ccaps)
}

/// `set_ccaps`
pub(crate) fn set_ccaps(call: &Call, context: &Context) -> Result<u32> {
    set_word(call, context, Word::Ccaps)
}

/// `get_bcaps`
pub(crate) fn get_bcaps(call: &Call, context: &Context) -> Result<u32> {
    get_word(call, context, Word::Bcaps)
}

/// `set_bcaps`
pub(crate) fn set_bcaps(call: &Call, context: &Context) -> Result<u32> {
    set_word(call, context, Word::Bcaps)
}

/// `get_umask`
pub(crate) fn get_umask(call: &Call, context: &Context) -> Result<u32> {
    get_word(call, context, Word::Umask)
}

/// `set_umask`
pub(crate) fn set_umask(call: &Call, context: &Context) -> Result<u32> {
    set_word(call, context, Word::Umask)
}

/// `get_wmask`
pub(crate) fn get_wmask(call: &Call, context: &Context) -> Result<u32> {
    get_word(call, context, Word::Wmask)
}

/// `set_wmask`
pub(crate) fn set_wmask(call: &Call, context: &Context) -> Result<u32> {
    set_word(call, context, Word::Wmask)
}

/// `get_nflags`
pub(crate) fn get_nflags(call: &Call, network: &Network) -> Result<u32> {
    let value = network.head().flags();
    call.write(&Flags {
        value,
        mask: bits::settable_flags(value, nxf::ONE_TIME),
    })?;
    Ok(0)
}

/// `set_nflags`
pub(crate) fn set_nflags(call: &Call, network: &Network) -> Result<u32> {
    let data: Flags = call.read()?;
    network.change_flags(data.value, data.mask)?;
    Ok(0)
}

/// `get_ncaps`
pub(crate) fn get_ncaps(call: &Call, network: &Network) -> Result<u32> {
    call.write(&Flags {
        value: network.head().ncaps(),
        mask: u64::MAX,
    })?;
    Ok(0)
}

/// `set_ncaps`
pub(crate) fn set_ncaps(call: &Call, network: &Network) -> Result<u32> {
    let data: Flags = call.read()?;
    network.change_ncaps(data.value, data.mask);
    Ok(0)
}

/// `get_badness`
pub(crate) fn get_badness(call: &Call, context: &Context) -> Result<u32> {
    call.write(&Badness {
        bias: context.head().badness() as i64,
    })?;
    Ok(0)
}

/// `set_badness`
pub(crate) fn set_badness(call: &Call, context: &Context) -> Result<u32> {
    let data: Badness = call.read()?;
    context.head().set_badness(data.bias as u64);
    Ok(0)
}

/// A name is always terminated, whatever the caller passed (semantics.md, section 17).
fn terminated(mut name: [u8; vhin::LEN]) -> [u8; vhin::LEN] {
    name[vhin::LEN - 1] = 0;
    name
}

/// `get_vhi_name`
///
/// Field 0 is the name of the context; the others are those of the stored host name namespace.
pub(crate) fn get_vhi_name(call: &Call, context: &Context) -> Result<u32> {
    let mut data: VhiName = call.read()?;
    data.name = match data.field {
        vhin::CONTEXT => context.name(),
        field => context.with_space(0, |space| space.read_name(field))?,
    };
    call.write(&data)?;
    Ok(0)
}

/// `set_vhi_name`
pub(crate) fn set_vhi_name(call: &Call, context: &Context) -> Result<u32> {
    let data: VhiName = call.read()?;
    let name = terminated(data.name);
    match data.field {
        vhin::CONTEXT => context.set_name(&name),
        field => context.with_space(0, |space| space.write_name(field, &name))?,
    }
    Ok(0)
}

#[cfg(CONFIG_VSERVER_KUNIT_TEST)]
#[kunit_tests(vserver_settings)]
mod tests {
    use super::*;

    #[test]
    fn names_end_inside_their_buffer() {
        let name = terminated([b'x'; vhin::LEN]);
        assert_eq!(name[vhin::LEN - 1], 0);
        assert!(name[..vhin::LEN - 1].iter().all(|byte| *byte == b'x'));
        assert_eq!(terminated([0; vhin::LEN]), [0; vhin::LEN]);
    }

    #[test]
    fn a_context_without_spaces_has_no_host_name() -> Result {
        let context = Context::make(65_200, vxf::INIT_SET)?;
        for field in vhin::SYSNAME..=vhin::DOMAINNAME {
            assert_eq!(
                context.with_space(0, |space| space.read_name(field)),
                Err(EINVAL)
            );
        }
        Ok(())
    }

    #[test]
    fn fields_out_of_range_are_refused() -> Result {
        let context = Context::make(65_201, vxf::INIT_SET)?;
        context.with_space(0, |space| space.store(crate::abi::space::UTS))?;
        for field in [0, 7, u32::MAX] {
            assert_eq!(
                context.with_space(0, |space| space.read_name(field)),
                Err(EINVAL)
            );
        }
        assert!(context
            .with_space(0, |space| space.read_name(vhin::SYSNAME))?
            .starts_with(b"Linux\0"));
        Ok(())
    }
}
