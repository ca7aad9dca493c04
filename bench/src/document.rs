//! The document that figures go into. What stands between two marks is this program's; the rest of the file is
//! written by hand and stays.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::Path;

const BEGIN: &str = "<!-- measured: what follows is written by `make bench` -->\n";
const END: &str = "<!-- end of what was measured -->\n";
const TITLE: &str = "# Benchmarks\n\n";

/// Puts what was measured into the document; one that is not there yet is made.
pub fn write(path: &Path, measured: &str) {
    let before = fs::read_to_string(path).unwrap_or_default();
    fs::write(path, with(&before, measured)).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    give_away(path);
}

/// Gives what root wrote to whom the directory beside it belongs to.
pub fn give_away(path: &Path) {
    let owner = path.parent().and_then(|directory| fs::metadata(directory).ok());
    if let Some(owner) = owner {
        chown(path, Some(owner.uid()), Some(owner.gid()))
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
}

fn with(document: &str, measured: &str) -> String {
    let parts = document
        .split_once(BEGIN)
        .and_then(|(above, rest)| rest.split_once(END).map(|(_, below)| (above, below)));
    let (above, below) = match parts {
        Some(parts) => parts,
        None if document.is_empty() => (TITLE, ""),
        None => panic!("the document does not say between two marks where figures go"),
    };
    format!("{above}{BEGIN}\n{measured}\n{END}{below}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_by_hand_stays() {
        let first = with("", "one");
        assert!(first.starts_with(TITLE) && first.contains("one"));
        let by_hand = format!("above\n{first}below\n");
        let second = with(&by_hand, "two");
        assert_eq!(second, by_hand.replace("one", "two"));
    }
}
