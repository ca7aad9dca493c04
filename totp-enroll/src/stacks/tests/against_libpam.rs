//! The evaluator against libpam itself: stacks drawn at random, run through the library.
//!
//! Their modules are pam_debug.so, which answers as its arguments say and tells what it answered, pam_permit.so,
//! pam_deny.so, and one that is not there. Included files have absolute paths: Debian's libpam looks for others in
//! /etc/pam.d, whatever directory it was given.

use crate::stacks::control::Answer;
use crate::stacks::dispatch::State;
use crate::stacks::files::Files;
use crate::stacks::handler::{Handler, Runs};
use crate::stacks::line::Kind;
use crate::stacks::{OTHER, Stack, assembly, explore};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

const STACKS: usize = 2_500;
const KINDS: [(Kind, &str); 3] =
    [(Kind::Auth, "auth"), (Kind::Account, "acct"), (Kind::Session, "open_session")];

/// A process that runs stacks through libpam.
struct Library {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Library {
    fn start(directory: &Path) -> Self {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/stacks/tests/against_libpam.c");
        let program = directory.join("against_libpam");
        let made = Command::new("cc").arg("-o").arg(&program).arg(source).arg("-lpam").status();
        assert!(made.unwrap().success(), "cc and libpam0g-dev are there");
        let spawned = Command::new(program).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut process = spawned.unwrap();
        let (input, output) = (process.stdin.take().unwrap(), process.stdout.take().unwrap());
        Self { process, input, output: BufReader::new(output) }
    }

