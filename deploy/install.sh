#!/usr/bin/env bash
# Installs lobd as a systemd service, or brings an installation up to date. Run as root from a
# checkout in which `cargo build --release` has run. Never touches settings that are there.
#
#   sudo deploy/install.sh            install or update; nothing is started
#   sudo deploy/install.sh --dry-run  only say what would be done
set -euo pipefail
cd "$(dirname "$0")/.."

dry_run=
[ "${1:-}" = "--dry-run" ] && dry_run=yes

run() {
  echo "+ $*"
  [ -n "$dry_run" ] || "$@"
}

fail() {
  echo "error: $1" >&2
  exit 1
}

[ -x target/release/lobd ] || fail "target/release/lobd is missing; run: cargo build --release"
[ -n "$dry_run" ] || [ "$(id -u)" = 0 ] || fail "must run as root; run: sudo deploy/install.sh"

if ! id lobd >/dev/null 2>&1; then
  run useradd --system --home-dir /var/lib/lobd --shell /usr/sbin/nologin lobd
fi
run install -d -m 0700 -o lobd -g lobd /var/lib/lobd
run install -d -m 0755 /etc/lobd
# A rename replaces a running binary safely; a copy over it would fail or corrupt it.
run install -m 0755 target/release/lobd /usr/local/bin/lobd.new
run mv -f /usr/local/bin/lobd.new /usr/local/bin/lobd
if [ ! -e /etc/lobd/lobd.env ]; then
  run install -m 0600 .env.example /etc/lobd/lobd.env
fi
for unit in systemd/*.service systemd/*.timer systemd/*.path; do
  run install -m 0644 "$unit" "/etc/systemd/system/$(basename "$unit")"
done
run systemctl daemon-reload

cat <<'TEXT'
Installed. Next:
  1. edit /etc/lobd/lobd.env (environment, keys, symbols)
  2. record a day:   systemctl enable --now lobd-record
  3. train:          systemctl start lobd-train && journalctl -u lobd-train
  4. trade:          systemctl disable --now lobd-record; systemctl enable --now lobd lobd-train.timer lobd-train.path
  5. watch:          journalctl -fu lobd; lobd status --data-dir /var/lib/lobd
TEXT
