# SPDX-License-Identifier: MPL-2.0
# shellcheck shell=bash
# shellcheck disable=SC2034 # some variables are for the programs that read this file
# What ./quickstart and ./check do first: install what is missing, get the source of this system's
# own libzmq, build in ./build. Everything they make is in ./build. The system's apt configuration,
# with its mirrors, keys and proxies, is read and not changed.

unset CDPATH
TOP=$(cd -P "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
BUILD=$TOP/build
APT=$BUILD/apt
LOGS=$BUILD/logs
JOBS=$(nproc)
SUMS=$TOP/packaging/debian/SHA256SUMS
# As in Debian's own rules, but without manual pages, which would be made wherever asciidoc happens
# to be installed.
ZMQ_CONFIGURE_ARGS="--with-pgm --with-libsodium --with-norm=yes --with-libgssapi_krb5=yes \
--disable-Werror --without-docs --disable-libunwind --enable-libbsd"

# Packages. "a|b" is the first of the two that the system has or can get; one that ends with "?" is
# left out, with a message, where it cannot be had. The first group builds, the second runs the
# demonstration.
QUICKSTART_PACKAGES=(
    autoconf automake libtool pkg-config gcc g++ ccache make patch dpkg-dev xz-utils
    libpgm-dev libsodium-dev libnorm-dev libkrb5-dev libbsd-dev
    python3 python3-zmq iproute2 nftables util-linux mount
)
# The first group runs the tests, the second is for pyzmq's own tests, the third are programs that
# are run on the patched library, the fourth checks the files (each version of clang-format formats
# differently), the fifth the C core: fuzzing, coverage, static analysis.
CHECK_PACKAGES=(
    libcmocka-dev python3-pytest python3-pytest-xdist valgrind abigail-tools quilt
    python3-pytest-asyncio python3-tornado python3-gevent
    python3-ipykernel python3-jupyter-client 'xpython?' libczmq-dev 'mongrel2-core?' patchelf
    libestr0 libfastjson4
    'clang-format-14?' shellcheck mandoc flake8 git cmake
    musl-tools 'clang-14|clang' 'libclang-rt-14-dev|libclang-rt-dev?' gcovr cppcheck
)
# A daemon for the tests, which installing would start: unpacked in ./build instead.
UNPACKED_PACKAGES=(
    rsyslog rsyslog-czmq
)
# The other programs that are measured, and the tools that count and draw.
BENCH_PACKAGES=(
    curl golang-go libnng-dev valgrind python3-matplotlib
)
# What building Debian's source package needs besides the first group of the first list.
DEB_PACKAGES=(
    build-essential debhelper 'pkgconf|pkg-config' xmlto asciidoc
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

# still_running COMMAND...: prints a line now and then, with what the command prints, until it is
# killed or this program ends, so that a person or CI's log sees that something happens.
still_running ()
{
    # So that a reader of our pipe does not wait for the last sleep.
    while sleep 20 >/dev/null 2>&1 && kill -0 $$ 2>/dev/null; do
        say "  still running: $("$@" | tr -dc '[:print:]' | cut -c 1-48)"
    done
}

# logged NAME COMMAND...: the output goes to logs/NAME.log; when the command fails, its end is shown.
logged ()
{
    local log=$LOGS/$1.log life status=0
    shift
    : >"$log"
    still_running tail -n 1 "$log" &
    life=$!
    "$@" >"$log" 2>&1 || status=$?
    kill $life 2>/dev/null || :
    wait $life 2>/dev/null || :
    if [ $status -ne 0 ]; then
        echo "This failed: $*" | fold -s -w 80 >&2
        echo "The end of ${log#"$TOP"/}:" >&2
        tail -n 25 "$log" | sed 's/^/    /' >&2
        return 1
    fi
}

# require_debian: sets SYSTEM to the system's name, and says as which known one an unknown system is
# treated.
require_debian ()
{
    local ID='' ID_LIKE='' VERSION_ID='' PRETTY_NAME=unknown nearest
    # shellcheck source=/dev/null
    [ ! -r /etc/os-release ] || . /etc/os-release
    SYSTEM=$PRETTY_NAME
    command -v apt-get >/dev/null ||
        die "this needs apt-get, and the system is $SYSTEM.
Elsewhere: see README.md, \"Elsewhere\"."
    case "$ID $VERSION_ID" in
        'debian 12' | 'debian 13' | 'ubuntu 24.04' | 'ubuntu 26.04') return ;;
    esac
    case "$ID $ID_LIKE" in
        *ubuntu*) nearest="Ubuntu 26.04" ;;
        *) nearest="Debian 13" ;;
    esac
    say "note: $SYSTEM was never tried; taken like $nearest"
}

