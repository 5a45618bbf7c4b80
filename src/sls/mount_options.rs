//! Which of the wanted options a mount does not have: as the kernel tells options, which is not always as they are
//! given.

/// Options that a mount does not show when it has them, with or without a value.
const INVISIBLE: [&str; 35] = [
    "_netdev",
    "actimeo",
    "auto",
    "backup-volfile-servers",
    "bg",
    "bind",
    "comment",
    "credentials",
    "defaults",
    "delay_connect",
    "direct-io-mode",
    "group",
    "intr",
    "loop",
    "noauto",
    "nobootwait",
    "nofail",
    "nointr",
    "nonempty",
    "nouser",
    "owner",
    "pass",
    "passwd",
    "password",
    "password2",
    "port",
    "rbind",
    "reconnect",
    "remount",
    "retry",
    "secretfile",
    "soft",
    "transform_symlinks",
    "user",
    "users",
];

/// Options that are only shown by the absence of another one.
pub const OPPOSITES: [(&str, &str); 8] = [
    ("suid", "nosuid"),
    ("dev", "nodev"),
    ("exec", "noexec"),
    ("async", "sync"),
    ("diratime", "nodiratime"),
    ("symfollow", "nosymfollow"),
    ("nomand", "mand"),
    ("norelatime", "relatime"),
];

/// What has to be known of the machine to read options.
pub struct Known<'a> {
    /// Its memory in bytes, of which sizes may be percents.
    pub memory_bytes: u64,
    /// The number of a user or a group (`uid`, `gid`) with this name.
    pub number: &'a dyn Fn(&str, &str) -> Option<u32>,
}

/// The wanted options that a mount of this kind does not have, of those that it would show; in the form in which the
/// kernel would tell them.
pub fn missing(wanted: &[String], now: &[String], kind: &str, known: &Known<'_>) -> Vec<String> {
    let now: Vec<String> = now.iter().map(|option| told(option, kind, known)).collect();
    let has = |option: &str| now.iter().any(|there| there == option);
    let missing = |option: &String| match OPPOSITES.iter().find(|(positive, _)| positive == option) {
        Some((_, negative)) => has(negative),
        None => match option.as_str() {
            // Those of root are not shown.
            "uid=0" | "gid=0" => now.iter().any(|there| there.starts_with(&option[..4]) && there != option),
            "atime" => has("noatime"),
            "strictatime" => has("noatime") || has("relatime"),
            option => !has(option),
        },
    };
    let shown = wanted.iter().filter(|option| is_shown(option, kind));
    shown.map(|option| told(option, kind, known)).filter(missing).collect()
}

fn is_shown(option: &str, kind: &str) -> bool {
    let key = option.split('=').next().unwrap_or(option);
    let named = |name: &str| key == name;
    match (kind, key) {
        // Another name of it is shown.
        ("cifs" | "smb3", "user") => true,
        ("ramfs", "size") => false,
        _ => {
            !option.is_empty()
                && !INVISIBLE.into_iter().any(named)
                && !key.to_ascii_lowercase().starts_with("x-")
        }
    }
}

/// An option as the kernel tells it.
fn told(option: &str, kind: &str, known: &Known<'_>) -> String {
    let Some((key, value)) = option.split_once('=') else {
        return match option {
            "tcp" => "proto=tcp".to_owned(),
            "udp" => "proto=udp".to_owned(),
            other => other.to_owned(),
        };
    };
    let value = match key {
        "user" if matches!(kind, "cifs" | "smb3") => return format!("username={value}"),
        "size" => size(value, kind, known.memory_bytes),
        "nr_inodes" | "nr_blocks" => times(value).map(|number| number.to_string()),
        "mode" | "umask" | "fmask" | "dmask" => {
            u32::from_str_radix(value, 8).ok().map(|mode| format!("{mode:o}"))
        }
        "uid" | "gid" if value.parse::<u32>().is_err() => {
            (known.number)(key, value).map(|number| number.to_string())
        }
        _ => None,
    };
    format!("{key}={}", value.as_deref().unwrap_or(option.split_once('=').map_or("", |(_, value)| value)))
}

/// A size in KiB, of whole pages where the kernel rounds so.
fn size(text: &str, kind: &str, memory_bytes: u64) -> Option<String> {
    const PAGE: u64 = 4096;
    let bytes = match text.strip_suffix('%') {
        Some(percent) => {
            let pages = memory_bytes / PAGE;
            (pages * PAGE).checked_mul(percent.parse().ok()?)? / 100
        }
        None => times(text)?,
    };
    let bytes = if kind == "tmpfs" { bytes.div_ceil(PAGE) * PAGE } else { bytes };
    Some(format!("{}k", bytes / 1024))
}

/// A number with one of the letters that multiply it.
fn times(text: &str) -> Option<u64> {
    let power = match text.bytes().last()?.to_ascii_lowercase() {
        b'k' => 1,
        b'm' => 2,
        b'g' => 3,
        b't' => 4,
        _ => 0,
    };
    let digits = if power == 0 { text } else { &text[..text.len() - 1] };
    digits.parse::<u64>().ok()?.checked_mul(1024_u64.checked_pow(power)?)
}

