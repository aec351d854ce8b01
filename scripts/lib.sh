# SPDX-License-Identifier: MPL-2.0
# shellcheck shell=sh
# What the programs in scripts/ share. The Makefile runs them with ZDS_SRC_DIR and ZDS_BUILD_DIR
# set, and they read what ./configure found from $ZDS_BUILD_DIR/build.conf.

: "${ZDS_SRC_DIR:=$(cd "$(dirname "$0")/.." && pwd)}"
: "${ZDS_BUILD_DIR:=$PWD}"
: "${MAKE:=make}"
: "${PYTHON:=/usr/bin/python3}"
# shellcheck disable=SC2034 # for the programs that read this file
ZDS_SCRIPTS=$ZDS_SRC_DIR/scripts ZDS_LOGS=$ZDS_BUILD_DIR/logs

die ()
{
    echo "$(basename "$0"): $*" >&2
    exit 1
}

if [ ! -f "$ZDS_BUILD_DIR/build.conf" ]; then
    die "$ZDS_BUILD_DIR has no build.conf: run configure there first, or ./quickstart"
fi
# shellcheck source=/dev/null
. "$ZDS_BUILD_DIR/build.conf"

# For ccache, builds of the same file in two directories are the same, because the stock and the
# patched libzmq differ in a few files only.
if [ -n "$CONF_CCACHE" ]; then
    export CCACHE_BASEDIR="$ZDS_BUILD_DIR" CCACHE_NOHASHDIR=1
    # ./quickstart and ./check keep the cache here.
    [ ! -d "$ZDS_BUILD_DIR/ccache" ] || export CCACHE_DIR="${CCACHE_DIR-$ZDS_BUILD_DIR/ccache}"
fi

# run_logged LOG COMMAND...: the output goes to LOG; when the command fails, its end is shown.
run_logged ()
{
    log=$1
    shift
    echo "+ $*" >>"$log"
    if ! "$@" >>"$log" 2>&1; then
        echo "$(basename "$0"): this failed: $*" >&2
        echo "The end of $log:" >&2
        tail -n 25 "$log" | sed 's/^/    /' >&2
        exit 1
    fi
}

# apply_patch FILE DIR: with no fuzz, or not at all. Offsets are fine.
apply_patch ()
{
    (cd "$2" && patch -p1 -F0 -s -f) <"$1" || return 1
    # GNU patch leaves a copy of each file that it changed at an offset.
    find "$2" -name '*.orig' -exec rm -f {} +
}

# series_of DIR [TREE]: the names of the patches in DIR/series, in order; for a TREE whose manual
# pages are *.adoc (libzmq's master since 2023), those in DIR/series.adoc.
series_of ()
{
    series_file=$1/series
    if [ -n "${2-}" ] && [ -f "$2/doc/zmq_tcp.adoc" ] && [ -f "$1/series.adoc" ]; then
        series_file=$1/series.adoc
    fi
    if [ -f "$series_file" ]; then
        sed -e 's/[[:space:]]*#.*//' -e 's/[[:space:]].*//' -e '/^$/d' "$series_file"
    fi
}

# write_adoc_series DIR: writes series.adoc and the patches that only it names into DIR, for a tree
# whose manual pages are *.adoc. Each patch of manual pages gets a sibling, with the same lines but
# for the files' names and the form of links; a line "# series.adoc: NAME" in DIR/series adds a
# patch.
write_adoc_series ()
{
    cp "$1/series" "$1/series.adoc"
    for patch in $(series_of "$1"); do
        grep -q '^+++ b/doc/.*\.txt$' "$1/$patch" || continue
        sibling=${patch%.patch}-adoc.patch
        sed -E -e 's#^(---|\+\+\+) ([ab]/doc/.*)\.txt$#\1 \2.adoc#' \
            -e 's#linkzmq:(zmq[a-z_]*)\[[0-9]\]#xref:\1.adoc[\1]#g' \
            -e 's/^Applies-To: .*/Applies-To: master/' "$1/$patch" >"$1/$sibling"
        sed "s/^$patch\$/$sibling/" "$1/series.adoc" >"$1/series.adoc.new"
        mv "$1/series.adoc.new" "$1/series.adoc"
    done
    sed 's/^# series\.adoc: //' "$1/series.adoc" >"$1/series.adoc.new"
    mv "$1/series.adoc.new" "$1/series.adoc"
}

