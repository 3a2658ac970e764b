// SPDX-License-Identifier: GPL-2.0

//! The C program: one assertion for each thing that is compared.
//!
//! An assertion is an array type whose size is negative when it does not hold, which every C and
//! C++ knows. The name of the type tells what was expected.

use crate::constants::Constant;
use crate::layouts::{Kind, Layout};
use std::fmt::Write;

const HEAD: &str = "
#include <linux/vserver.h>
#include <linux/reboot.h>
#include <linux/sched.h>
#include <asm-generic/resource.h>

#define HOLDS(condition, name) typedef char name[(condition) ? 1 : -1]
";

/// Writes the program.
pub fn write(constants: &[Constant], layouts: &[Layout]) -> String {
    let mut program = HEAD.to_owned();
    for (number, constant) in constants.iter().enumerate() {
        let name = constant.rust.replace("::", "_");
        assert(
            &mut program,
            &format!("({}) == {}", constant.c, literal(constant.value)),
            &format!("value_{number}_of_{name}"),
        );
    }
    for layout in layouts {
        let c = layout.c;
        assert(
            &mut program,
            &format!("sizeof(struct {c}) == {}", layout.size),
            &format!("size_of_{c}_is_{}", layout.size),
        );
        for member in &layout.members {
            let path = format!("{c}_{}", member.c);
            let value = format!("((struct {c} *)0)->{}", member.c);
            assert(
                &mut program,
                &format!(
                    "__builtin_offsetof(struct {c}, {}) == {}",
                    member.c, member.offset
                ),
                &format!("offset_of_{path}_is_{}", member.offset),
            );
            assert(
                &mut program,
                &format!("sizeof({value}) == {}", member.size),
                &format!("size_of_{path}_is_{}", member.size),
            );
            let element = if member.array {
                format!("{value}[0]")
            } else {
                value
            };
            let negative = format!("(__typeof__({element}))-1 < (__typeof__({element}))1");
            match member.kind {
                Kind::Signed => assert(&mut program, &negative, &format!("{path}_is_signed")),
                Kind::Unsigned => assert(
                    &mut program,
                    &format!("!({negative})"),
                    &format!("{path}_is_unsigned"),
                ),
                Kind::Other => {}
            }
        }
    }
    program
}

fn assert(program: &mut String, condition: &str, name: &str) {
    writeln!(program, "HOLDS({condition}, {name});").expect("a string takes everything");
}

/// The number as C before C99 can write it.
fn literal(value: i128) -> String {
    if value < 0 {
        format!("({value})")
    } else if value <= i128::from(u32::MAX) {
        format!("{value}U")
    } else {
        let (upper, lower) = (value >> 32, value & i128::from(u32::MAX));
        format!("(((__u64){upper}U << 32) | {lower}U)")
    }
}
