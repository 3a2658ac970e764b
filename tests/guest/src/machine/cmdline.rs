// SPDX-License-Identifier: GPL-2.0

//! What the kernel command line asks for.

use crate::limits::{Flavour, Scale};

/// The request of one run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Which kernel runs, and how much of it.
    pub scale: Scale,
    /// Scenarios to run; all of them when empty.
    pub names: Vec<String>,
}

impl Request {
    /// Reads the words `vserver.flavour=`, `vserver.tests=` and `vserver.full`.
    pub fn parse(line: &str) -> Result<Self, String> {
        let mut request = Self {
            scale: Scale {
                flavour: Flavour::Release,
                full: false,
            },
            names: Vec::new(),
        };
        for word in line.split_whitespace() {
            if let Some(name) = word.strip_prefix("vserver.flavour=") {
                request.scale.flavour = Flavour::parse(name)?;
            } else if word == "vserver.full" {
                request.scale.full = true;
            } else if let Some(names) = word.strip_prefix("vserver.tests=") {
                request.names = names
                    .split(',')
                    .filter(|name| !name.is_empty())
                    .map(String::from)
                    .collect();
            }
        }
        Ok(request)
    }

    /// Whether a scenario is asked for.
    pub fn wants(&self, name: &str) -> bool {
        self.names.is_empty() || self.names.iter().any(|n| n == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_the_default() {
        let request = Request::parse("console=ttyS0 panic=-1\n").unwrap();
        assert_eq!(request.scale.flavour, Flavour::Release);
        assert!(!request.scale.full);
        assert!(request.wants("ids"));
    }

    #[test]
    fn names_select() {
        let request = Request::parse("vserver.flavour=debug vserver.tests=ids,names").unwrap();
        assert_eq!(request.scale.flavour, Flavour::Debug);
        assert!(Request::parse("vserver.full").unwrap().scale.full);
        assert!(request.wants("names"));
        assert!(!request.wants("spaces"));
    }

    #[test]
    fn unknown_flavour_is_named() {
        let error = Request::parse("vserver.flavour=fast").unwrap_err();
        assert!(error.contains("'fast'"));
    }
}
