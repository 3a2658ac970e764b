// SPDX-License-Identifier: GPL-2.0

//! What tests of the command line call it with.

// Each test program uses a part of it.
#![allow(dead_code)]

use serde_json::Value;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

/// A directory of descriptions and a root directory.
pub struct Host {
    pub directory: tempfile::TempDir,
}

/// What a call gave.
pub struct Answer {
    pub status: i32,
    pub output: String,
    pub errors: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.output).unwrap_or_else(|_| panic!("{}", self.output))
    }

    pub fn error(&self) -> Value {
        let value: Value = serde_json::from_str(&self.errors).unwrap();
        value["error"].clone()
    }
}

impl From<Output> for Answer {
    fn from(output: Output) -> Self {
        Self {
            status: output.status.code().unwrap(),
            output: String::from_utf8(output.stdout).unwrap(),
            errors: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Host {
    pub fn new() -> Self {
        let host = Self {
            directory: tempfile::tempdir().unwrap(),
        };
        fs::create_dir(host.root()).unwrap();
        host
    }

    pub fn path(&self, name: &str) -> PathBuf {
        // Purging wants the real path; temporary directories may lie behind a link.
        fs::canonicalize(self.directory.path()).unwrap().join(name)
    }

    pub fn root(&self) -> PathBuf {
        self.path("root")
    }

    pub fn config(&self) -> PathBuf {
        self.path("vservers")
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.config().join(format!("{name}.toml"))
    }

    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_vserver"));
        command
            .env("VSERVER_CONFIG_DIR", self.config())
            .current_dir(self.directory.path())
            .args(words);
        command
    }

    pub fn call(&self, words: &[&str]) -> Answer {
        self.command(words).output().unwrap().into()
    }

    pub fn create(&self, words: &[&str]) -> Answer {
        let root = self.root();
        let base = ["create", "--root", root.to_str().unwrap()];
        self.call(&[&base, words].concat())
    }

    pub fn write(&self, name: &str, text: &str) {
        fs::create_dir_all(self.config()).unwrap();
        fs::write(self.file(name), text).unwrap();
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.file(name)).unwrap()
    }
}
