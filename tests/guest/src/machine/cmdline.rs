// SPDX-License-Identifier: GPL-2.0

//! What the kernel command line asks for.

use crate::limits::{Flavour, SEED, Scale};

/// The request of one run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Which kernel runs, and how much of it.
    pub scale: Scale,
    /// Scenarios to run; all of them when empty.
    pub names: Vec<String>,
}

impl Request {
    /// Reads the words `vserver.flavour=`, `vserver.tests=`, `vserver.full`, `vserver.seed=` and
    /// `vserver.seconds=`.
    pub fn parse(line: &str) -> Result<Self, String> {
        let mut request = Self {
            scale: Scale {
                flavour: Flavour::Release,
                full: false,
                seed: SEED,
                seconds: None,
            },
            names: Vec::new(),
        };
        for word in line.split_whitespace() {
            if let Some(name) = word.strip_prefix("vserver.flavour=") {
                request.scale.flavour = Flavour::parse(name)?;
            } else if word == "vserver.full" {
                request.scale.full = true;
            } else if let Some(number) = word.strip_prefix("vserver.seed=") {
                let seed = number.parse();
                request.scale.seed = seed.map_err(|_| format!("seed '{number}' is no number"))?;
            } else if let Some(number) = word.strip_prefix("vserver.seconds=") {
                let time = number.parse();
                let time = time.map_err(|_| format!("time '{number}' is no number"))?;
                request.scale.seconds = Some(time);
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
    fn random_commands_have_a_seed_and_a_length() {
        let scale = Request::parse("vserver.seed=7 vserver.seconds=600")
            .unwrap()
            .scale;
        assert_eq!((scale.seed, scale.seconds), (7, Some(600)));
        assert_eq!(Request::parse("").unwrap().scale.seed, SEED);
        assert!(Request::parse("vserver.seed=x").is_err());
    }

    #[test]
    fn unknown_flavour_is_named() {
        let error = Request::parse("vserver.flavour=fast").unwrap_err();
        assert!(error.contains("'fast'"));
    }
}
