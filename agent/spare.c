#include "agent/spare.h"

#include <link.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

/* Relocations in its text are changes that no file holds. */
static bool text_relocated(const struct dl_phdr_info *o)
{
	for (int i = 0; i < o->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &o->dlpi_phdr[i];
		const ElfW(Dyn) *d = (const void *)(o->dlpi_addr + p->p_vaddr);

		if (p->p_type != PT_DYNAMIC)
			continue;
		for (; d->d_tag != DT_NULL; d++)
			if (d->d_tag == DT_TEXTREL ||
			    (d->d_tag == DT_FLAGS && d->d_un.d_val & DF_TEXTREL))
				return true;
	}
	return false;
}

static int drop(struct dl_phdr_info *o, size_t size, void *arg)
{
	const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

	(void)size;
	(void)arg;
	if (text_relocated(o))
		return 0;
	for (int i = 0; i < o->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &o->dlpi_phdr[i];
		uintptr_t from = (o->dlpi_addr + p->p_vaddr) & ~(page - 1);
		uintptr_t to = o->dlpi_addr + p->p_vaddr + p->p_filesz;

		/* Where it can't be had (the kernel's own), it stays. */
		if (p->p_type == PT_LOAD && !(p->p_flags & PF_W))
			(void)madvise((void *)from, to - from, MADV_DONTNEED);
	}
	return 0;
}

void spare_start(void)
{
	malloc_trim(0);
	dl_iterate_phdr(drop, NULL);
}
