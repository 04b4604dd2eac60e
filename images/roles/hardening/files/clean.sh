#!/bin/sh
# Takes away what every instance must have for itself, or nobody should find in an image.
set -eu

if command -v cloud-init >/dev/null; then cloud-init clean --logs; fi

rm -f /etc/ssh/ssh_host_*
rm -f /root/.ssh/authorized_keys /home/*/.ssh/authorized_keys
rm -f /root/.*_history /home/*/.*_history

# Empty, not missing: then the next boot makes a new one, also where /etc is mounted read-only until then.
: > /etc/machine-id
rm -f /var/lib/dbus/machine-id /var/lib/systemd/random-seed /var/lib/systemd/credential.secret

# What the first boot of an instance writes.
rm -rf /etc/bascule/* /var/lib/bascule/*

if command -v dnf >/dev/null; then dnf --quiet clean all; fi
if command -v apt-get >/dev/null; then apt-get clean; rm -rf /var/lib/apt/lists/*; fi

if command -v journalctl >/dev/null; then journalctl --quiet --rotate --vacuum-time=1s || :; fi
find /var/log -type f -exec truncate --size=0 {} +

rm -rf /tmp/* /var/tmp/* /root/.ansible /home/*/.ansible
sync