# copy_transport SRC TREE [FOLDER...]: copies our sources and their list beside libzmq's sources,
# and the tests in its style beside its tests; only into those folders (src, tests, unittests) if
# any are named.
copy_transport ()
{
    from=$1
    to=$2
    shift 2
    [ $# -gt 0 ] || set -- src tests unittests
    for folder; do
        case $folder in
            src)
                sed 's|transport/[a-z]*/|src/|' "$from/transport/Makefile.inc" >"$to/src/dualstack.mk"
                set -- "$from"/transport/dualstack.* "$from"/transport/*/*.[ch] "$from"/transport/*/*.[ch]pp
                ;;
            tests) set -- "$from"/tests/libzmq/test*.[ch]pp ;;
            unittests) set -- "$from"/tests/libzmq/unittest_*.cpp ;;
        esac
        for file; do
            copy_beside "$file" "$to" "$folder"
        done
    done
}

# copy_tests_of PATCH TREE: copies those tests in libzmq's style that the patch names.
copy_tests_of ()
{
    paths=$(grep '^+' "$1" | grep -oE '(unit)?tests/[a-z_]+\.[ch]pp' | sort -u) || :
    for path in $paths; do
        file=$ZDS_SRC_DIR/tests/libzmq/$(basename "$path")
        if [ -f "$file" ] && [ ! -e "$2/$path" ]; then
            copy_beside "$file" "$2" "$(dirname "$path")"
        fi
    done
}

# copy_beside FILE TREE FOLDER
copy_beside ()
{
    [ -f "$1" ] || return 0
    name=$(basename "$1")
    [ ! -e "$2/$3/$name" ] || die "libzmq has a $3/$name of its own"
    cp "$1" "$2/$3/$name"
    chmod u+w "$2/$3/$name"
}

# list_files: the names of this project's files, as git lists them, new ones included, or in a
# release tarball its MANIFEST. The source may belong to another user than root.
list_files ()
{
    if [ ! -e "$ZDS_SRC_DIR/.git" ]; then
        cat "$ZDS_SRC_DIR/MANIFEST"
        return
    fi
    git -C "$ZDS_SRC_DIR" -c safe.directory="$ZDS_SRC_DIR" ls-files --cached --others \
        --exclude-standard | sort -u | while IFS= read -r file; do
        # A file whose removal is not committed yet is still in git's list.
        [ ! -f "$ZDS_SRC_DIR/$file" ] || printf '%s\n' "$file"
    done
}