# as_root COMMAND: sets the array "become" to what runs apt-get as root. Where there is no way to
# become root, it tells the user to run COMMAND.
as_root ()
{
    become=()
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || die "not root, and there is no sudo. As root: $1"
        become=(sudo)
    fi
    become+=(env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300)
}

update_lists ()
{
    local become=()
    as_root "apt-get update"
    say "packages: apt-get update"
    logged apt-update "${become[@]}" update || die "apt-get update failed"
}

is_installed ()
{
    dpkg-query -W -f '${Status}' "$1" 2>/dev/null | grep -q '^install ok installed$'
}

# candidate NAME: the version that apt would install, or nothing.
candidate ()
{
    LC_ALL=C apt-cache policy "$1" 2>/dev/null | sed -n -e '/(none)/d' -e 's/^  Candidate: //p'
}

# choose_packages NAME...: sets "missing" and "without". Without apt's lists (containers) nothing
# can be installed.
choose_packages ()
{
    local wanted names name
    missing=() without=()
    for wanted; do
        IFS='|' read -ra names <<<"${wanted%\?}"
        for name in "${names[@]}"; do
            ! is_installed "$name" || continue 2
        done
        for name in "${names[@]}"; do
            [ -z "$(candidate "$name")" ] || { missing+=("$name") && continue 2; }
        done
        case $wanted in
            *\?) without+=("${names[@]}") ;;
            *) missing+=("${names[-1]}") ;;
        esac
    done
}

