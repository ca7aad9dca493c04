# The first process of a host: it has a mount and a process namespace of its own, and a network
# namespace where it is to have a network.
# Lays private copies over everything a test may write, puts the product in, and then
# stays as the one who buries orphans. When it dies, every process of the host dies.
#
# PAM_DIRECTORY  where the PAM modules lie
# BUILD          where libpam_totp.so, totp-enroll and totp-helper lie, or empty: none
# HOST_NAME      what the host is called
# DISK           a directory of this machine that is shown as /run/disk, or empty
# STORE_SIZE     size of the file system that holds the store, or empty: part of /var
# STORE_ON       kind of a file system on a disk of its own that holds the store, or empty;
#                options for its mkfs may follow
# NETWORK        addresses: the host's, and then those of a client at the other end of a cable;
#                or empty: the network of this machine
set -eu
umask 022

mount -t tmpfs -o mode=755 tmpfs /run
layers=/run/host-layers
mkdir -m 700 "$layers"
mkdir /run/sshd /run/lock
# Before anything is laid over the place where it is.
if [ -n "$DISK" ]; then
    mkdir /run/disk
    mount --bind "$DISK" /run/disk
fi

private() {
    layer=$layers/$(echo "$1" | tr / _)
    mkdir -p "$layer/changes" "$layer/work"
    mount -t overlay -o "lowerdir=$1,upperdir=$layer/changes,workdir=$layer/work" overlay "$1"
}
private /etc
private /usr
private /var
case $PAM_DIRECTORY in
    /usr/*) ;;
    *) private "$PAM_DIRECTORY" ;;
esac

echo "$HOST_NAME" >/proc/sys/kernel/hostname
echo "$HOST_NAME" >/etc/hostname
printf '127.0.0.1 localhost %s\n::1 localhost\n' "$HOST_NAME" >/etc/hosts

# What a real installation on this machine may have left.
rm -rf /etc/pam_totp /var/lib/pam_totp "$PAM_DIRECTORY/pam_totp.so" /usr/bin/totp-enroll /usr/libexec/pam_totp

mkdir /var/lib/pam_totp
if [ -n "$STORE_SIZE" ]; then
    mount -t tmpfs -o "size=$STORE_SIZE" tmpfs /var/lib/pam_totp
fi
if [ -n "$STORE_ON" ]; then
    disk=/run/$HOST_NAME.disk
    case $STORE_ON in
        xfs*) truncate -s 300M "$disk" ;; # Its least.
        *) truncate -s 128M "$disk" ;;
    esac
    # Options are words of their own.
    # shellcheck disable=SC2086
    mkfs.$STORE_ON -q "$disk" >/dev/null
    # The kernel frees the loop device with its last mount, and that ends with this namespace.
    if ! why=$(mount -t "${STORE_ON%% *}" -o loop "$disk" /var/lib/pam_totp 2>&1); then
        echo "no disk: $(echo "$why" | head -n 1)"
        exit
    fi
fi
if [ -n "$BUILD" ]; then
    install -D -m 644 "$BUILD/libpam_totp.so" "$PAM_DIRECTORY/pam_totp.so"
    install -D -m 755 "$BUILD/totp-enroll" /usr/bin/totp-enroll
    install -D -m 4755 "$BUILD/totp-helper" /usr/libexec/pam_totp/totp-helper
    id _pam_totp >/dev/null 2>&1 ||
        useradd --system --user-group --no-create-home --home-dir /var/lib/pam_totp \
            --shell /usr/sbin/nologin _pam_totp
    install -d -m 755 /etc/pam_totp
    chown _pam_totp:_pam_totp /var/lib/pam_totp
    chmod 700 /var/lib/pam_totp
    chattr +C /var/lib/pam_totp 2>/dev/null || true
fi

# The nodes programs expect; terminals stay shared, so that one opened by a test has its name here too.
devices=$layers/dev
mkdir "$devices"
mount -t tmpfs -o mode=755 tmpfs "$devices"
for node in null:1:3 zero:1:5 full:1:7 random:1:8 urandom:1:9 tty:5:0 ptmx:5:2; do
    IFS=: read -r name major minor <<END
$node
END
    mknod -m 666 "$devices/$name" c "$major" "$minor"
done
mkdir "$devices/pts" "$devices/shm"
chmod 1777 "$devices/shm"
[ -z "$STORE_ON" ] || cp -a /dev/loop-control /dev/loop[0-9]* "$devices"
mount --bind /dev/pts "$devices/pts"
ln -s /proc/self/fd "$devices/fd"
ln -s fd/0 "$devices/stdin"
ln -s fd/1 "$devices/stdout"
ln -s fd/2 "$devices/stderr"
mount --move "$devices" /dev

mount -t tmpfs -o mode=755 tmpfs /home
mount -t tmpfs -o mode=700 tmpfs /root
mount -t tmpfs -o mode=1777 tmpfs /tmp

if [ -n "$NETWORK" ]; then
    ip link set lo up
    # A namespace with a name: what a client runs is put there from outside.
    ip netns add client
    ip link add cable type veth peer name cable netns client
    # shellcheck disable=SC2086
    set -- $NETWORK
    ip address add "$1/24" dev cable
    shift
    for address; do
        ip -n client address add "$address/24" dev cable
    done
    ip link set cable up
    ip -n client link set lo up
    ip -n client link set cable up
fi

echo furnished
while :; do
    sleep 3600 &
    wait $!
done
