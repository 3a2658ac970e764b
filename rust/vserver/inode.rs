// SPDX-License-Identifier: GPL-2.0

//! Attributes of inodes (semantics.md, section 13).
//!
//! The immutable bit is that of the file system; the others are stored with the file and told.

use crate::{
    abi::{
        Fiattr,
        Iattr,
        IattrCompat, //
    },
    dispatch::Call,
    sys::inode::{
        self,
        Attributes, //
    }, //
};
use kernel::prelude::*;

fn by_name(call: &Call, set: bool) -> Result<u32> {
    let mut data: Iattr = call.read_as::<Iattr, IattrCompat>()?;
    let mut attributes = Attributes {
        tag: data.tag,
        flags: data.flags,
        mask: data.mask,
    };
    let result = inode::attributes_by_name(data.name, &mut attributes, set);
    data.tag = attributes.tag;
    data.flags = attributes.flags;
    data.mask = attributes.mask;
    answer(result, set, || call.write_as::<Iattr, IattrCompat>(data))
}

fn by_fd(call: &Call, set: bool) -> Result<u32> {
    let mut data: Fiattr = call.read()?;
    let mut attributes = Attributes {
        tag: data.tag,
        flags: data.flags,
        mask: data.mask,
    };
    let result = inode::attributes_by_fd(call.id(), &mut attributes, set);
    data.tag = attributes.tag;
    data.flags = attributes.flags;
    data.mask = attributes.mask;
    answer(result, set, || call.write(&data))
}

/// A set command writes the structure back in every case.
fn answer(result: Result, set: bool, write: impl FnOnce() -> Result) -> Result<u32> {
    if set {
        let written = write();
        result?;
        written?;
    } else {
        result?;
        write()?;
    }
    Ok(0)
}

/// `get_iattr`
pub(crate) fn get_iattr(call: &Call) -> Result<u32> {
    by_name(call, false)
}

/// `set_iattr`
pub(crate) fn set_iattr(call: &Call) -> Result<u32> {
    by_name(call, true)
}

/// `fget_iattr`: the id is a descriptor.
pub(crate) fn fget_iattr(call: &Call) -> Result<u32> {
    by_fd(call, false)
}

/// `fset_iattr`
pub(crate) fn fset_iattr(call: &Call) -> Result<u32> {
    by_fd(call, true)
}

#[cfg(CONFIG_VSERVER_KUNIT_TEST)]
#[kunit_tests(vserver_inode)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_change_is_written_back_all_the_same() {
        let mut written = false;
        let result = answer(Err(EINVAL), true, || {
            written = true;
            Ok(())
        });
        assert_eq!(result, Err(EINVAL));
        assert!(written);
    }

    #[test]
    fn the_error_of_the_change_comes_before_that_of_the_copy() {
        assert_eq!(answer(Err(EINVAL), true, || Err(EFAULT)), Err(EINVAL));
        assert_eq!(answer(Ok(()), true, || Err(EFAULT)), Err(EFAULT));
        assert_eq!(answer(Ok(()), true, || Ok(())), Ok(0));
    }

    #[test]
    fn a_refused_question_writes_nothing() {
        let mut written = false;
        let result = answer(Err(ESRCH), false, || {
            written = true;
            Ok(())
        });
        assert_eq!(result, Err(ESRCH));
        assert!(!written);
    }
}
