// SPDX-License-Identifier: GPL-2.0

//! The header for C programs says what `abi.rs` says.
//!
//! From the constants, sizes and offsets of the crate a C program of assertions is made, and a
//! compiler checks it against the header, as C and as C++, for 64-bit and for 32-bit x86. Nothing
//! is linked or run, so no C library is needed, only the headers of the kernel.

// The layouts of 32-bit callers are those of the `Compat` structures, seen from a 64-bit kernel.
#![cfg(target_pointer_width = "64")]

mod compiler;
mod constants;
mod layouts;
mod program;
mod source;

use compiler::{Compiler, Language, Width};
use std::collections::BTreeSet;

/// Compiles the assertions about `width` in both languages.
fn check(width: Width) {
    let compiler = Compiler::find();
    let program = program::write(&constants::all(), &layouts::of(width));
    for language in Language::ALL {
        if let Err(said) = compiler.check(language, width, &program) {
            panic!("the header differs from abi.rs ({language:?}, {width:?}):\n{said}");
        }
    }
}

#[test]
fn header_agrees_for_64_bit_callers() {
    check(Width::Bits64);
}

#[test]
fn header_agrees_for_32_bit_callers() {
    check(Width::Bits32);
}

#[test]
fn every_kind_of_difference_is_found() {
    let compiler = Compiler::find();
    let fails = |constants: &[constants::Constant], layouts: &[layouts::Layout]| {
        let program = program::write(constants, layouts);
        compiler
            .check(Language::C, Width::Bits64, &program)
            .is_err()
    };
    let constants = constants::all();
    let layouts = layouts::of(Width::Bits64);
    for place in [0, constants.len() - 1] {
        let mut wrong = constants.clone();
        wrong[place].value += 1;
        assert!(fails(&wrong, &[]), "value of {}", wrong[place].c);
    }
    let mut wrong = layouts.clone();
    wrong[0].size += 1;
    assert!(fails(&[], &wrong), "size of a structure");
    let mut wrong = layouts.clone();
    wrong[0].members[0].offset += 1;
    assert!(fails(&[], &wrong), "offset of a member");
    let mut wrong = layouts.clone();
    wrong[0].members[0].size += 1;
    assert!(fails(&[], &wrong), "size of a member");
    let mut wrong = layouts;
    wrong[0].members[0].kind = layouts::Kind::Signed;
    assert!(fails(&[], &wrong), "sign of a member");
}

#[test]
fn every_constant_is_compared() {
    let compared: BTreeSet<String> = constants::all()
        .iter()
        .map(|constant| constant.rust.clone())
        .collect();
    let known: BTreeSet<String> = source::constants()
        .into_iter()
        .filter(|name| !constants::NOT_IN_THE_HEADER.contains(&name.as_str()))
        .collect();
    assert_eq!(compared, known, "compared, and defined in abi.rs");
}

#[test]
fn every_member_is_compared() {
    let mut compared = BTreeSet::new();
    for width in [Width::Bits64, Width::Bits32] {
        for layout in layouts::of(width) {
            let members = layout.members.iter().map(|member| member.rust);
            compared.insert((layout.rust.to_owned(), members.map(str::to_owned).collect()));
        }
    }
    let known: BTreeSet<(String, Vec<String>)> = source::structures().into_iter().collect();
    assert_eq!(compared, known, "compared, and defined in abi.rs");
}

#[test]
fn everything_in_the_header_is_compared() {
    let mut compared: BTreeSet<String> = constants::all()
        .into_iter()
        .map(|constant| constant.c)
        .collect();
    for layout in layouts::of(Width::Bits64) {
        compared.insert(layout.c.to_owned());
    }
    for name in source::header_names() {
        // The categories are checked as parts of the commands.
        if !name.starts_with("VC_CAT_") {
            assert!(compared.contains(&name), "{name} is compared with nothing");
        }
    }
}
