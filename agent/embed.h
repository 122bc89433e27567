#ifndef AGENT_EMBED_H
#define AGENT_EMBED_H

/*
 * A file that is part of the program: what is between name and name_end, where
 * a NUL stands. The path is from the top; the Makefile has a line for it, as
 * the compiler doesn't tell.
 */
#define EMBED(name, path)                                                 \
	__asm__(".section .rodata\n"                                      \
		".hidden " #name "\n.hidden " #name "_end\n"              \
		".global " #name "\n.global " #name "_end\n"              \
		#name ":\n"                                               \
		".incbin \"" path "\"\n"                                  \
		#name "_end:\n"                                           \
		".byte 0\n"                                               \
		".previous\n");                                           \
	extern __attribute__((visibility("hidden"))) const char           \
		name[], name##_end[]

#endif
