import { usageError } from '../base/errors.ts';
import type { Platform } from './descriptor.ts';

/** Architectures of Nix's Linux systems as GOARCH and variant have them; the rest have no images. */
const ARCHITECTURES: Readonly<Record<string, readonly [architecture: string, variant?: string]>> = {
  x86_64: ['amd64'],
  aarch64: ['arm64'],
  armv5tel: ['arm', 'v5'],
  armv6l: ['arm', 'v6'],
  armv7l: ['arm', 'v7'],
  i686: ['386'],
  loongarch64: ['loong64'],
  mipsel: ['mipsle'],
  mips64el: ['mips64le'],
  powerpc64: ['ppc64'],
  powerpc64le: ['ppc64le'],
  riscv64: ['riscv64'],
  s390x: ['s390x'],
};

/** The platform of what Nix builds for a system such as `aarch64-linux`. Throws ERR_USAGE. */
export function platformOfSystem(system: string): Platform {
  const name = /^(\w+)-linux$/.exec(system)?.[1];
  const found = name !== undefined && Object.hasOwn(ARCHITECTURES, name) ? ARCHITECTURES[name] : undefined;
  if (found !== undefined) {
    const [architecture, variant] = found;
    return { os: 'linux', architecture, ...(variant !== undefined && { variant }) };
  }
  const known = Object.keys(ARCHITECTURES).map((each) => `${each}-linux`);
  throw usageError(
    `${JSON.stringify(system)} is not a system that images are made for`,
    `Nix's systems are written like aarch64-linux; known are ${known.join(', ')}.`,
  );
}
