import { endianness } from 'node:os';
import { usageError } from '../base/errors.ts';
import type { Platform } from './descriptor.ts';

/** Go's GOOS and GOARCH words (image-spec, config.md: `os`, `architecture`). */
const SYSTEMS = new Set(
  'aix android darwin dragonfly freebsd illumos ios linux netbsd openbsd plan9 solaris wasip1 windows'.split(
    ' ',
  ),
);
const ARCHITECTURES = new Set(
  '386 amd64 arm arm64 loong64 mips mips64 mips64le mipsle ppc64 ppc64le riscv64 s390x wasm'.split(' '),
);

/** What Nix, uname and Debian call them. */
const OTHER_NAMES: Record<string, string> = {
  x86_64: 'amd64',
  x64: 'amd64',
  i386: '386',
  i686: '386',
  aarch64: 'arm64',
  armv6l: 'arm/v6',
  armv7l: 'arm/v7',
  armhf: 'arm/v7',
  loongarch64: 'loong64',
  powerpc64le: 'ppc64le',
};

/** `OS/ARCH[/VARIANT]` in Go's words, such as `linux/arm64/v8`. Throws ERR_USAGE. */
export function parsePlatform(text: string): Platform {
  const [os = '', architecture = '', variant, ...rest] = text.split('/');
  const other = OTHER_NAMES[architecture];
  if (other !== undefined) throw platformError(text, `write ${os}/${other}`);
  if (!SYSTEMS.has(os) || rest.length > 0)
    throw platformError(text, 'write OS/ARCH[/VARIANT], like linux/arm64');
  if (!ARCHITECTURES.has(architecture)) {
    throw platformError(text, `known architectures are ${[...ARCHITECTURES].join(', ')}`);
  }
  if (variant === undefined) return { os, architecture };
  if (!/^v[1-9][0-9]*(\.[0-9]+)?$/.test(variant)) throw platformError(text, 'a variant is like v7 or v8');
  return { os, architecture, variant };
}

/** Platforms, each alone or several with commas between: `linux/amd64,linux/arm64`. Throws ERR_USAGE. */
export function parsePlatforms(texts: readonly string[]): Platform[] {
  return texts.flatMap((text) => text.split(',')).map(parsePlatform);
}

/** The inverse of `parsePlatform`. */
export function formatPlatform({ os, architecture, variant }: Platform): string {
  return variant === undefined ? `${os}/${architecture}` : `${os}/${architecture}/${variant}`;
}

/** What an architecture without a variant means, as containerd has it (platforms/database.go). */
const STANDARD_VARIANTS: Record<string, string> = { amd64: 'v1', arm: 'v7', arm64: 'v8' };

/** The variant, or what leaving it out means. */
export function variantOf({ architecture, variant }: Platform): string | undefined {
  return variant || STANDARD_VARIANTS[architecture];
}

/**
 * Whether an image for `platform` is one of those wanted. A variant counts only if one is asked for: `linux/arm64` takes
 * `linux/arm64/v8`, and the other way round, since containerd leaves out that one as arm64's default.
 */
export function matchesPlatform(platform: Platform | undefined, wanted: Platform): boolean {
  if (platform?.os !== wanted.os || platform.architecture !== wanted.architecture) return false;
  const standard = wanted.architecture === 'arm64' ? 'v8' : undefined;
  return wanted.variant === undefined || (platform.variant ?? standard) === wanted.variant;
}

/** `linux` on this machine's architecture: closures for images are Linux closures, wherever nixpush runs. */
export function hostPlatform(): Platform {
  const architecture = hostArchitecture();
  if (architecture !== 'arm') return { os: 'linux', architecture };
  const { arm_version: version } = process.config.variables as { arm_version?: string };
  return { os: 'linux', architecture, variant: `v${version ?? '7'}` };
}

/** Node's word in Go's; most are the same. */
function hostArchitecture(): string {
  if (process.arch === 'ppc64') return endianness() === 'LE' ? 'ppc64le' : 'ppc64';
  const words: Record<string, string> = { x64: 'amd64', ia32: '386', mipsel: 'mipsle' };
  return words[process.arch] ?? process.arch;
}

function platformError(text: string, hint: string): Error {
  return usageError(`${JSON.stringify(text)} is not a platform: ${hint}`);
}
