/* A file of the source tree as a C string in the program: Lua scripts and migrations stay files of their own kind. */
#ifndef REGISTRAR_BASE_EMBED_H
#define REGISTRAR_BASE_EMBED_H

/* Defines `symbol` as the NUL-terminated content of `path` (relative to the project's root, where the compiler runs).
 */
#define EMBED_TEXT(symbol, path)                                                                                       \
    __asm__(".pushsection .rodata\n.global " #symbol "\n" #symbol ":\n.incbin \"" path "\"\n.byte 0\n.popsection\n");  \
    extern const char symbol[]

#endif
