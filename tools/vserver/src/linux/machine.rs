// SPDX-License-Identifier: GPL-2.0

//! Processors and disks of the machine.

use crate::quantity::CpuList;
use crate::system::Device;
use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

pub(super) fn online_cpus() -> io::Result<CpuList> {
    let text = fs::read_to_string("/sys/devices/system/cpu/online")?;
    let list = text.trim_end().parse();
    list.map_err(|()| io::Error::other(format!("\"{}\" is no list of processors", text.trim_end())))
}

/// `numbers` is the directory with a link for each block device.
pub(super) fn device(path: &Path, numbers: &Path) -> io::Result<Device> {
    let found = fs::metadata(path)?;
    if !found.file_type().is_block_device() {
        return Ok(Device::Other);
    }
    let number = format!(
        "{}:{}",
        libc::major(found.rdev()),
        libc::minor(found.rdev())
    );
    in_sysfs(&numbers.join(&number), number)
}

/// What the directory of a block device tells.
fn in_sysfs(directory: &Path, number: String) -> io::Result<Device> {
    if !directory.join("partition").exists() {
        return Ok(Device::Disk(number));
    }
    // The directory of a partition is below that of its disk.
    let whole = fs::canonicalize(directory)?;
    let whole = whole.parent().and_then(Path::file_name);
    let whole = whole.ok_or_else(|| io::Error::other("a partition without disk"))?;
    Ok(Device::Partition(Path::new("/dev").join(whole)))
}

pub(super) fn disk_name(number: &str, numbers: &Path) -> Option<String> {
    let directory = fs::canonicalize(numbers.join(number)).ok()?;
    Some(directory.file_name()?.to_str()?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn partitions_know_their_disk() {
        let directory = tempfile::tempdir().unwrap();
        let numbers = directory.path().join("numbers");
        let part = directory.path().join("block/vda/vda1");
        fs::create_dir_all(&part).unwrap();
        fs::create_dir(&numbers).unwrap();
        fs::write(part.join("partition"), "1\n").unwrap();
        symlink(&part, numbers.join("254:1")).unwrap();
        symlink(part.parent().unwrap(), numbers.join("254:0")).unwrap();
        let found = |number: &str| in_sysfs(&numbers.join(number), number.to_owned()).unwrap();
        assert_eq!(found("254:1"), Device::Partition("/dev/vda".into()));
        assert_eq!(found("254:0"), Device::Disk("254:0".to_owned()));
        assert_eq!(disk_name("254:0", &numbers).as_deref(), Some("vda"));
        assert_eq!(disk_name("254:9", &numbers), None);
    }

    #[test]
    fn what_is_no_block_device_is_told() {
        let numbers = Path::new("/sys/dev/block");
        assert_eq!(
            device(Path::new("/dev/null"), numbers).unwrap(),
            Device::Other
        );
        assert_eq!(device(Path::new("/"), numbers).unwrap(), Device::Other);
        assert!(device(Path::new("/no/such/disk"), numbers).is_err());
    }

    #[test]
    fn a_machine_has_a_processor() {
        assert!(online_cpus().unwrap().count() > 0);
    }
}
