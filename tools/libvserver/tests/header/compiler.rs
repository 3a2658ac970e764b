// SPDX-License-Identifier: GPL-2.0

//! A C compiler that checks a program without making anything of it.

use crate::source;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Which programs the header is compiled for.
#[derive(Clone, Copy, Debug)]
pub enum Width {
    /// x86-64.
    Bits64,
    /// 32-bit x86.
    Bits32,
}

/// In which language the header is read.
#[derive(Clone, Copy, Debug)]
pub enum Language {
    /// The oldest C.
    C,
    /// The C++ of the same age.
    Cplusplus,
}

impl Language {
    pub const ALL: [Self; 2] = [Self::C, Self::Cplusplus];

    const fn options(self) -> [&'static str; 3] {
        match self {
            Self::C => ["-x", "c", "-std=c89"],
            Self::Cplusplus => ["-x", "c++", "-std=c++98"],
        }
    }
}

/// A compiler of this machine.
pub struct Compiler {
    program: &'static str,
    clang: bool,
    directories: Vec<PathBuf>,
}

impl Compiler {
    /// Takes clang when it is there, else what the machine calls its C compiler.
    pub fn find() -> Self {
        let answers = |program: &&str| {
            Command::new(program)
                .arg("--version")
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()
                .is_ok_and(|status| status.success())
        };
        let program = ["clang-19", "clang", "cc"]
            .into_iter()
            .find(answers)
            .expect("this test needs a C compiler: install clang-19 or one that is called cc");
        Self {
            program,
            clang: program.starts_with("clang"),
            directories: kernel_headers(),
        }
    }

    /// Checks the program; the error is what the compiler says.
    pub fn check(&self, language: Language, width: Width, program: &str) -> Result<(), String> {
        if matches!(language, Language::Cplusplus) && !self.clang && !self.knows_cplusplus() {
            return Ok(());
        }
        self.run(language, width, program)
    }

    /// GCC comes without C++ too.
    fn knows_cplusplus(&self) -> bool {
        self.run(Language::Cplusplus, Width::Bits64, "").is_ok()
    }

    fn run(&self, language: Language, width: Width, program: &str) -> Result<(), String> {
        let mut command = Command::new(self.program);
        command.arg(match (self.clang, width) {
            (true, Width::Bits64) => "--target=x86_64-linux-gnu",
            (true, Width::Bits32) => "--target=i386-linux-gnu",
            (false, Width::Bits64) => "-m64",
            (false, Width::Bits32) => "-m32",
        });
        command
            .args(language.options())
            .args("-fsyntax-only -ffreestanding -nostdinc".split(' '))
            .args("-pedantic-errors -Wall -Wextra -Werror".split(' '))
            // Only our header has to be beyond reproach, so only it is no system header.
            .arg("-I")
            .arg(source::directory().join("include/uapi"));
        for directory in &self.directories {
            command.arg("-isystem").arg(directory);
        }
        let mut child = command
            .arg("-")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("{}: {error}", self.program))?;
        let mut input = child.stdin.take().ok_or("no way to reach the compiler")?;
        // The compiler may give up before it has read everything.
        let _ = input.write_all(program.as_bytes());
        drop(input);
        let output = child
            .wait_with_output()
            .map_err(|error| error.to_string())?;
        if output.status.success() {
            Ok(())
        } else {
            Err(String::from_utf8_lossy(&output.stderr).into_owned())
        }
    }
}

/// The directories of the headers of the kernel: `linux/` and, where a machine can have those of
/// several architectures, one for `asm/`. Those of x86-64 serve 32-bit programs as well.
fn kernel_headers() -> Vec<PathBuf> {
    let root = Path::new("/usr/include");
    let mut directories = vec![root.to_owned()];
    if !root.join("asm/types.h").exists() {
        let below = root.read_dir().into_iter().flatten().flatten();
        let mut found: Vec<PathBuf> = below
            .map(|entry| entry.path())
            .filter(|path| path.join("asm/types.h").exists())
            .collect();
        // x86 first, when there are several.
        found.sort_by_key(|path| !path.ends_with("x86_64-linux-gnu"));
        directories.extend(found.into_iter().next());
    }
    assert!(
        root.join("linux/types.h").exists()
            && directories.len() + usize::from(root.join("asm").exists()) > 1,
        "this test needs the headers of the kernel for programs: install linux-libc-dev"
    );
    directories
}