# unpack_libzmq DIR|TARBALL DEST: makes a clean copy of libzmq's source. DIR is only read.
#
# The copy is without .git, because libzmq's configure turns the draft API on when it sees that, and
# without what a build inside DIR left behind.
unpack_libzmq ()
{
    source=$1
    dest=$2
    rm -rf "$dest.new"
    mkdir -p "$dest.new"
    if [ -d "$source" ]; then
        (cd "$source" && tar cf - --exclude=.git --exclude=.pc --exclude=.svn --exclude=.deps \
            --exclude=.libs --exclude=autom4te.cache --exclude='*.o' --exclude='*.lo' \
            --exclude='*.a' --exclude='*.la' --exclude=config.status --exclude=config.log \
            --exclude=./libtool --exclude=./Makefile --exclude=src/platform.hpp .) |
            (cd "$dest.new" && tar xof -)
    else
        tar xof "$source" -C "$dest.new"
        # A tarball normally holds one directory.
        if [ ! -f "$dest.new/configure.ac" ]; then
            for inner in "$dest.new"/*/; do
                if [ -f "$inner/configure.ac" ] && [ -f "$inner/include/zmq.h" ]; then
                    mv "${inner%/}" "$dest.inner"
                    rm -rf "$dest.new"
                    mv "$dest.inner" "$dest.new"
                    break
                fi
            done
        fi
    fi
    for file in configure.ac include/zmq.h src/tcp_listener.cpp; do
        if [ ! -f "$dest.new/$file" ]; then
            echo "$(basename "$0"): $source is not libzmq's source: it has no $file" >&2
            rm -rf "$dest.new"
            return 1
        fi
    done
    # The source may be read-only; the copy is going to be patched.
    chmod -R u+w "$dest.new"
    rm -rf "$dest"
    mv "$dest.new" "$dest"
}

# pristine_tree DIR: makes a copy of the configured libzmq's source.
pristine_tree ()
{
    rm -rf "$1"
    cp -Rp "$ZDS_BUILD_DIR/libzmq-pristine" "$1"
    rm -f "$1/.stamp"
}

# apply_series TREE: copies our sources into it, and applies the series with no fuzz.
apply_series ()
{
    copy_transport "$ZDS_SRC_DIR" "$1"
    for patch in $(series_of "$ZDS_SRC_DIR/patches" "$1"); do
        apply_patch "$ZDS_SRC_DIR/patches/$patch" "$1" || {
            echo "patches/$patch does not apply" >&2
            return 1
        }
    done
}

patched_tree ()
{
    pristine_tree "$1" && apply_series "$1"
}

# configure_libzmq TREE LOG ARG...: runs autogen and configure, each only if its input changed. A
# newer compiler's warnings about libzmq are no reason to stop; --with-libzmq-configure-args can
# change that.
configure_libzmq ()
{
    tree=$1
    log=$2
    shift 2
    set -- --prefix="$CONF_PREFIX" --exec-prefix="$CONF_EXEC_PREFIX" \
        --bindir="$CONF_BINDIR" --libdir="$CONF_LIBDIR" --includedir="$CONF_INCLUDEDIR" \
        --datarootdir="$CONF_DATAROOTDIR" --mandir="$CONF_MANDIR" --disable-perf --disable-Werror \
        --disable-libunwind "$@"
    [ -z "$CONF_BUILD" ] || set -- "$@" --build="$CONF_BUILD"
    [ -z "$CONF_HOST" ] || set -- "$@" --host="$CONF_HOST"
    set -- "$@" CC="${CONF_CCACHE:+$CONF_CCACHE }$CONF_CC" \
        CXX="${CONF_CCACHE:+$CONF_CCACHE }$CONF_CXX"
    [ -z "$CONF_CPPFLAGS" ] || set -- "$@" CPPFLAGS="$CONF_CPPFLAGS"
    # The caller's flags, if any, come later and so override these.
    eval "set -- ${CONF_CFLAGS:+CFLAGS=\"\$CONF_CFLAGS\"} \
        ${CONF_CXXFLAGS:+CXXFLAGS=\"\$CONF_CXXFLAGS\"} \
        ${CONF_LDFLAGS:+LDFLAGS=\"\$CONF_LDFLAGS\"} \"\$@\" $LIBZMQ_CONFIGURE_ARGS"

    # libzmq's make would do this too, but only after compiling files that depend on it.
    sum=$(cksum <"$tree/configure.ac")
    if [ ! -f "$tree/.zds-configured" ] || [ "$(cat "$tree/.zds-configured")" != "$sum $*" ]; then
        rm -f "$tree/.zds-configured"
        if [ ! -f "$tree/.zds-autogen" ] || [ "$(cat "$tree/.zds-autogen")" != "$sum" ]; then
            progress "autogen"
            (cd "$tree" && run_logged "$log" ./autogen.sh) || exit 1
            echo "$sum" >"$tree/.zds-autogen"
        fi
        progress "configure"
        (cd "$tree" && run_logged "$log" ./configure "$@") || exit 1
        echo "$sum $*" >"$tree/.zds-configured"
    fi
}

# result PASS|FAIL|SKIP NAME [REASON]: records that one test of a stage of "make check" has ended.
result ()
{
    echo "$1: $2${3:+: $3}"
    if [ -n "${ZDS_RESULTS-}" ]; then
        printf '%s\t%s\t%s\n' "$1" "$2" "${3-}" >>"$ZDS_RESULTS"
    fi
}

# check_that NAME COMMAND...: a test that is one command.
check_that ()
{
    check_name=$1
    shift
    echo "== $check_name"
    if "$@"; then
        result PASS "$check_name"
    else
        result FAIL "$check_name"
    fi
}

# A program may define its own version before it calls the functions above.
progress ()
{
    :
}
