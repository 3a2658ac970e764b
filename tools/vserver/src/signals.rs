// SPDX-License-Identifier: GPL-2.0

//! Signals by name.

const NAMES: &[(&str, i32)] = &[
    ("HUP", libc::SIGHUP),
    ("INT", libc::SIGINT),
    ("QUIT", libc::SIGQUIT),
    ("KILL", libc::SIGKILL),
    ("USR1", libc::SIGUSR1),
    ("USR2", libc::SIGUSR2),
    ("TERM", libc::SIGTERM),
    ("PWR", libc::SIGPWR),
    ("WINCH", libc::SIGWINCH),
];

/// First real-time signal that programs may use.
const RTMIN: i32 = 34;
/// Last real-time signal.
const RTMAX: i32 = 64;

/// The signal that asks systemd, as the init of a guest, to stop everything and halt.
pub const SYSTEMD_HALT: i32 = RTMIN + 3;

/// Finds the number of a signal that can ask an init to stop: `SIGTERM`, `TERM`, `RTMIN+3`, ….
pub fn by_name(name: &str) -> Option<i32> {
    let upper = name.to_ascii_uppercase();
    let bare = upper.strip_prefix("SIG").unwrap_or(&upper);
    if let Some(offset) = bare.strip_prefix("RTMIN+") {
        let number = RTMIN + offset.parse::<u8>().ok().map(i32::from)?;
        return (number <= RTMAX).then_some(number);
    }
    NAMES
        .iter()
        .find(|(known, _)| *known == bare)
        .map(|(_, number)| *number)
}

/// Returns the name of a signal, or its number when it has none.
pub fn name_of(signal: i32) -> String {
    if (RTMIN..=RTMAX).contains(&signal) {
        return format!("SIGRTMIN+{}", signal - RTMIN);
    }
    NAMES
        .iter()
        .find(|(_, number)| *number == signal)
        .map_or_else(
            || format!("signal {signal}"),
            |(name, _)| format!("SIG{name}"),
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_match() {
        assert_eq!(by_name("SIGTERM"), Some(15));
        assert_eq!(by_name("pwr"), Some(30));
        assert_eq!(by_name("SIGRTMIN+3"), Some(37));
        assert_eq!(by_name("RTMIN+30"), Some(64));
        assert_eq!(by_name("RTMIN+31"), None);
        assert_eq!(by_name("SIGSTOP"), None);
        assert_eq!(name_of(SYSTEMD_HALT), "SIGRTMIN+3");
        assert_eq!(name_of(15), "SIGTERM");
        assert_eq!(name_of(11), "signal 11");
    }
}
