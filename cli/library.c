/* SPDX-License-Identifier: MPL-2.0 */

/*  Whether a file is a libzmq, and whether it is ours.  */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "library.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"
#include "zds_version.h"

/*  Where the dual-stack libzmq was installed.  */
#ifndef ZDS_LIBDIR
#error "ZDS_LIBDIR is the build system's to define"
#endif

/*  A range of the file that lies in it.  */
static const void *
part (const uint8_t *image_, size_t size_, uint64_t offset_, uint64_t length_)
{
    return offset_ <= size_ && length_ <= size_ - offset_ ? image_ + offset_
                                                          : NULL;
}

#if defined __linux__ || defined __FreeBSD__ || defined __NetBSD__             \
  || defined __OpenBSD__ || defined __DragonFly__ || defined __sun
#include <elf.h>

#if UINTPTR_MAX > 0xffffffffu
typedef Elf64_Ehdr header_t;
typedef Elf64_Shdr section_t;
typedef Elf64_Sym symbol_t;
#define OUR_CLASS ELFCLASS64
#else
typedef Elf32_Ehdr header_t;
typedef Elf32_Shdr section_t;
typedef Elf32_Sym symbol_t;
#define OUR_CLASS ELFCLASS32
#endif

static unsigned our_byte_order (void)
{
    const uint16_t one = 1;

    return *(const uint8_t *) &one == 1 ? ELFDATA2LSB : ELFDATA2MSB;
}

/*  Copies: nothing in a file needs to be aligned.  */
static bool read_section (section_t *section_,
                          const uint8_t *image_,
                          size_t size_,
                          const header_t *header_,
                          unsigned index_)
{
    const void *at;

    if (index_ >= header_->e_shnum || header_->e_shentsize < sizeof *section_)
        return false;
    at = part (image_, size_,
               header_->e_shoff + (uint64_t) index_ * header_->e_shentsize,
               sizeof *section_);
    if (at != NULL)
        memcpy (section_, at, sizeof *section_);
    return at != NULL;
}

static bool is_called (const char *strings_,
                       uint64_t length_,
                       uint64_t offset_,
                       const char *name_)
{
    const size_t size = strlen (name_) + 1;

    return offset_ < length_ && size <= length_ - offset_
           && memcmp (strings_ + offset_, name_, size) == 0;
}

/*  Whether the table of dynamic symbols, with its strings, defines the name.  */
static bool table_defines (const uint8_t *image_,
                           size_t size_,
                           const section_t *table_,
                           const section_t *strings_,
                           const char *name_)
{
    const uint8_t *symbols =
      part (image_, size_, table_->sh_offset, table_->sh_size);
    const char *strings =
      part (image_, size_, strings_->sh_offset, strings_->sh_size);
    const uint64_t count = table_->sh_size / sizeof (symbol_t);
    uint64_t i;

    if (symbols == NULL || strings == NULL)
        return false;
    for (i = 0; i < count; i++) {
        symbol_t symbol;
        memcpy (&symbol, symbols + i * sizeof symbol, sizeof symbol);
        if (symbol.st_shndx != SHN_UNDEF
            && is_called (strings, strings_->sh_size, symbol.st_name, name_))
            return true;
    }
    return false;
}

static bool defines (const uint8_t *image_, size_t size_, const char *name_)
{
    const void *at = part (image_, size_, 0, sizeof (header_t));
    section_t table, strings;
    header_t header;
    unsigned i;

    if (at == NULL)
        return false;
    memcpy (&header, at, sizeof header);
    if (memcmp (header.e_ident, ELFMAG, SELFMAG) != 0
        || header.e_ident[EI_CLASS] != OUR_CLASS
        || header.e_ident[EI_DATA] != our_byte_order ())
        return false;
    for (i = 0; i < header.e_shnum; i++)
        if (read_section (&table, image_, size_, &header, i)
            && table.sh_type == SHT_DYNSYM
            && read_section (&strings, image_, size_, &header, table.sh_link))
            return table_defines (image_, size_, &table, &strings, name_);
    return false;
}

#else

static bool defines (const uint8_t *image_, size_t size_, const char *name_)
{
    (void) part (image_, size_, 0, 0);
    (void) name_;
    return false;
}

#endif

/*  Copies a word of the marker: up to a blank or the final NUL.  */
static const char *
take_word (char *to_, size_t room_, const char *at_, const char *end_)
{
    size_t len = 0;

    while (at_ + len < end_ && at_[len] > ' ' && at_[len] < 0x7f)
        len++;
    if (len >= room_)
        len = room_ - 1;
    memcpy (to_, at_, len);
    to_[len] = '\0';
    return at_ + len;
}

static void find_marker (library_t *library_, const char *image_, size_t size_)
{
    const char *const end = image_ + size_;
    const size_t on_len = strlen (ZDS_MARKER_ON);
    const char *at = memmem (image_, size_, ZDS_MARKER, strlen (ZDS_MARKER));

    if (at == NULL)
        return;
    library_->is_ours = true;
    at = take_word (library_->version, sizeof library_->version,
                    at + strlen (ZDS_MARKER), end);
    if ((size_t) (end - at) > on_len && memcmp (at, ZDS_MARKER_ON, on_len) == 0)
        take_word (library_->on, sizeof library_->on, at + on_len, end);
}

