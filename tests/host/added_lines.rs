//! The lines of config/pam.d, added to a stack as a person adds them who reads those files.
//!
//! A file has sections (`# == Debian, Ubuntu ==`) with places (`# below "@include common-auth":`) and, below
//! each place, the lines that go there. The first section whose places are all in the stack is the one that is meant.

use std::fs;

/// The stack that the distribution of this machine ships for a service: `/etc/pam.d` takes precedence.
pub fn distributions_stack(service: &str) -> String {
    let paths = ["/etc/pam.d", "/usr/lib/pam.d"].map(|directory| format!("{directory}/{service}"));
    let text = paths.iter().find_map(|path| fs::read_to_string(path).ok());
    let text = text.unwrap_or_else(|| panic!("{} is missing: is its package installed?", paths.join(" or ")));
    assert!(
        !text.contains("pam_totp"),
        "{service} has pam_totp.so on this machine: its lines are there already"
    );
    text
}

/// The stack with the lines added, all else as it was. The error says what has no place.
pub fn with_lines_added(stack: &str, lines: &str) -> Result<String, String> {
    let mut why_not = Vec::new();
    for section in sections(lines)? {
        match section.applied_to(stack) {
            Ok(changed) => return Ok(changed),
            Err(why) => why_not.push(format!("{}: {why}", section.name)),
        }
    }
    Err(why_not.join("; "))
}

/// What one family of distributions needs.
struct Section<'l> {
    name: &'l str,
    additions: Vec<Addition<'l>>,
}

struct Addition<'l> {
    place: Place<'l>,
    lines: Vec<&'l str>,
}

