#!/bin/sh
# Runs a root command on a machine that has nothing: a fresh minimal Debian in a folder, with the tracked files of this
# tree and no more. Not part of ctest: it needs root, debootstrap and the distribution's packages.
#
#   tests/bare_root.sh [--user] [--again] [--keep] [--suite NAME] ./check [ARGUMENT...]
#
#   --user         as an ordinary user with sudo instead of as root
#   --again        run the command a second time without any network: nothing may be downloaded then
#   --keep         leave the folder, and say where it is
#   --suite NAME   another Debian release than this machine's
#
# The mirror and the network settings are those of this machine's own apt.
set -eu

say() { printf 'bare_root: %s\n' "$*" >&2; }
usage() {
    sed -n '5,12s/^# \{0,1\}//p' "$0"
}

user=root
again=no
keep=no
suite=$(. /etc/os-release && printf '%s' "${VERSION_CODENAME-}")
while [ $# -gt 0 ]; do
    case $1 in
        --user) user=visitor ;;
        --again) again=yes ;;
        --keep) keep=yes ;;
        --suite)
            suite=${2-}
            shift
            ;;
        --help) usage; exit 0 ;;
        -*) say "unknown option '$1'"; usage >&2; exit 2 ;;
        *) break ;;
    esac
    shift
done
[ $# -gt 0 ] && [ -n "$suite" ] || { usage >&2; exit 2; }
[ "$(id -u)" -eq 0 ] || { say 'needs root'; exit 1; }
for tool in debootstrap unshare git ip; do
    command -v $tool >/dev/null || { say "needs $tool"; exit 1; }
done
source=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)

# An archive that holds the suite itself; failing that, any Debian archive of this machine.
targets=$(apt-get indextargets --format '$(SITE) $(RELEASE)' 'Created-By: Packages' 'Origin: Debian')
mirror=$(printf '%s\n' "$targets" | awk -v suite="$suite" '$2 == suite { print $1; exit }')
mirror=${mirror:-$(printf '%s\n' "$targets" | awk 'NR == 1 { print $1 }')}
[ -n "$mirror" ] || { say 'this machine has no Debian archive among its apt sources'; exit 1; }

root=$(mktemp -d "${TMPDIR:-/var/tmp}/elbo-bare.XXXXXX")
chmod 755 "$root" # an ordinary user walks through it
finish() {
    if [ "$keep" = yes ]; then say "kept: $root"; else rm -rf --one-file-system "$root"; fi
}
trap finish EXIT
trap 'exit 130' INT TERM

say "a minimal $suite in $root"
include=''
[ "$user" = root ] || include=--include=sudo
# shellcheck disable=SC2086 # no word when empty
debootstrap --variant=minbase $include "$suite" "$root" "$mirror" >"$root.log" 2>&1 || {
    tail -n 20 "$root.log" >&2
    exit 1
}
rm -f "$root.log"

# Name service and proxy as on this machine; apt's other settings stay the distribution's own.
cp -L /etc/resolv.conf "$root/etc/resolv.conf"
apt-config dump | grep -E '^Acquire::https?::(Proxy|CaInfo)' >"$root/etc/apt/apt.conf.d/90machine" || true

home=/$user
if [ "$user" != root ]; then
    home=/home/$user
    chroot "$root" useradd --create-home --shell /bin/sh "$user"
    printf '%s ALL=(ALL) NOPASSWD: ALL\n' "$user" >"$root/etc/sudoers.d/$user"
    chmod 440 "$root/etc/sudoers.d/$user"
fi
mkdir "$root$home/elbo"
# The tracked files as they are now, committed or not.
(cd "$source" && git ls-files -z | xargs -0 sh -c 'for f; do [ ! -e "$f" ] || printf "%s\0" "$f"; done' - |
    tar -cf - --null -T -) | tar -xf - -C "$root$home/elbo"
chroot "$root" chown -R "$user" "$home/elbo"

what=$*
# Its own mount and process space, so that nothing of it outlives this script.
set -- unshare --mount --pid --fork --mount-proc="$root/proc" chroot "$root" \
    env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME="$home" LANG=C.UTF-8 TERM="${TERM:-dumb}" \
    setpriv --reuid "$user" --regid "$user" --init-groups sh -c 'cd "$HOME/elbo" && exec "$@"' - "$@"

say "running $what as $user"
start=$(date +%s)
"$@" </dev/null
say "$what succeeded in $(($(date +%s) - start)) s"
if [ "$again" = yes ]; then
    start=$(date +%s)
    unshare --net sh -c 'ip link set lo up && exec "$@"' - "$@" </dev/null
    say "$what without a network succeeded in $(($(date +%s) - start)) s"
fi
