//! The QR code as a camera sees it on a real screen.

#![forbid(unsafe_code)]

use host::{Builder, COLOUR_80X24, Host, PROOF, Phone, Terminal, TerminalKind, Theme};

const NO_COLOUR: TerminalKind = TerminalKind { environment: &["NO_COLOR=1"], ..COLOUR_80X24 };

fn builder(qr: &str) -> Builder {
    Host::builder()
        .user("alice", "wonderland")
        .policy(&format!("[totp]\nwindow = 10\n[enrollment]\nqr = \"{qr}\"\n"))
}

fn enrolling<'h>(host: &'h Host, kind: TerminalKind) -> Terminal<'h> {
    let terminal = host.terminal_like(kind, "alice", &["totp-enroll", "enroll"]);
    terminal.asks_for_proof();
    terminal
}

/// Whether what the camera read sets alice up.
fn proves(terminal: &Terminal, uri: &str) {
    terminal.enters(&Phone::scan(uri).code());
    terminal.shows("Two-factor login is set up");
}

#[test]
fn in_colour_it_is_read_on_a_dark_and_on_a_light_terminal() {
    let host = builder("dark").build();
    let terminal = enrolling(&host, COLOUR_80X24);
    let on_dark = terminal.qr(Theme::Dark).expect("read on a dark terminal");
    assert_eq!(terminal.qr(Theme::Light).as_ref(), Some(&on_dark));
    proves(&terminal, &on_dark);
}

#[test]
fn without_colour_it_is_drawn_for_a_dark_terminal_if_asked() {
    let host = builder("dark").build();
    let terminal = enrolling(&host, NO_COLOUR);
    assert!(!terminal.screen().contains("\u{1b}["), "there are colours:\n{}", terminal.screen());
    let uri = terminal.qr(Theme::Dark).expect("read on a dark terminal");
    assert_eq!(terminal.qr(Theme::Light), None);
    proves(&terminal, &uri);
}

#[test]
fn without_colour_it_is_drawn_for_a_light_terminal_if_asked() {
    let host = builder("light").build();
    let terminal = enrolling(&host, NO_COLOUR);
    let uri = terminal.qr(Theme::Light).expect("read on a light terminal");
    assert_eq!(terminal.qr(Theme::Dark), None);
    proves(&terminal, &uri);
}

#[test]
fn the_whole_code_stands_on_one_screen_right_above_the_prompt() {
    let host = builder("dark").build();
    let terminal = enrolling(&host, COLOUR_80X24);
    let text = terminal.text();
    let rows: Vec<&str> = text.trim_end().lines().collect();
    assert!(rows.len() <= 24);
    assert!(rows.last().is_some_and(|row| row.starts_with(PROOF.trim_end())), "{text}");
    terminal.qr(Theme::Dark).expect("the whole code is on the screen");
}

#[test]
fn a_long_host_name_is_cut_to_its_first_label_and_the_code_still_fits() {
    let host = builder("dark").hostname("compute-node-0417.rack-12.datacentre-north.example.org").build();
    let terminal = enrolling(&host, COLOUR_80X24);
    let uri = terminal.qr(Theme::Dark).expect("it fits 80x24");
    assert_eq!(Phone::scan(&uri).issuer(), Some("compute-node-0417"));
    proves(&terminal, &uri);
}

#[test]
fn a_short_host_name_is_kept_whole() {
    let host = builder("dark").hostname("web1.example.org").build();
    let terminal = enrolling(&host, COLOUR_80X24);
    let uri = terminal.qr(Theme::Dark).expect("it fits 80x24");
    assert_eq!(Phone::scan(&uri).issuer(), Some("web1.example.org"));
}

#[test]
fn a_terminal_too_small_gets_uri_and_text_and_is_told_how_large_it_must_be() {
    let host = builder("dark").build();
    for (width, height) in [(36, 24), (80, 12), (20, 5)] {
        let small = TerminalKind { width, height, environment: &[] };
        let terminal = host.terminal_like(small, "alice", &["totp-enroll", "enroll"]);
        let told = terminal.shows(PROOF.trim_end());
        assert!(!told.contains(['█', '▀', '▄']), "a cut-off code was drawn:\n{told}");
        let words: String = told.split_whitespace().collect();
        let start = words.find("otpauth://totp/").unwrap_or_else(|| panic!("no URI:\n{told}"));
        let uri = &words[start..];
        let secret: String = uri
            .split_once("secret=")
            .map(|(_, rest)| rest.chars().take_while(char::is_ascii_alphanumeric).collect())
            .unwrap_or_else(|| panic!("no secret:\n{told}"));
        assert_eq!(secret.len(), 32, "{told}");
        assert!(words.matches(&secret).count() >= 2, "the secret alone is not shown:\n{told}");
        let numbers: Vec<u16> = told
            .split_whitespace()
            .flat_map(|word| word.trim_end_matches(['.', ',', ';', ':', ')']).split('x'))
            .filter_map(|number| number.parse().ok())
            .collect();
        let too_large = |number: &u16| (width < 45 && *number > width) || (height < 24 && *number > height);
        assert!(numbers.iter().any(too_large), "no size is named that would be enough:\n{told}");
        terminal.enters(&Phone::type_in(&secret).code());
        assert_eq!(terminal.exit_status(), 0);
        host.must_run(&["totp-enroll", "admin", "revoke", "alice", "--yes"]);
    }
}