# install_packages NAME...: installs those that are missing.
install_packages ()
{
    local missing without become=()
    choose_packages "$@"
    if [ ${#missing[@]} -gt 0 ] ||
        { [ ${#without[@]} -gt 0 ] && [ -z "$(apt-get indextargets 'Created-By: Packages')" ]; }; then
        update_lists
        choose_packages "$@"
    fi
    [ ${#without[@]} -eq 0 ] ||
        say "packages: $SYSTEM has no ${without[*]}; what needs them is left out"
    if [ ${#missing[@]} -eq 0 ]; then
        say "packages: all that are needed are installed"
        return
    fi
    say "packages: installing ${#missing[@]} of $#:"
    fold -s -w 65 <<<"${missing[*]}" | sed 's/^/             /'
    as_root "apt-get install ${missing[*]}"
    say "packages: apt-get install (log: build/logs/apt-install.log)"
    logged apt-install "${become[@]}" install -y --no-install-recommends "${missing[@]}" ||
        die "apt-get install failed"
}

# download_packages DIRECTORY NAME...: downloads their files anew, and nothing else.
download_packages ()
{
    rm -rf "$1"
    mkdir -p "$1"
    # For downloads apt becomes another user than root, who may not be able to write there.
    (cd "$1" && shift && apt-get -o APT::Sandbox::User=root download "$@")
}

# unpack_packages NAME...: unpacks them in $BUILD/programs, and installs nothing.
unpack_packages ()
{
    local file where=$BUILD/programs
    [ ! -f "$where/.unpacked" ] || return 0
    say "packages: unpacking in build/programs: $*"
    if ! download_packages "$where" "$@" >"$LOGS/apt-download.log" 2>&1; then
        update_lists
        logged apt-download download_packages "$where" "$@" || die "cannot download: $*"
    fi
    for file in "$where"/*.deb; do
        dpkg-deb -x "$file" "$where" || die "cannot unpack $file"
    done
    touch "$where/.unpacked"
}

# choose_source: sets HOST_VERSION to the version of libzmq5 that this system has or would install,
# not counting ours; ZMQ_VERSION to that of its source package (a package that was only rebuilt has
# an extra "+b1"); and ZMQ_SOURCE to where the source will be.
choose_source ()
{
    if [ -n "${LIBZMQ_SOURCE-}" ]; then
        ZMQ_SOURCE=$(readlink -f "$LIBZMQ_SOURCE") || die "there is no $LIBZMQ_SOURCE"
        return
    fi
    HOST_VERSION=$(candidate libzmq5)
    HOST_VERSION=${HOST_VERSION%+0dualstack*}
    [ -n "$HOST_VERSION" ] || die "apt knows no libzmq5 here"
    ZMQ_VERSION=$HOST_VERSION
    [[ ! $ZMQ_VERSION =~ \+b[0-9]+$ ]] || ZMQ_VERSION=${ZMQ_VERSION%+b*}
    ZMQ_SOURCE=$APT/zeromq3-${ZMQ_VERSION%-*}
    ZMQ_DSC=$APT/zeromq3_${ZMQ_VERSION#*:}.dsc
}

# source_sums: the SHA-256 sums that the files of ZMQ_VERSION have to have; for a version that this
# project does not know, those that apt has verified.
source_sums ()
{
    if grep -qF "  $(basename "$ZMQ_DSC")" "$SUMS"; then
        # The upstream tarball is the same for several versions of the package.
        grep -E "  zeromq3_(${ZMQ_VERSION//./\\.}\.|${ZMQ_VERSION%-*}\.orig\.)" "$SUMS"
    else
        cat "$APT/verified-$ZMQ_VERSION" 2>/dev/null
    fi
}

source_files_are_good ()
{
    (cd "$APT" && source_sums | sha256sum --check --status >/dev/null 2>&1)
}

# private_sources: writes this machine's package sources to $APT/sources.list.d, but for source
# packages. Everything else in them (signed-by and the like) stays.
private_sources ()
{
    local list parts file to=$APT/sources.list.d
    rm -rf "$to"
    mkdir -p "$to"
    eval "$(apt-config shell list Dir::Etc::sourcelist/f parts Dir::Etc::sourceparts/d)"
    for file in "$list" "$parts"/*.list; do
        [ ! -f "$file" ] ||
            sed -E -n -e '/cdrom:/d' -e 's/^[[:space:]]*deb(-src)?([[:space:]])/deb-src\2/p' \
                "$file" | sort -u >"$to/$(basename "$file")"
    done
    for file in "$parts"/*.sources; do
        [ ! -f "$file" ] ||
            sed 's/^Types:.*/Types: deb-src/I' "$file" >"$to/$(basename "$file")"
    done
}

# A configuration for apt that asks only for source packages, and keeps its lists here. From the
# system's configuration it takes the keys, and how to reach a mirror (proxies and the like).
write_apt_conf ()
{
    mkdir -p "$APT/lists/partial" "$APT/cache/archives/partial"
    private_sources
    {
        "$TOP/scripts/apt-settings"
        cat <<END
Acquire::Languages "none";
Acquire::Retries "3";
Dir::Etc::main "/dev/null";
Dir::Etc::parts "/dev/null";
Dir::Etc::sourcelist "/dev/null";
Dir::Etc::sourceparts "$APT/sources.list.d";
Dir::State::lists "$APT/lists";
Dir::Cache "$APT/cache";
END
        # For downloads apt becomes another user than root, who may not be able to write here.
        [ "$(id -u)" -ne 0 ] || echo 'APT::Sandbox::User "root";'
    } >"$APT/apt.conf"
}

# A mirror of other software that cannot be reached, or has no source packages, is no reason to
# stop.
download_source ()
{
    write_apt_conf
    (
        cd "$APT" || return
        export APT_CONFIG=$APT/apt.conf
        apt-get -q update || :
        apt-get -q source --download-only --only-source "zeromq3=$ZMQ_VERSION"
    )
}

get_source ()
{
    choose_source
    if [ -n "${LIBZMQ_SOURCE-}" ]; then
        say "source: $LIBZMQ_SOURCE"
        return
    fi
    mkdir -p "$APT"
    if ! source_files_are_good; then
        say "source: zeromq3 $ZMQ_VERSION, which libzmq5 $HOST_VERSION is made of"
        (cd "$APT" && rm -f "zeromq3_${ZMQ_VERSION%-*}"* "verified-$ZMQ_VERSION")
        logged apt-source download_source ||
            die "cannot get the source package zeromq3 $ZMQ_VERSION.
Put its files into build/apt, or name a tree or tarball of libzmq:
LIBZMQ_SOURCE=... $0"
        if ! grep -qF "  $(basename "$ZMQ_DSC")" "$SUMS"; then
            say "source: this version is not known here; apt's signature check has to do"
            (cd "$APT" && sha256sum "zeromq3_${ZMQ_VERSION%-*}"*) >"$APT/verified-$ZMQ_VERSION"
        fi
        source_files_are_good || wrong_checksum
        rm -f "$APT/.unpacked"
    fi
    say "source: zeromq3 $ZMQ_VERSION, SHA-256 is right"
    if [ "$(cat "$APT/.unpacked" 2>/dev/null)" != "$ZMQ_VERSION" ]; then
        rm -rf "$ZMQ_SOURCE"
        logged dpkg-source dpkg-source -x "$ZMQ_DSC" "$ZMQ_SOURCE" ||
            die "the source package does not unpack"
        echo "$ZMQ_VERSION" >"$APT/.unpacked"
    fi
}

wrong_checksum ()
{
    local sum file
    echo "The checksum (SHA-256) of what was downloaded is not the known one:" >&2
    while read -r sum file; do
        printf '  %s\n    expected %s\n    found    %s\n' "$file" "$sum" \
            "$(sha256sum "$APT/$file" 2>/dev/null | cut -d ' ' -f 1)" >&2
    done < <(source_sums)
    die "somebody changed the source, or the distribution did: not built.
Whoever knows why, and trusts it, writes what was found in the place of what was
expected into packaging/debian/SHA256SUMS; git diff then shows it."
}

# mirror_sources: fills build/src with links to all of this project, so that what autoconf and
# automake make stays in build/.
mirror_sources ()
{
    local file name
    mkdir -p "$BUILD/src"
    find "$BUILD/src" -maxdepth 1 -xtype l -delete
    for file in "$TOP"/*; do
        name=$(basename "$file")
        case $name in
            build | build-aux | configure | configure~ | aclocal.m4 | autom4te.cache | Makefile.in) ;;
            *) [ -e "$BUILD/src/$name" ] || ln -s "../../$name" "$BUILD/src/$name" ;;
        esac
    done
}

# configure_build [tests]: configures once; after that, make itself reacts to changes of
# configure.ac and Makefile.am. With "tests", it configures again if that was done before cmocka was
# installed, or without warnings as errors, as for a user, whom a new compiler's warning must not
# stop.
configure_build ()
{
    local -a strict=()
    [ "$1" != tests ] || strict=(--enable-werror)
    [ ! -f "$TOP/config.status" ] || die "the source directory is configured for a build in place.
Undo that first: make distclean, in $TOP."
    mirror_sources
    if [ ! -x "$BUILD/src/configure" ] || [ "$TOP/configure.ac" -nt "$BUILD/src/configure" ]; then
        say "autogen"
        (cd "$BUILD/src" && logged autogen autoreconf --install --force) || die "autoreconf failed"
    fi
    if [ ! -f "$BUILD/Makefile" ] || [ ! -f "$BUILD/build.conf" ] ||
        ! grep -qxF "abs_top_srcdir = $BUILD/src" "$BUILD/Makefile" ||
        ! grep -qxF "LIBZMQ_SOURCE='$ZMQ_SOURCE'" "$BUILD/build.conf" ||
        ! grep -qxF "LIBZMQ_CONFIGURE_ARGS='$ZMQ_CONFIGURE_ARGS'" "$BUILD/build.conf" ||
        { [ "$1" = tests ] && ! grep -q '^CMOCKA_LIBS = .' "$BUILD/Makefile"; } ||
        { [ "$1" = tests ] && ! grep -q '^WERROR_CFLAGS = .' "$BUILD/Makefile"; }; then
        say "configure"
        (
            cd "$BUILD" || return
            logged configure src/configure --with-libzmq-source="$ZMQ_SOURCE" \
                --with-libzmq-configure-args="$ZMQ_CONFIGURE_ARGS" "${strict[@]}"
        ) || die "configure failed"
    fi
}

# build TARGET...: runs make, with the progress of libzmq's build on the terminal.
build ()
{
    local first=''
    [ -e "$BUILD/stage/patched/lib" ] || first=' (the first build takes a few minutes)'
    say "make $*$first"
    make -C "$BUILD" -s --no-print-directory -j"$JOBS" "$@" || die "the build failed"
}

# private_home: makes compilers and interpreters keep their caches in build/. A compilation cache
# that the user has chosen (CCACHE_DIR, or cache_dir in ccache's configuration) stays in use.
private_home ()
{
    if [ -z "${CCACHE_DIR-}" ]; then
        CCACHE_DIR=$(ccache -p 2>/dev/null | sed -n -e '/^(default)/d' -e 's/.* cache_dir = //p')
        [ -n "$CCACHE_DIR" ] || CCACHE_DIR=$BUILD/ccache
    fi
    : "${GIT_CONFIG_GLOBAL=${HOME-}/.gitconfig}"
    export CCACHE_DIR CCACHE_TEMPDIR=$BUILD/tmp GIT_CONFIG_GLOBAL HOME=$BUILD/home
    unset XDG_CACHE_HOME XDG_CONFIG_HOME XDG_DATA_HOME
    mkdir -p "$HOME"
}

case $TOP in
    *[[:space:]\'\"\\\$\`:]*)
        die "the path of this folder has a blank or a quote in it, and libtool, by which
libzmq is built, cannot do with that. Move it:
$TOP" ;;
esac
unset MAKEFLAGS MFLAGS MAKELEVEL LD_AUDIT LD_PRELOAD LD_LIBRARY_PATH ZMQ_DUALSTACK ZDS_LIBDIR
export PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
mkdir -p "$LOGS" || die "cannot write to $BUILD"
private_home
trap 'printf "\n%s: stopped\n" "$(basename "$0")" >&2; exit 130' INT