void library_examine (library_t *library_, const void *image_, size_t size_)
{
    memset (library_, 0, sizeof *library_);
    library_->is_libzmq = defines (image_, size_, "zmq_ctx_new");
    if (!library_->is_libzmq)
        return;
    library_->has_drafts = defines (image_, size_, "zmq_join");
    find_marker (library_, image_, size_);
}

int library_read (library_t *library_, const char *path_)
{
    /*  Whatever has come to be there: a FIFO would wait for a writer.  */
    const int fd = open (path_, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    struct stat about;
    void *image;
    int rc = 0;

    memset (library_, 0, sizeof *library_);
    if (fd == -1)
        return errno;
    if (fstat (fd, &about) != 0)
        rc = errno;
    else if (S_ISREG (about.st_mode) && about.st_size > 0) {
        image =
          mmap (NULL, (size_t) about.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (image == MAP_FAILED)
            rc = errno;
        else {
            library_examine (library_, image, (size_t) about.st_size);
            munmap (image, (size_t) about.st_size);
        }
    }
    close (fd);
    return rc;
}

/*  --- the builds ----------------------------------------------------------------  */

const char *library_dir (void)
{
    const char *const dir = getenv ("ZDS_LIBDIR");

    return dir == NULL || dir[0] == '\0' ? ZDS_LIBDIR : dir;
}

/*  Whether a build is a better answer than 'best_', which may be empty.  */
static bool is_better (const library_t *build_,
                       const library_t *best_,
                       const char *version_,
                       bool drafts_)
{
    if (!build_->is_ours || (drafts_ && !build_->has_drafts)
        || (version_ != NULL && strcmp (build_->on, version_) != 0))
        return false;
    return !best_->is_ours || strverscmp (build_->on, best_->on) > 0
           || (!drafts_ && best_->has_drafts && !build_->has_drafts
               && strcmp (build_->on, best_->on) == 0);
}

char *library_build (const char *version_, bool drafts_)
{
    static const char *const places[] = {"%s/libzmq.so.5",
                                         "%s/zmq-dualstack/*/libzmq.so.5",
                                         "%s/../[0-9]*/libzmq.so.5"};
    library_t best, build;
    char *found = NULL;
    size_t i, k;

    memset (&best, 0, sizeof best);
    for (i = 0; i < 3 && (version_ != NULL || found == NULL); i++) {
        char *pattern = NULL;
        glob_t files;
        if (asprintf (&pattern, places[i], library_dir ()) < 0)
            return found;
        if (glob (pattern, i == 0 ? GLOB_NOCHECK : 0, NULL, &files) == 0) {
            for (k = 0; k < files.gl_pathc; k++)
                if (library_read (&build, files.gl_pathv[k]) == 0
                    && is_better (&build, &best, version_, drafts_)) {
                    free (found);
                    found = realpath (files.gl_pathv[k], NULL);
                    best = build;
                }
            globfree (&files);
        }
        free (pattern);
    }
    return found;
}

char *library_chosen (const char *command_)
{
    char *const path = library_build (NULL, false);
    char text[400];

    if (path != NULL || command_ == NULL)
        return path;
    snprintf (
      text, sizeof text,
      "no dual-stack libzmq in %.200s (an update of the system's libzmq "
      "replaces it)",
      library_dir ());
    cli_fail (0, command_, text);
    return NULL;
}

char *library_audit (void)
{
    char *const command = realpath ("/proc/self/exe", NULL);
    char *const slash = command == NULL ? NULL : strrchr (command, '/');
    const char *const dirs[] = {ZDS_LIBDIR "/zmq-dualstack", ZDS_LIBDIR,
                                ZDS_LIBDIR "/..", command};
    char *path = NULL;
    size_t i;

    if (slash != NULL)
        *slash = '\0';
    for (i = 0; path == NULL && i < sizeof dirs / sizeof dirs[0]; i++) {
        char *file = NULL;
        if (dirs[i] == NULL || asprintf (&file, "%s/audit.so", dirs[i]) < 0)
            continue;
        path = access (file, R_OK) == 0 ? realpath (file, NULL) : NULL;
        free (file);
    }
    free (command);
    return path;
}

bool library_ask_version (const char *path_, char *version_, size_t size_)
{
    void *const handle = dlopen (path_, RTLD_LAZY | RTLD_LOCAL);
    void *const symbol = handle == NULL ? NULL : dlsym (handle, "zmq_version");
    void (*ask) (int *, int *, int *);
    int major = 0, minor = 0, patch = 0;

    if (symbol == NULL)
        return false;
    memcpy (&ask, &symbol, sizeof symbol);
    ask (&major, &minor, &patch);
    snprintf (version_, size_, "%d.%d.%d", major, minor, patch);
    return true;
}