enum Place<'l> {
    /// Above the line with these words.
    Above(&'l str),
    /// Below it.
    Below(&'l str),
    /// Below it, and it becomes a comment.
    InsteadOf(&'l str),
    /// Nothing is added, but the line must be there.
    NothingBeside(&'l str),
    /// Above the first line of this type.
    AboveFirst(&'l str),
}

fn sections(lines: &str) -> Result<Vec<Section<'_>>, String> {
    let mut sections: Vec<Section> = Vec::new();
    for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let heading = line.strip_prefix("# == ").and_then(|rest| rest.strip_suffix(" =="));
        if let Some(name) = heading {
            sections.push(Section { name, additions: Vec::new() });
            continue;
        }
        let place = line.strip_prefix("# ").and_then(Place::read);
        let additions = sections.last_mut().map(|section| &mut section.additions);
        match (place, additions) {
            (Some(place), Some(additions)) => additions.push(Addition { place, lines: Vec::new() }),
            (None, _) if line.starts_with('#') => {}
            (None, Some(additions)) if !additions.is_empty() => {
                additions.last_mut().expect("it is not empty").lines.push(line);
            }
            _ => return Err(format!("`{line}` stands below no place")),
        }
    }
    sections.retain(|section| !section.additions.is_empty());
    Ok(sections)
}

impl<'l> Place<'l> {
    fn read(comment: &'l str) -> Option<Place<'l>> {
        let quoted = |verb: &str| {
            comment.strip_prefix(verb)?.strip_prefix(" \"")?.split_once('"').map(|(line, _)| line)
        };
        let first = || comment.strip_prefix("above the first ")?.strip_suffix(" line:");
        None.or_else(|| quoted("above").map(Place::Above))
            .or_else(|| quoted("below").map(Place::Below))
            .or_else(|| quoted("instead of").map(Place::InsteadOf))
            .or_else(|| quoted("nothing beside").map(Place::NothingBeside))
            .or_else(|| first().map(Place::AboveFirst))
    }

    /// The number of the line it speaks of, which is the only one of its kind.
    fn find(&self, stack: &[&str]) -> Result<usize, String> {
        let found = match self {
            Place::AboveFirst(kind) => {
                return stack
                    .iter()
                    .position(|line| line.trim_start_matches('-').split_whitespace().next() == Some(kind))
                    .ok_or(format!("the stack has no {kind} line"));
            }
            Place::Above(words)
            | Place::Below(words)
            | Place::InsteadOf(words)
            | Place::NothingBeside(words) => {
                let is_meant = |line: &str| line.split_whitespace().eq(words.split_whitespace());
                let places = stack.iter().enumerate().filter(|(_, line)| is_meant(line));
                (places.map(|(number, _)| number).collect::<Vec<_>>(), words)
            }
        };
        match found {
            (numbers, words) if numbers.is_empty() => Err(format!("the stack has no line \"{words}\"")),
            (numbers, words) if numbers.len() > 1 => Err(format!("the stack has \"{words}\" more than once")),
            (numbers, _) => Ok(numbers[0]),
        }
    }
}

impl Section<'_> {
    fn applied_to(&self, stack: &str) -> Result<String, String> {
        let stack: Vec<&str> = stack.lines().collect();
        let mut around: Vec<(Vec<&str>, String, Vec<&str>)> =
            stack.iter().map(|line| (Vec::new(), (*line).to_owned(), Vec::new())).collect();
        for addition in &self.additions {
            let (above, line, below) = &mut around[addition.place.find(&stack)?];
            match addition.place {
                Place::Above(_) | Place::AboveFirst(_) => above.extend(&addition.lines),
                Place::Below(_) => below.extend(&addition.lines),
                Place::InsteadOf(_) => {
                    line.insert_str(0, "# ");
                    below.extend(&addition.lines);
                }
                Place::NothingBeside(_) if addition.lines.is_empty() => {}
                Place::NothingBeside(words) => {
                    return Err(format!("something is to be added beside \"{words}\""));
                }
            }
        }
        let text = around.iter().flat_map(|(above, line, below)| {
            above.iter().copied().chain(std::iter::once(line.as_str())).chain(below.iter().copied())
        });
        Ok(text.flat_map(|line| [line, "\n"]).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STACK: &str =
        "# The password.\n@include  common-auth\n-session optional pam_x.so\nsession required pam_y.so\n";

    fn added(lines: &str) -> Result<String, String> {
        with_lines_added(STACK, &format!("# == Debian ==\n{lines}"))
    }

    #[test]
    fn lines_come_above_and_below_the_line_that_is_named() {
        let text =
            added("# below \"@include common-auth\":\nc\nd\n\n# above \"@include common-auth\":\n# why\nb\n");
        assert_eq!(
            text.unwrap(),
            "# The password.\nb\n@include  common-auth\nc\nd\n-session optional pam_x.so\nsession required pam_y.so\n"
        );
    }

    #[test]
    fn the_first_line_of_a_type_may_be_an_optional_one() {
        let text = added("# above the first session line:\ns\n").unwrap();
        assert_eq!(text, STACK.replace("-session", "s\n-session"));
    }

    #[test]
    fn a_line_that_is_replaced_becomes_a_comment() {
        let text = added("# instead of \"@include common-auth\", which gets a # in front:\nc\n").unwrap();
        assert_eq!(text, STACK.replace("@include  common-auth", "# @include  common-auth\nc"));
    }

    #[test]
    fn the_section_that_fits_counts_and_one_may_add_nothing() {
        let lines = "# About it.\n# == RHEL ==\n# below \"auth include x\":\nc\n\n# == Debian ==\n\
                     # nothing beside \"@include common-auth\": for a reason.\n";
        assert_eq!(with_lines_added(STACK, lines).unwrap(), STACK);
    }

    #[test]
    fn what_has_no_place_or_two_is_an_error() {
        assert_eq!(
            added("# below \"nothing\":\nc\n").unwrap_err(),
            "Debian: the stack has no line \"nothing\""
        );
        assert_eq!(added("c\n").unwrap_err(), "`c` stands below no place");
        let twice = with_lines_added("a\na\n", "# == Debian ==\n# below \"a\":\nc\n").unwrap_err();
        assert_eq!(twice, "Debian: the stack has \"a\" more than once");
    }
}
