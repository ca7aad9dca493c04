# pam_totp: build, try, test and install. `make help` lists what there is.

prefix  ?= /usr
DESTDIR ?=
# Where the distribution keeps its PAM modules.
pamdir  ?= $(shell make/find-pam-directory)
libexec  = $(prefix)/libexec/pam_totp
store    = /var/lib/pam_totp
docdir   = $(prefix)/share/doc/pam_totp

# The module and the tool call the helper by this path; the environment cannot change it.
export PAM_TOTP_HELPER = $(libexec)/totp-helper
# The module has invitations mailed by it.
export PAM_TOTP_TOOL = $(prefix)/bin/totp-enroll
target = $(abspath $(or $(CARGO_TARGET_DIR),target))
export PAM_TOTP_BUILD  = $(target)/release

# Tests and the demo make namespaces, users and servers.
is_root = $(filter 0,$(shell id -u))
as_root = $(if $(is_root),,sudo)
# What cargo builds stays the caller's own; only the test programs run as root.
run_as_root = $(if $(is_root),,--config "target.'cfg(unix)'.runner = ['sudo', '--preserve-env=PAM_TOTP_BUILD']")

# For each target of `make fuzz`.
FUZZ_SECONDS ?= 60

build_packages = gcc libc6-dev libpam0g-dev
demo_packages  = $(build_packages) openssh-server openssh-client iproute2 oathtool passwd util-linux
test_packages  = $(demo_packages) sudo opendoas pkexec polkitd dbus login pamtester tmux zbar-tools binutils procps libpam-modules perl-base g++
hard_packages  = $(test_packages) faketime libpam-google-authenticator strace valgrind e2fsprogs xfsprogs btrfs-progs quota
bench_packages = $(demo_packages) binutils findutils libpam-google-authenticator libpam-modules libpam-oath strace valgrind

.PHONY: help build demo test test-hard fuzz bench install uninstall

help:
	@echo 'make build      target/release: libpam_totp.so, totp-enroll, totp-helper'
	@echo 'make demo       a user, a QR code, a real sshd and a login; the host stays as it is'
	@echo 'make test       formats, lints, unit, property and end-to-end tests'
	@echo 'make test-hard  what takes longer: races, faults, power cuts, odd disks and clocks, hostile hosts and callers'
	@echo 'make fuzz       every fuzz target for FUZZ_SECONDS=$(FUZZ_SECONDS) each; docs/fuzzing.md says what they test'
	@echo 'make bench      measures this and its peers, about ten minutes, and writes docs/benchmarks.md; BENCH=quick tries it'
	@echo 'make install    as root; DESTDIR=, prefix=$(prefix), pamdir=$(pamdir)'
	@echo 'make uninstall  as root; keeps policy and store'

# The module by itself: what the tool needs of the shared library is not built into it.
build:
	@make/install-packages $(build_packages)
	@cargo --version >/dev/null || { echo 'cargo is missing: install Rust 1.89 or newer, as by rustup' >&2; exit 1; }
	cargo build --release --locked -p pam_totp
	cargo build --release --locked -p totp-enroll -p totp-helper
	@echo "pam_totp.so, stripped: $$(stat -c %s '$(PAM_TOTP_BUILD)/libpam_totp.so') bytes"

demo:
	@make/install-packages $(demo_packages)
	$(MAKE) build prefix=/usr
	cargo build --locked -p end-to-end --bin demo
	$(as_root) env PAM_TOTP_BUILD='$(PAM_TOTP_BUILD)' '$(target)/debug/demo'

test:
	@make/install-packages $(test_packages)
	cargo fmt --all --check
	cargo fmt --manifest-path fuzz/Cargo.toml --check
	cargo clippy --workspace --all-targets --features hard --locked -- -D warnings
	cargo clippy --manifest-path fuzz/Cargo.toml --locked -- -D warnings
	$(MAKE) build prefix=/usr
	cargo test --workspace --locked --exclude end-to-end
	cargo test --locked -p end-to-end $(run_as_root)

test-hard:
	@make/install-packages $(hard_packages)
	$(MAKE) build prefix=/usr
	cargo test --locked -p end-to-end --features hard --test 'hard_*' $(run_as_root)

fuzz_targets = policy credential pending state_slots helper_request otpauth_uri judge

# New inputs are kept under fuzz/target; those in fuzz/corpus are few and made by hand.
fuzz:
	@make/install-packages $(build_packages) g++
	@cargo fuzz --version >/dev/null 2>&1 || cargo install cargo-fuzz --locked
	@set -e; for fuzz_target in $(fuzz_targets); do \
		echo "== $$fuzz_target"; \
		mkdir -p fuzz/target/corpus/$$fuzz_target; \
		cargo fuzz run --sanitizer none $$fuzz_target fuzz/target/corpus/$$fuzz_target fuzz/corpus/$$fuzz_target -- \
			-max_total_time=$(FUZZ_SECONDS) -max_len=8192 -verbosity=1 -print_final_stats=1; \
	done

