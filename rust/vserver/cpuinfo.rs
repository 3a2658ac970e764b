// SPDX-License-Identifier: GPL-2.0

//! `/proc/cpuinfo` of a guest: the processors that it may use (semantics.md, section 12, VIRT_CPU).
//!
//! Each architecture prints in its own way, but all in paragraphs, of which those about a processor
//! begin with its number.

#[cfg(CONFIG_VSERVER_KUNIT_TEST)]
use kernel::prelude::*;

/// Cuts the paragraphs about other processors than those to `keep` out of the text. Returns the
/// length of what is left, at its front.
pub(crate) fn retain(text: &mut [u8], keep: impl Fn(u32) -> bool) -> usize {
    let (mut from, mut to) = (0, 0);
    while let Some(rest) = text.get(from..).filter(|rest| !rest.is_empty()) {
        let length = paragraph(rest);
        let end = from + length;
        if processor(rest).is_none_or(&keep) {
            text.copy_within(from..end, to);
            to += length;
        }
        from = end;
    }
    to
}

/// Length of the first paragraph with the empty line behind it.
fn paragraph(text: &[u8]) -> usize {
    let empty = text.windows(2).position(|two| two == b"\n\n");
    empty.map_or(text.len(), |position| position + 2)
}

/// The processor that a paragraph is about: `processor : 7`.
fn processor(text: &[u8]) -> Option<u32> {
    let (name, value) = text.split_at_checked(text.iter().position(|byte| *byte == b':')?)?;
    if name.trim_ascii() != b"processor" {
        return None;
    }
    let digits = value.get(1..)?.trim_ascii_start();
    let mut number = None;
    for digit in digits.iter().take_while(|byte| byte.is_ascii_digit()) {
        let before: u32 = number.unwrap_or(0);
        number = Some(before.checked_mul(10)?.checked_add((digit - b'0').into())?);
    }
    number
}

#[cfg(CONFIG_VSERVER_KUNIT_TEST)]
#[kunit_tests(vserver_cpuinfo)]
mod tests {
    use super::*;

    /// What is left of a text of at most 128 bytes.
    fn check(text: &str, keep: &[u32], left: &str) {
        let mut copy = [0; 128];
        let copy = &mut copy[..text.len()];
        copy.copy_from_slice(text.as_bytes());
        let length = retain(copy, |cpu| keep.contains(&cpu));
        assert_eq!(&copy[..length], left.as_bytes());
    }

    #[test]
    fn paragraphs_of_others_go() {
        let text = "processor\t: 0\nflags\t: a\n\nprocessor\t: 1\nflags\t: b\n\n";
        check(text, &[0, 1], text);
        check(text, &[1], "processor\t: 1\nflags\t: b\n\n");
        check(text, &[0], "processor\t: 0\nflags\t: a\n\n");
        check(text, &[], "");
        check("", &[0], "");
    }

    #[test]
    fn a_paragraph_may_be_about_all() {
        let text = "processor\t: 0\na\t: 1\n\nHardware\t: board\nprocessor\t: 9\n";
        check(text, &[], "Hardware\t: board\nprocessor\t: 9\n");
        check("timebase\t: 512\n", &[], "timebase\t: 512\n");
    }

    #[test]
    fn the_last_one_may_lack_its_empty_line() {
        check("processor: 3\nx: 1\n", &[3], "processor: 3\nx: 1\n");
        check("processor: 3\nx: 1\n", &[4], "");
    }

    #[test]
    fn numbers_are_read_whole() {
        check("processor : 12\n", &[1], "");
        check("processor : 12\n", &[12], "processor : 12\n");
        // No processor: nothing is known of it, so it is everybody's.
        check("processor : \n", &[], "processor : \n");
        check(
            "processor : 99999999999\n",
            &[],
            "processor : 99999999999\n",
        );
        check("processors : 3\n", &[], "processors : 3\n");
        check("processor\n", &[], "processor\n");
    }
}
