# SPDX-License-Identifier: MPL-2.0
# shellcheck shell=bash
# shellcheck disable=SC2034 # some variables are for the programs that read this file
# What ./quickstart and ./check do first: install what is missing, get libzmq's source as Debian has
# it, build in ./build. Everything they make is in ./build; the system's own apt configuration is
# read, not changed.

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
BUILD=$TOP/build
APT=$BUILD/apt
LOGS=$BUILD/logs
JOBS=$(nproc)
MIRROR=${DEBIAN_MIRROR:-http://deb.debian.org/debian}

ZMQ_VERSION=4.3.4-6
mapfile -t ZMQ_FILES <"$TOP/packaging/debian/SHA256SUMS"
ZMQ_SOURCE=$APT/zeromq3-4.3.4
# As in Debian's own rules, but for the manual pages: they would be made where asciidoc happens to
# be installed.
ZMQ_CONFIGURE_ARGS="--with-pgm --with-libsodium --with-norm=yes --with-libgssapi_krb5=yes \
--disable-Werror --without-docs"

# The first group builds, the second runs the demonstration.
QUICKSTART_PACKAGES=(
    autoconf automake libtool pkg-config gcc g++ ccache make patch dpkg-dev xz-utils
    libpgm-dev libsodium-dev libnorm-dev libkrb5-dev libbsd-dev
    python3 python3-zmq iproute2 nftables util-linux
)
# The first group runs the tests, the second is what pyzmq's own tests need, the third are programs
# that are run on the patched library, the fourth looks at the files, the fifth at the C core:
# fuzzing, coverage, static analysis.
CHECK_PACKAGES=(
    libcmocka-dev python3-pytest python3-pytest-xdist valgrind abigail-tools quilt
    python3-pytest-asyncio python3-tornado python3-gevent
    python3-ipykernel python3-jupyter-client xpython libczmq-dev mongrel2-core patchelf
    libestr0 libfastjson4
    clang-format-14 shellcheck mandoc flake8 git cmake
    musl-tools clang-14 libclang-rt-14-dev gcovr cppcheck
)
# A daemon that would be started where it is installed, for the tests too: unpacked in ./build.
UNPACKED_PACKAGES=(
    rsyslog rsyslog-czmq
)
# What is measured besides, and what counts and draws.
BENCH_PACKAGES=(
    curl golang-go libnng-dev valgrind python3-matplotlib
)
# What Debian's source package needs to be built, beside the first group of the first list.
DEB_PACKAGES=(
    build-essential debhelper pkgconf xmlto asciidoc
)
# What only ./check --full needs.
FULL_PACKAGES=(
    "${BENCH_PACKAGES[@]}"
    g++-mingw-w64-x86-64-posix wine64
    "${DEB_PACKAGES[@]}" lintian mmdebstrap
)

say ()
{
    printf '[%4d s] %s\n' "$SECONDS" "$*"
}

die ()
{
    printf '\n%s: %s\n' "$(basename "$0")" "$*" >&2
    exit 1
}

# logged NAME COMMAND...: the output goes to logs/NAME.log; when the command fails, its end is shown.
logged ()
{
    local log=$LOGS/$1.log
    shift
    if ! "$@" >"$log" 2>&1; then
        echo "This failed: $*" >&2
        echo "The end of $log:" >&2
        tail -n 25 "$log" | sed 's/^/    /' >&2
        return 1
    fi
}

require_debian ()
{
    local name=unknown ID='' VERSION_ID=''
    if [ -r /etc/os-release ]; then
        # shellcheck source=/dev/null
        name=$(. /etc/os-release && echo "$PRETTY_NAME")
        # shellcheck source=/dev/null
        ID=$(. /etc/os-release && echo "$ID") VERSION_ID=$(. /etc/os-release && echo "${VERSION_ID-}")
    fi
    command -v apt-get >/dev/null ||
        die "this needs apt-get, and the system is $name. Elsewhere: see README.md, \"Install it\"."
    if [ "$ID $VERSION_ID" != "debian 12" ]; then
        say "note: made for Debian 12, this is $name; package names may differ"
    fi
}

# as_root COMMAND: sets the array "become" to apt-get as root. Without a way to that, COMMAND is
# what to do about it.
as_root ()
{
    become=()
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || die "not root, and there is no sudo. As root: $1"
        become=(sudo)
    fi
    become+=(env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300)
}

# install_packages NAME...: those that are missing.
install_packages ()
{
    local name missing=() become=()
    for name; do
        dpkg-query -W -f '${Status}' "$name" 2>/dev/null | grep -q '^install ok installed$' ||
            missing+=("$name")
    done
    if [ ${#missing[@]} -eq 0 ]; then
        say "packages: all $# are installed"
        return
    fi
    say "packages: installing ${#missing[@]} of $#:"
    fold -s -w 80 <<<"${missing[*]}" | sed 's/^/             /'
    as_root "apt-get install ${missing[*]}"
    say "packages: apt-get update"
    logged apt-update "${become[@]}" update || die "apt-get update failed"
    say "packages: apt-get install (log in $LOGS/apt-install.log)"
    logged apt-install "${become[@]}" install -y --no-install-recommends "${missing[@]}" ||
        die "apt-get install failed"
}

# download_packages DIRECTORY NAME...: their files, and nothing else, newly.
download_packages ()
{
    rm -rf "$1"
    mkdir -p "$1"
    # apt drops root for downloads, to a user who may not be able to write there.
    (cd "$1" && shift && apt-get -o APT::Sandbox::User=root download "$@")
}

# unpack_packages NAME...: in $BUILD/programs, installing nothing.
unpack_packages ()
{
    local file where=$BUILD/programs become=()
    [ ! -f "$where/.unpacked" ] || return 0
    say "packages: unpacking in build/programs: $*"
    if ! download_packages "$where" "$@" >"$LOGS/apt-download.log" 2>&1; then
        as_root "apt-get update"
        logged apt-update "${become[@]}" update || die "apt-get update failed"
        logged apt-download download_packages "$where" "$@" || die "cannot download: $*"
    fi
    for file in "$where"/*.deb; do
        dpkg-deb -x "$file" "$where" || die "cannot unpack $file"
    done
    touch "$where/.unpacked"
}

source_files_are_good ()
{
    (cd "$APT" && printf '%s\n' "${ZMQ_FILES[@]}" | sha256sum --check --status 2>/dev/null)
}

# A configuration of apt's that knows one source, Debian's, and keeps its lists here. From the
# system's it takes how to reach a mirror (proxies and the like), and its keys.
write_apt_conf ()
{
    mkdir -p "$APT/lists/partial" "$APT/cache/archives/partial"
    echo "deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $MIRROR bookworm main" \
        >"$APT/sources.list"
    {
        "$TOP/scripts/apt-settings"
        cat <<END
Acquire::Languages "none";
Acquire::Retries "3";
Dir::Etc::main "/dev/null";
Dir::Etc::parts "/dev/null";
Dir::Etc::sourcelist "$APT/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::State::lists "$APT/lists";
Dir::Cache "$APT/cache";
END
        # apt drops root for downloads, to a user who may not be able to write here.
        [ "$(id -u)" -ne 0 ] || echo 'APT::Sandbox::User "root";'
    } >"$APT/apt.conf"
}

download_source ()
{
    write_apt_conf
    (
        cd "$APT" || return
        export APT_CONFIG=$APT/apt.conf
        apt-get -q update && apt-get -q source --download-only --only-source "zeromq3=$ZMQ_VERSION"
    )
}

get_source ()
{
    mkdir -p "$APT"
    if ! source_files_are_good; then
        say "source: zeromq3 $ZMQ_VERSION from $MIRROR"
        (cd "$APT" && rm -f zeromq3_*)
        logged apt-source download_source ||
            die "cannot get zeromq3 $ZMQ_VERSION from $MIRROR.
Another mirror: DEBIAN_MIRROR=http://... $0. Without one: put its three files into $APT."
        source_files_are_good || wrong_checksum
        rm -f "$APT/.unpacked"
    fi
    say "source: zeromq3 $ZMQ_VERSION, SHA-256 is right"
    if [ ! -f "$APT/.unpacked" ]; then
        rm -rf "$ZMQ_SOURCE"
        logged dpkg-source dpkg-source -x "$APT/zeromq3_$ZMQ_VERSION.dsc" "$ZMQ_SOURCE" ||
            die "the source package does not unpack"
        touch "$APT/.unpacked"
    fi
}

wrong_checksum ()
{
    local line
    echo "The checksum (SHA-256) of what was downloaded is not the known one:" >&2
    for line in "${ZMQ_FILES[@]}"; do
        if [ -f "$APT/${line#*  }" ]; then
            printf '  %s\n    expected %s\n    found    %s\n' "${line#*  }" "${line%%  *}" \
                "$(sha256sum "$APT/${line#*  }" | cut -d ' ' -f 1)" >&2
        else
            printf '  %s: missing\n' "${line#*  }" >&2
        fi
    done
    die "somebody changed the source, or Debian did: not built"
}

# configure_build [tests]: once; after that make itself sees to changes of configure.ac and
# Makefile.am. With "tests" once more when configure ran before cmocka was installed.
configure_build ()
{
    [ ! -f "$TOP/config.status" ] || die "the source directory is configured for a build in place.
Undo that first: make distclean, in $TOP."
    if [ ! -x "$TOP/configure" ]; then
        say "autogen"
        logged autogen "$TOP/autogen.sh" || die "autogen.sh failed"
    fi
    if [ ! -f "$BUILD/Makefile" ] || [ ! -f "$BUILD/build.conf" ] ||
        ! grep -qxF "LIBZMQ_SOURCE='$ZMQ_SOURCE'" "$BUILD/build.conf" ||
        ! grep -qxF "LIBZMQ_CONFIGURE_ARGS='$ZMQ_CONFIGURE_ARGS'" "$BUILD/build.conf" ||
        { [ "$1" = tests ] && ! grep -q '^CMOCKA_LIBS = .' "$BUILD/Makefile"; }; then
        say "configure"
        (
            cd "$BUILD" || return
            logged configure "$TOP/configure" --with-libzmq-source="$ZMQ_SOURCE" \
                --with-libzmq-configure-args="$ZMQ_CONFIGURE_ARGS"
        ) || die "configure failed"
    fi
}

# build TARGET...: with libzmq's own lines of progress on the terminal.
build ()
{
    local first=''
    [ -e "$BUILD/stage/patched/lib" ] || first=' (the first build takes a few minutes)'
    say "make $*$first"
    make -C "$BUILD" -s --no-print-directory -j"$JOBS" "$@" || die "the build failed"
}

unset MAKEFLAGS MFLAGS MAKELEVEL LD_PRELOAD LD_LIBRARY_PATH ZMQ_DUALSTACK
mkdir -p "$LOGS"
trap 'printf "\n%s: stopped\n" "$(basename "$0")" >&2; exit 130' INT