# Parts by their names, as `make bench BENCH_PARTS="logins ssh"`; then the document has no others.
BENCH_PARTS ?=
# Figures of a quick run tell nothing.
bench_out  = $(if $(filter quick,$(BENCH)),$(target)/bench,$(CURDIR)/docs)
# On the disk that is measured.
bench_disk = $(target)/bench-disk

bench:
	@make/install-packages $(bench_packages)
	$(MAKE) build prefix=/usr
	cargo build --locked -p bench
	@# What a run that was killed left there belongs to root.
	$(as_root) rm -rf '$(bench_disk)'
	$(as_root) mkdir -p '$(bench_disk)'
	$(as_root) env PAM_TOTP_BUILD='$(PAM_TOTP_BUILD)' BENCH='$(BENCH)' BENCH_DISK='$(bench_disk)' \
		BENCH_OUT='$(bench_out)' '$(target)/debug/bench' $(BENCH_PARTS)
	$(as_root) rmdir '$(bench_disk)'

# In one step: a login under way finds the old file or the new one, never half of it.
put = install -D -m $1 '$2' '$3.new' && mv -f '$3.new' '$3'

install:
	@test -n '$(pamdir)' || { echo 'no directory of PAM modules was found; name it with pamdir=' >&2; exit 1; }
	@grep -qsF '$(libexec)/totp-helper' '$(PAM_TOTP_BUILD)/totp-enroll' || \
		{ echo 'not built for this prefix; `make build prefix=$(prefix)` comes first' >&2; exit 1; }
	$(call put,4755,$(PAM_TOTP_BUILD)/totp-helper,$(DESTDIR)$(libexec)/totp-helper)
	$(call put,755,$(PAM_TOTP_BUILD)/totp-enroll,$(DESTDIR)$(prefix)/bin/totp-enroll)
	install -D -m 644 config/sysusers.conf '$(DESTDIR)$(prefix)/lib/sysusers.d/pam_totp.conf'
	install -D -m 644 config/tmpfiles.conf '$(DESTDIR)$(prefix)/lib/tmpfiles.d/pam_totp.conf'
	install -d '$(DESTDIR)$(docdir)/pam.d'
	install -m 644 config/pam.d/* '$(DESTDIR)$(docdir)/pam.d'
	test -e '$(DESTDIR)/etc/pam_totp/policy.toml' || \
		install -D -m 644 config/policy.toml '$(DESTDIR)/etc/pam_totp/policy.toml'
	@# A package makes user and store on the machine it is installed on.
	test -n '$(DESTDIR)' || getent passwd _pam_totp >/dev/null || \
		useradd --system --user-group --no-create-home --home-dir /nonexistent \
			--shell /usr/sbin/nologin _pam_totp
	test -n '$(DESTDIR)' || install -d -o _pam_totp -g _pam_totp -m 700 $(store)
	@# Before the disk is full: totp-helper locks its bytes to bound the calls of one user.
	test -n '$(DESTDIR)' || test -e $(store)/.callers || \
		install -o _pam_totp -g _pam_totp -m 600 /dev/null $(store)/.callers
	@# On btrfs a login must not need room; other file systems do not know the attribute, nor need it.
	@test -n '$(DESTDIR)' || chattr +C $(store) 2>/dev/null || true
	@# Last: what it calls and reads is there by now.
	$(call put,644,$(PAM_TOTP_BUILD)/libpam_totp.so,$(DESTDIR)$(pamdir)/pam_totp.so)
	@test -n '$(DESTDIR)' || sed 's|@docdir@|$(docdir)|' config/next-steps.txt

uninstall:
	@if [ '$(FORCE)' != 1 ] && grep -ls '^[^#]*pam_totp' \
		$(addprefix '$(DESTDIR)',/etc/pam.conf /etc/pam.d/* /usr/lib/pam.d/*); then \
		echo 'These PAM stacks name pam_totp.so: without the module they would let nobody in.' >&2; \
		echo 'Take its lines out first; FORCE=1 removes it all the same.' >&2; \
		exit 1; \
	fi
	rm -f '$(DESTDIR)$(pamdir)/pam_totp.so' '$(DESTDIR)$(prefix)/bin/totp-enroll'
	rm -rf '$(DESTDIR)$(libexec)' '$(DESTDIR)$(docdir)' '$(DESTDIR)/var/cache/pam_totp' '$(DESTDIR)/run/pam_totp'
	rm -f '$(DESTDIR)$(prefix)/lib/sysusers.d/pam_totp.conf' '$(DESTDIR)$(prefix)/lib/tmpfiles.d/pam_totp.conf'
	@echo 'Kept: /etc/pam_totp, $(store) and the user _pam_totp.'
