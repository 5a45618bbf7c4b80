//! What a file of kernel parameters and a table of mounts become, as Salt edits them.

use crate::sls::wants::Mount;

/// The value with its white space as the kernel writes it: one tab.
pub fn kernel_value(value: &str) -> String {
    let mut out = String::new();
    let mut blank = false;
    for c in value.chars() {
        if !c.is_whitespace() {
            out.push(c);
        } else if !blank {
            out.push('\t');
        }
        blank = c.is_whitespace();
    }
    out
}

/// The file with this parameter, and whether it said so already.
pub fn with_parameter(text: Option<&str>, name: &str, value: &str) -> (String, bool) {
    let text = text.unwrap_or("#\n# Kernel sysctl configuration\n#\n");
    let (mut out, mut found, mut same) = (String::new(), false, false);
    for line in text.split_inclusive('\n') {
        let named = line.split_once('=').map(|(key, now)| (key.trim(), now.trim()));
        match named.filter(|(key, _)| *key == name && !key.starts_with('#')) {
            None => out.push_str(line),
            Some((_, now)) if kernel_value(now) == kernel_value(value) => {
                (found, same) = (true, true);
                out.push_str(line);
            }
            Some(_) => {
                found = true;
                out.push_str(&format!("{name} = {value}\n"));
            }
        }
    }
    if !found {
        if !out.is_empty() && !out.ends_with('\n') {
            out.push('\n');
        }
        out.push_str(&format!("{name} = {value}\n"));
    }
    (out, same)
}

/// The parameters that a file sets, as `systemd-sysctl` reads it; patterns name none for sure, and are left out.
pub fn parameter_names(text: &str) -> Vec<String> {
    let names = text.lines().filter_map(|line| line.split_once('=')).map(|(name, _)| name.trim());
    let names = names.map(|name| name.strip_prefix('-').unwrap_or(name));
    let is_name = |name: &&str| {
        !name.is_empty()
            && !name.contains("..")
            && name.starts_with(|first: char| first.is_ascii_alphanumeric())
            && !name.contains(['*', '?', '[', ' ', '\0'])
    };
    names.filter(is_name).map(str::to_owned).collect()
}

/// File systems without a device of their own: their entries are known by where they are mounted.
const WITHOUT_DEVICE: [&str; 14] = [
    "none",
    "tmpfs",
    "sysfs",
    "proc",
    "fusectl",
    "debugfs",
    "securityfs",
    "devtmpfs",
    "cgroup",
    "nfs",
    "nfs4",
    "glusterfs",
    "btrfs",
    "ceph",
];

/// What became of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    /// It is there.
    Present,
    /// It is new.
    New,
    /// It was another one.
    Changed,
}

/// The table with an entry of this mount, and what became of the entry.
pub fn with_mount(text: &str, mount: &Mount) -> (String, Entry) {
    let blank = |text: &str| text.replace(' ', "\\040");
    let (device, path) = (blank(&mount.device), blank(&mount.path));
    let wanted = [
        device.as_str(),
        &path,
        &mount.kind,
        &mount.options.join(","),
        &mount.dump.to_string(),
        &mount.pass.to_string(),
    ]
    .map(str::to_owned);
    let (mut out, mut entry) = (String::new(), Entry::New);
    for line in text.split_inclusive('\n') {
        let mut fields: Vec<&str> = line.split_whitespace().collect();
        let is_entry = !line.starts_with('#') && (4..=6).contains(&fields.len());
        fields.resize(6, "0");
        let known = if WITHOUT_DEVICE.contains(&mount.kind.as_str()) {
            fields[1] == path
        } else {
            fields[0] == device
        };
        if !is_entry || !known {
            out.push_str(line);
        } else if same(&fields, &wanted) {
            entry = Entry::Present;
            out.push_str(line);
        } else {
            entry = Entry::Changed;
            out.push_str(&entry_line(&wanted));
        }
    }
    if entry == Entry::New {
        if !out.is_empty() && !out.ends_with('\n') {
            out.push('\n');
        }
        out.push_str(&entry_line(&wanted));
    }
    (out, entry)
}

fn same(fields: &[&str], wanted: &[String; 6]) -> bool {
    let sorted = |options: &str| {
        let mut options: Vec<String> = options.split(',').map(str::to_owned).collect();
        options.sort();
        options
    };
    fields.iter().zip(wanted).enumerate().all(|(at, (now, wanted))| match at {
        3 => sorted(now) == sorted(wanted),
        _ => now == wanted,
    })
}

fn entry_line([device, path, kind, options, dump, pass]: &[String; 6]) -> String {
    format!("{device}\t\t{path}\t{kind}\t{options}\t{dump} {pass}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_is_changed_in_its_place_or_added() {
        let (text, same) = with_parameter(Some("# a = 1\na=1\nb = 2\n"), "a", "3");
        assert_eq!((text.as_str(), same), ("# a = 1\na = 3\nb = 2\n", false));
        let (text, same) = with_parameter(Some("a = 1 2\n"), "a", "1\t2");
        assert_eq!((text.as_str(), same), ("a = 1 2\n", true));
        let (text, _) = with_parameter(None, "a", "1");
        assert_eq!(text, "#\n# Kernel sysctl configuration\n#\na = 1\n");
    }

    #[test]
    fn an_entry_is_known_by_its_device_or_by_its_place() {
        let mount = |device: &str, kind: &str| Mount {
            path: "/srv/a".into(),
            device: device.into(),
            kind: kind.into(),
            options: vec!["rw".into(), "noatime".into()],
            dump: 0,
            pass: 2,
            persist: true,
            mount: false,
            make_directory: false,
            table: None,
        };
        let table = "# a table\n/dev/sdb1 /srv/a ext4 noatime,rw 0 2\n";
        assert_eq!(with_mount(table, &mount("/dev/sdb1", "ext4")), (table.to_owned(), Entry::Present));
        let (text, entry) = with_mount(table, &mount("/dev/sdb1", "xfs"));
        assert_eq!(
            (text.as_str(), entry),
            ("# a table\n/dev/sdb1\t\t/srv/a\txfs\trw,noatime\t0 2\n", Entry::Changed)
        );
        assert_eq!(with_mount(table, &mount("/dev/sdc1", "ext4")).1, Entry::New);
        assert_eq!(with_mount(table, &mount("tmpfs", "tmpfs")).1, Entry::Changed);
    }
}
