// The example's program: prints a greeting that lies in another store path, then its arguments.
// GREETING in the environment chooses the language. No libc, so that it is small and its bytes depend on the
// compiler alone: three system calls of x86_64 Linux are all it needs.

#ifndef GREETINGS
#error "GREETINGS is the directory of greetings, an absolute store path: see example.nix"
#endif

enum { SYS_READ = 0, SYS_WRITE = 1, SYS_OPEN = 2, SYS_EXIT = 60 };

static long syscall3(long number, long a, long b, long c) {
  long result;
  __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
  return result;
}

static long length(const char *text) {
  long n = 0;
  while (text[n]) n++;
  return n;
}

static void print(int fd, const char *text) { syscall3(SYS_WRITE, fd, (long)text, length(text)); }

static char *append(char *end, const char *text) {
  while (*text) *end++ = *text++;
  return end;
}

static const char *variable(char **environment, const char *name) {
  for (; *environment; environment++) {
    const char *entry = *environment, *wanted = name;
    while (*wanted && *entry == *wanted) entry++, wanted++;
    if (!*wanted && *entry == '=') return entry + 1;
  }
  return 0;
}

static int fail(const char *path) {
  print(2, "hello-nixpush: cannot read ");
  print(2, path);
  print(2, "\n");
  return 1;
}

static int greet(const char *language) {
  static char path[512], text[4096];
  if (length(language) > 64) return fail("a greeting with so long a name");
  *append(append(append(path, GREETINGS "/"), language), ".txt") = 0;
  long fd = syscall3(SYS_OPEN, (long)path, 0, 0);
  if (fd < 0) return fail(path);
  long size;
  while ((size = syscall3(SYS_READ, fd, (long)text, sizeof text)) > 0) syscall3(SYS_WRITE, 1, (long)text, size);
  return size < 0 ? fail(path) : 0;
}

__attribute__((used)) static void start(long *stack) {
  long count = stack[0];
  char **arguments = (char **)(stack + 1);
  const char *language = variable(arguments + count + 1, "GREETING");
  int status = greet(language ? language : "default");
  for (long i = 1; i < count; i++) {
    print(1, i > 1 ? " " : "You said: ");
    print(1, arguments[i]);
  }
  if (count > 1) print(1, "\n");
  syscall3(SYS_EXIT, status, 0, 0);
}

// The kernel enters here with argc, argv and the environment on the stack (System V ABI, x86_64, 3.4.1).
__asm__(".globl _start\n_start:\n  xor %ebp, %ebp\n  mov %rsp, %rdi\n  and $-16, %rsp\n  call start\n");
