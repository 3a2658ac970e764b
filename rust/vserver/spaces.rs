// SPDX-License-Identifier: GPL-2.0

//! Stored namespaces: `set_space`, `enter_space` (semantics.md, section 4).

use crate::{
    abi::{
        space,
        vxf,
        SpaceMaskV1,
        SPACE_MASK_V2_READ, //
    },
    context::Context,
    dispatch::Call,
    sys::space::Space, //
};
use kernel::prelude::*;

/// Which members of which set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Selection {
    mask: u64,
    index: u32,
}

/// No data: everything, in the main set.
const EVERYTHING: Selection = Selection { mask: 0, index: 0 };

fn read_v1(call: &Call) -> Result<Selection> {
    if call.is_null() {
        return Ok(EVERYTHING);
    }
    let data: SpaceMaskV1 = call.read()?;
    Ok(Selection {
        mask: data.mask,
        index: 0,
    })
}

/// Reads only the bytes that a 32-bit caller hands over too.
fn read_v2(call: &Call) -> Result<Selection> {
    if call.is_null() {
        return Ok(EVERYTHING);
    }
    Ok(decode_v2(call.read_bytes()?))
}

fn decode_v2(bytes: [u8; SPACE_MASK_V2_READ]) -> Selection {
    let [m0, m1, m2, m3, m4, m5, m6, m7, i0, i1, i2, i3] = bytes;
    Selection {
        mask: u64::from_ne_bytes([m0, m1, m2, m3, m4, m5, m6, m7]),
        index: u32::from_ne_bytes([i0, i1, i2, i3]),
    }
}

fn set(context: &Context, selection: Selection) -> Result<u32> {
    context.with_space(selection.index, |stored| stored.store(selection.mask))?;
    Ok(0)
}

/// What to enter: `mask`, or all that is stored. Errors: `EINVAL` for a member that was never
/// stored, and for an empty set.
fn choose(mask: u64, stored: u64) -> Result<u64> {
    let chosen = if mask == 0 { stored } else { mask };
    if chosen == 0 || chosen & !stored != 0 {
        return Err(EINVAL);
    }
    Ok(chosen)
}

fn enter(context: &Context, selection: Selection) -> Result<u32> {
    if context.has_flag(vxf::INFO_PRIVATE) {
        return Err(EACCES);
    }
    // Entering takes locks and may sleep long: work on a copy, without the lock of the context.
    let copy = context.with_space(selection.index, |stored| {
        Ok(stored.copy(choose(selection.mask, stored.mask())?))
    })?;
    copy.enter()?;
    Ok(0)
}

/// `set_space` v1
pub(crate) fn set_space_v1(call: &Call, context: &Context) -> Result<u32> {
    set(context, read_v1(call)?)
}

/// `set_space`
pub(crate) fn set_space(call: &Call, context: &Context) -> Result<u32> {
    set(context, read_v2(call)?)
}

/// `enter_space` v0
pub(crate) fn enter_space_v0(_call: &Call, context: &Context) -> Result<u32> {
    enter(context, EVERYTHING)
}

/// `enter_space` v1
pub(crate) fn enter_space_v1(call: &Call, context: &Context) -> Result<u32> {
    enter(context, read_v1(call)?)
}

/// `enter_space`
pub(crate) fn enter_space(call: &Call, context: &Context) -> Result<u32> {
    enter(context, read_v2(call)?)
}

/// Tells the part of `mask` that this kernel has.
fn tell(call: &Call, mask: u64) -> Result<u32> {
    call.write(&SpaceMaskV1 {
        mask: mask & Space::supported(),
    })?;
    Ok(0)
}

/// `get_space_mask` v0
pub(crate) fn get_space_mask_v0(call: &Call) -> Result<u32> {
    tell(call, space::MASK_V0)
}

/// `get_space_mask`
///
/// Time and cgroup namespaces are stored and entered as well, but the original does not tell of
/// them, and neither is told here.
pub(crate) fn get_space_mask(call: &Call) -> Result<u32> {
    tell(call, space::MASK)
}

/// `get_space_default`
pub(crate) fn get_space_default(call: &Call) -> Result<u32> {
    tell(call, space::DEFAULT)
}

#[cfg(CONFIG_VSERVER_KUNIT_TEST)]
#[kunit_tests(vserver_spaces)]
mod tests {
    use super::*;

    #[test]
    fn nothing_asked_means_all_that_is_stored() {
        assert_eq!(
            choose(0, space::UTS | space::FS),
            Ok(space::UTS | space::FS)
        );
        assert_eq!(choose(space::FS, space::UTS | space::FS), Ok(space::FS));
    }

    #[test]
    fn what_was_never_stored_cannot_be_entered() {
        assert_eq!(choose(0, 0), Err(EINVAL));
        assert_eq!(choose(space::NET, space::UTS), Err(EINVAL));
        assert_eq!(choose(space::NET | space::UTS, space::UTS), Err(EINVAL));
        assert_eq!(choose(1 << 63, space::UTS), Err(EINVAL));
    }

    #[test]
    fn the_argument_has_twelve_bytes() {
        let mut bytes = [0; SPACE_MASK_V2_READ];
        bytes[..8].copy_from_slice(&0x0102_0304_0506_0708u64.to_ne_bytes());
        bytes[8..].copy_from_slice(&7u32.to_ne_bytes());
        assert_eq!(
            decode_v2(bytes),
            Selection {
                mask: 0x0102_0304_0506_0708,
                index: 7
            }
        );
    }

    #[test]
    fn stored_masks_add_up() -> Result {
        let context = Context::make(65_300, vxf::INIT_SET)?;
        set(
            &context,
            Selection {
                mask: space::UTS,
                index: 0,
            },
        )?;
        set(
            &context,
            Selection {
                mask: space::FS | space::IPC,
                index: 0,
            },
        )?;
        assert_eq!(
            context.space_masks(),
            (space::UTS | space::FS | space::IPC, 0)
        );
        Ok(())
    }

    #[test]
    fn unknown_bits_and_sets_are_refused() -> Result {
        let context = Context::make(65_301, vxf::INIT_SET)?;
        for (mask, index) in [
            (1, 0),
            (1 << 63, 0),
            (space::UTS, 2),
            (space::UTS, u32::MAX),
        ] {
            assert_eq!(set(&context, Selection { mask, index }), Err(EINVAL));
        }
        assert_eq!(context.space_masks(), (0, 0));
        Ok(())
    }

    #[test]
    fn a_private_context_is_never_entered() -> Result {
        let context = Context::make(65_302, vxf::INIT_SET | vxf::INFO_PRIVATE)?;
        set(&context, EVERYTHING)?;
        assert_eq!(enter(&context, EVERYTHING), Err(EACCES));
        Ok(())
    }

    #[test]
    fn this_kernel_has_all_that_the_original_had() {
        assert_eq!(space::MASK & Space::supported(), space::MASK);
        assert_eq!(Space::supported() & !space::SUPPORTED, 0);
    }
}