/// The options that a remount needs so that a mount which has `now` has `before` again, and nothing else; in the form
/// of the kernel, from which both come.
pub fn way_back(now: &[String], before: &[String]) -> Vec<String> {
    let has = |options: &[String], option: &str| options.iter().any(|there| there == option);
    let key = |option: &str| option.split('=').next().unwrap_or(option).to_owned();
    // What is read-only as a mount alone is told so beside its file system, which is not.
    let only_the_mount = has(before, "ro") && has(before, "rw");
    let mut back: Vec<String> = only_the_mount.then(|| "bind".to_owned()).into_iter().collect();
    let general = |option: &str| {
        matches!(option, "ro" | "rw" | "noatime" | "relatime")
            || OPPOSITES.iter().any(|(_, one)| *one == option)
    };
    for option in before.iter().filter(|option| general(option) || !has(now, option)) {
        if !(back.contains(option) || only_the_mount && option == "rw") {
            back.push(option.clone());
        }
    }
    for (positive, negative) in OPPOSITES.into_iter().filter(|(positive, _)| *positive != "norelatime") {
        if !has(before, negative) {
            back.push(positive.to_owned());
        }
    }
    if !has(before, "noatime") && !has(before, "relatime") {
        back.push("strictatime".to_owned());
    }
    for option in
        now.iter().filter(|option| !general(option) && !before.iter().any(|one| key(one) == key(option)))
    {
        if !option.contains('=') {
            back.push(option.strip_prefix("no").map_or_else(|| format!("no{option}"), str::to_owned));
        }
    }
    back
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(text: &str) -> Vec<String> {
        text.split(',').map(str::to_owned).collect()
    }

    fn missing_of(kind: &str, wanted: &str, now: &str) -> String {
        let number = |key: &str, name: &str| match (key, name) {
            ("uid", "ann") => Some(1000),
            ("gid", "users") => Some(100),
            _ => None,
        };
        let known = Known { memory_bytes: 1 << 30, number: &number };
        missing(&options(wanted), &options(now), kind, &known).join(",")
    }

    #[test]
    fn options_that_the_kernel_tells_otherwise_or_not_at_all_are_not_missing() {
        for (kind, wanted, now) in [
            ("tmpfs", "rw,size=1M,mode=0755", "rw,relatime,rw,size=1024k,mode=755"),
            ("tmpfs", "size=1000,nr_inodes=1k", "rw,size=4k,nr_inodes=1024"),
            ("tmpfs", "size=50%", "rw,size=524288k"),
            ("tmpfs", "uid=ann,gid=users", "rw,uid=1000,gid=100"),
            ("tmpfs", "uid=0,gid=0", "rw"),
            ("ext4", "defaults,nofail,x-systemd.automount,noauto,user", "rw,relatime"),
            ("ext4", "suid,dev,exec,async,atime", "rw,relatime"),
            ("ext4", "bind,loop", "rw"),
            ("nfs", "tcp,retry=3,actimeo=30,port=2049,soft", "rw,proto=tcp"),
            ("cifs", "user=ann,password=hunter2,credentials=/etc/x", "rw,username=ann"),
            ("ramfs", "size=1M", "rw"),
        ] {
            assert_eq!(missing_of(kind, wanted, now), "", "{kind} {wanted}");
        }
    }

    #[test]
    fn options_that_a_mount_would_show_and_does_not_are_missing() {
        for (kind, wanted, now, missing) in [
            ("tmpfs", "ro,size=2M", "rw,size=1024k", "ro,size=2048k"),
            ("ext4", "exec,suid", "rw,noexec,nosuid", "exec,suid"),
            ("ext4", "noatime", "rw,relatime", "noatime"),
            ("ext4", "strictatime", "rw,relatime", "strictatime"),
            ("tmpfs", "uid=nobody-knows", "rw,uid=5", "uid=nobody-knows"),
            ("tmpfs", "uid=0", "rw,uid=5", "uid=0"),
        ] {
            assert_eq!(missing_of(kind, wanted, now), missing, "{kind} {wanted}");
        }
    }

    #[test]
    fn the_way_back_of_a_remount_says_what_only_the_absence_of_an_option_tells() {
        let back = |now: &str, before: &str| way_back(&options(now), &options(before)).join(",");
        assert_eq!(
            back("ro,nosuid,noexec,relatime,ro,size=2048k", "rw,nosuid,relatime,rw,size=1024k"),
            "rw,nosuid,relatime,size=1024k,dev,exec,async,diratime,symfollow,nomand"
        );
        assert!(back("rw,noatime,rw,discard", "rw,rw").ends_with("strictatime,nodiscard"));
        assert!(back("rw,rw", "ro,relatime,rw").starts_with("bind,ro,relatime,"));
    }
}
