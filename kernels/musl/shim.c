/*
 * What Debian's libstdc++ and libgcc ask of a C library and musl has not, so that Node, which was linked with musl's own,
 * starts with them. Built and used by kernels/musl/musl.ts.
 */
#define _GNU_SOURCE
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

/* struct dl_find_object of glibc's <dlfcn.h> */
struct found {
  unsigned long long flags;
  void *start, *end, *map, *frames;
  unsigned long long reserved[7];
};

struct search {
  unsigned long address;
  struct found *found;
};

static int look(struct dl_phdr_info *info, size_t size, void *data)
{
  struct search *search = data;
  unsigned long start = -1UL, end = 0;
  void *frames = NULL;
  int inside = 0;
  for (int i = 0; i < info->dlpi_phnum; i++) {
    const ElfW(Phdr) *part = &info->dlpi_phdr[i];
    unsigned long at = info->dlpi_addr + part->p_vaddr;
    if (part->p_type == PT_GNU_EH_FRAME) frames = (void *)at;
    if (part->p_type != PT_LOAD) continue;
    if (at < start) start = at;
    if (at + part->p_memsz > end) end = at + part->p_memsz;
    inside |= search->address >= at && search->address < at + part->p_memsz;
  }
  if (!inside || frames == NULL) return 0;
  *search->found = (struct found){ .start = (void *)start, .end = (void *)end, .frames = frames };
  return 1;
}

/* Without it no C++ exception finds its handler. */
int _dl_find_object(void *address, struct found *found)
{
  struct search search = { (unsigned long)address, found };
  return dl_iterate_phdr(look, &search) ? 0 : -1;
}

unsigned arc4random(void)
{
  unsigned number;
  getrandom(&number, sizeof number, 0);
  return number;
}

size_t __strftime_l(char *text, size_t size, const char *format, const struct tm *time, locale_t locale)
{
  return strftime_l(text, size, format, time, locale);
}

unsigned long __isoc23_strtoul(const char *text, char **end, int base) { return strtoul(text, end, base); }

char __libc_single_threaded = 0;
unsigned __cpu_model[4];
int __cpu_indicator_init(void) { return 0; }

/* Destructors of a thread's own objects are not run: the programs end with their process. */
int __cxa_thread_atexit_impl(void (*destroy)(void *), void *object, void *library) { return 0; }

int strfromf128() { abort(); }
int strtof128() { abort(); }
