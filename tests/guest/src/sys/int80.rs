// SPDX-License-Identifier: GPL-2.0

//! `vserver()` as a 32-bit program makes it.
//!
//! On x86-64 every process can enter the kernel through `int $0x80`; the kernel then takes the
//! numbers and layouts of i386. Addresses have 32 bits, see [`super::memory`].

use super::Sys;

/// Number of the system call on i386.
pub const NUMBER: u32 = 273;

/// Number of `nice(2)` on i386; x86-64 has no such call.
const NICE: u32 = 34;

/// Performs a command as a 32-bit caller.
///
/// # Safety
/// As for the native call: when the kernel accepts the pointer it reads or writes there, in the
/// layout of a 32-bit caller; the memory must fit the command.
pub unsafe fn vserver(command: u32, id: u32, data: u32) -> Sys<u32> {
    // SAFETY: as the caller promises.
    unsafe { enter(NUMBER, command, id, data) }
}

/// `nice(2)`.
pub fn nice(step: i32) -> Sys<()> {
    // SAFETY: the call takes a number and no memory.
    unsafe { enter(NICE, step as u32, 0, 0) }.map(|_| ())
}

/// A call with three arguments.
///
/// # Safety
/// The memory that the arguments name must be what the call needs.
unsafe fn enter(number: u32, first: u32, second: u32, third: u32) -> Sys<u32> {
    let result: i32;
    // SAFETY: the gate takes its arguments in eax, ebx, ecx, edx and changes no other register
    // than eax and, on some kernels, r8 to r11, which are given up here. The compiler keeps rbx
    // for itself, so it is swapped in and back. What the call does, the caller answers for.
    unsafe {
        std::arch::asm!(
            "xchg {first}, rbx",
            "int 0x80",
            "xchg {first}, rbx",
            first = inout(reg) u64::from(first) => _,
            inlateout("eax") number as i32 => result,
            in("ecx") second,
            in("edx") third,
            out("r8") _,
            out("r9") _,
            out("r10") _,
            out("r11") _,
        );
    }
    if result < 0 {
        Err(-result)
    } else {
        Ok(result as u32)
    }
}