    /// For each of [`KINDS`], the return code and what pam_debug.so said.
    fn run(&mut self, directory: &Path, service: &str) -> Vec<String> {
        writeln!(self.input, "{} {service}", directory.display()).unwrap();
        let mut line = String::new();
        assert!(self.output.read_line(&mut line).unwrap() > 0, "the driver lives");
        line.split_whitespace().map(str::to_owned).collect()
    }
}

impl Drop for Library {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What comes of a stack, and the handlers whose modules ran, in order.
fn run(handlers: &[Handler], event: &str) -> (Answer, Vec<usize>) {
    let mut state = State::start();
    let mut ran = Vec::new();
    while let Some(handler) = handlers.get(state.at) {
        let answer = answer(handler, event);
        if handler.runs == Runs::Module {
            ran.push(state.at);
            if answer == Answer::INCOMPLETE {
                return (answer, ran);
            }
        }
        state = state.step(handlers, answer);
    }
    (state.result(), ran)
}

/// What the evaluator says, in the words of the driver.
fn evaluated(stack: &Stack) -> Vec<String> {
    let of_kind = |(kind, event): (Kind, &str)| {
        if stack.unusable {
            return format!("{}:", number("abort"));
        }
        let handlers = stack.of(kind);
        let (result, ran) = run(handlers, event);
        let said: String = ran
            .iter()
            .map(|&at| &handlers[at])
            .filter_map(|handler| handler.arguments().iter().find(|word| is_answer(word, event)))
            .map(|word| format!("{word},"))
            .collect();
        format!("{}:{said}", number(&result.to_string()))
    };
    KINDS.map(of_kind).to_vec()
}

fn is_answer(word: &str, event: &str) -> bool {
    word.strip_prefix(event).is_some_and(|rest| rest.starts_with('='))
}

fn number(name: &str) -> usize {
    Answer::all().position(|answer| answer.to_string() == name).unwrap()
}

/// What the module of a line answers.
fn answer(handler: &Handler, event: &str) -> Answer {
    let word = match handler.module() {
        "pam_deny.so" if event == "open_session" => "session_err",
        "pam_deny.so" => "auth_err",
        _ => {
            let stated =
                handler.arguments().iter().find_map(|word| word.strip_prefix(event)?.strip_prefix('='));
            stated.unwrap_or("success")
        }
    };
    Answer::all().find(|answer| answer.to_string() == word).unwrap()
}

/// Whether going through all answers finds the end that these come to.
fn is_explored(stack: &Stack, results: &[String]) -> bool {
    KINDS.iter().zip(results).all(|(&(kind, _), result)| {
        let result = result.split(':').next().unwrap();
        let is = |one: Answer| number(&one.to_string()).to_string() == result;
        if stack.unusable || is(Answer::INCOMPLETE) {
            return true;
        }
        let simple = [Answer::SUCCESS, Answer::NEW_AUTHTOK_REQD].into_iter().find(|&one| is(one));
        let ends = explore::ends(stack.of(kind), &[]).unwrap();
        ends.iter().any(|end| end.result == simple.unwrap_or(Answer::PERM_DENIED))
    })
}

/// A line, with `{0}` and so on for the files that it may include.
fn line(files: usize) -> impl Strategy<Value = String> {
    let kind = prop_oneof![
        6 => Just("auth"), 4 => Just("account"), 4 => Just("session"), 1 => Just("-auth"), 1 => Just("AUTH"),
    ];
    let names: Vec<String> = Answer::all().map(|answer| answer.to_string()).collect();
    let common = prop_oneof![
        Just("success".to_owned()),
        Just("auth_err".to_owned()),
        Just("ignore".to_owned()),
        Just("new_authtok_reqd".to_owned()),
        Just("module_unknown".to_owned()),
    ];
    let answer = prop_oneof![6 => common, 1 => proptest::sample::select(names)].boxed();
    let action = prop_oneof![
        // A number that does not fit is an error in Linux-PAM 1.7, and any number in 1.5.
        5 => proptest::sample::select(vec!["ignore", "ok", "done", "bad", "die", "reset"]).prop_map(str::to_owned),
        4 => (1..5u32).prop_map(|lines| lines.to_string()),
        1 => proptest::sample::select(vec!["okay", "0", "-1", ""]).prop_map(str::to_owned),
    ];
    let value = prop_oneof![5 => answer.clone(), 3 => Just("default".to_owned())];
    let pair = (value, action).prop_map(|(value, action)| format!("{value}={action}"));
    let pairs = proptest::collection::vec(pair, 1..5).prop_map(|pairs| format!("[{}]", pairs.join(" ")));
    let words = proptest::sample::select(vec![
        "required",
        "requisite",
        "sufficient",
        "optional",
        "Required",
        "binding",
        "[optional]",
        "success=ok",
    ]);
    let control = prop_oneof![4 => words.prop_map(str::to_owned), 5 => pairs];
    let module = prop_oneof![
        10 => (answer.clone(), answer.clone(), answer)
            .prop_map(|(auth, account, session)| format!("pam_debug.so auth={auth} acct={account} open_session={session}")),
        1 => Just("pam_permit.so".to_owned()),
        1 => Just("pam_deny.so".to_owned()),
        1 => Just("pam_not_there.so".to_owned()),
        1 => Just(String::new()),
    ];
    let plain = (kind.clone(), control, module)
        .prop_map(|(kind, control, module)| format!("{kind} {control} {module}"));
    // Debian's library ends the program at an inclusion without a name.
    let broken = proptest::sample::select(vec![
        "auth",
        "nonsense required pam_permit.so",
        "account substack /nowhere",
        "auth [success=ok",
        "auth required \\\n pam_permit.so",
        "# nothing",
        "-",
        "auth required pam_deny.so # no more \\",
    ])
    .prop_map(str::to_owned);
    let include = (kind, proptest::sample::select(vec!["include", "substack"]), 0..files.max(1))
        .prop_map(|(kind, word, file)| format!("{kind} {word} {{{file}}}"));
    let everything = (0..files.max(1)).prop_map(|file| format!("@include {{{file}}}"));
    let (includes, debian) = if files == 0 { (0, 0) } else { (4, u32::from(is_debian())) };
    prop_oneof![12 => plain, 1 => broken, includes => include, debian => everything]
}

/// Whether the library knows `@include`.
fn is_debian() -> bool {
    Path::new("/etc/debian_version").exists()
}

/// A service's file, three that it may include, of which each may include those behind it, and that of `other`.
fn stack() -> impl Strategy<Value = [String; 5]> {
    let file = |files, lines| {
        proptest::collection::vec(line(files), 1..=lines).prop_map(|lines| lines.join("\n") + "\n")
    };
    [file(3, 5).boxed(), file(2, 4).boxed(), file(1, 3).boxed(), file(0, 3).boxed(), file(1, 2).boxed()]
        .prop_map(|files| files)
}

/// The text with the files that line `{n}` of file `at` includes: those behind it.
fn with_paths(text: &str, directory: &Path, at: usize) -> String {
    let path = |file: usize| directory.join(format!("file{file}")).display().to_string();
    (0..3).fold(text.to_owned(), |text, file| {
        text.replace(&format!("{{{file}}}"), &path((at + 1 + file).min(3)))
    })
}

#[test]
fn the_evaluator_agrees_with_libpam_on_thousands_of_stacks() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    let mut library = Library::start(directory);
    let seed = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let mut runner = TestRunner::new_with_rng(Config::default(), seed);
    let stacks = stack();
    let mut results = BTreeSet::new();
    for _ in 0..STACKS {
        let texts = stacks.new_tree(&mut runner).unwrap().current();
        for (at, text) in texts.iter().enumerate() {
            let name = if at == 4 { OTHER.to_owned() } else { format!("file{at}") };
            fs::write(directory.join(name), with_paths(text, directory, at)).unwrap();
        }
        let mut files = Files::below(Path::new("/"));
        let [own, other] = ["file0", OTHER].map(|name| {
            let file = files.read(&directory.join(name)).unwrap();
            assembly::assemble(&mut files, &file)
        });
        let stack = own.or(&other);
        let (ours, theirs) = (evaluated(&stack), library.run(directory, "file0"));
        assert_eq!(ours, theirs, "evaluator and library, of {texts:#?}");
        assert!(is_explored(&stack, &theirs), "{texts:#?}");
        results.extend(theirs);
    }
    assert!(results.len() > 500, "the stacks differ: {}", results.len());
}
