/**
 * Capabilities that Linux keeps with a program's file, so that it has them without being run by root
 * (capabilities(7), "File capabilities"). Their numbers are those of linux/capability.h.
 */
export const CAPABILITIES = [
  'CAP_CHOWN',
  'CAP_DAC_OVERRIDE',
  'CAP_DAC_READ_SEARCH',
  'CAP_FOWNER',
  'CAP_FSETID',
  'CAP_KILL',
  'CAP_SETGID',
  'CAP_SETUID',
  'CAP_SETPCAP',
  'CAP_LINUX_IMMUTABLE',
  'CAP_NET_BIND_SERVICE',
  'CAP_NET_BROADCAST',
  'CAP_NET_ADMIN',
  'CAP_NET_RAW',
  'CAP_IPC_LOCK',
  'CAP_IPC_OWNER',
  'CAP_SYS_MODULE',
  'CAP_SYS_RAWIO',
  'CAP_SYS_CHROOT',
  'CAP_SYS_PTRACE',
  'CAP_SYS_PACCT',
  'CAP_SYS_ADMIN',
  'CAP_SYS_BOOT',
  'CAP_SYS_NICE',
  'CAP_SYS_RESOURCE',
  'CAP_SYS_TIME',
  'CAP_SYS_TTY_CONFIG',
  'CAP_MKNOD',
  'CAP_LEASE',
  'CAP_AUDIT_WRITE',
  'CAP_AUDIT_CONTROL',
  'CAP_SETFCAP',
  'CAP_MAC_OVERRIDE',
  'CAP_MAC_ADMIN',
  'CAP_SYSLOG',
  'CAP_WAKE_ALARM',
  'CAP_BLOCK_SUSPEND',
  'CAP_AUDIT_READ',
  'CAP_PERFMON',
  'CAP_BPF',
  'CAP_CHECKPOINT_RESTORE',
] as const;

export type Capability = (typeof CAPABILITIES)[number];

const REVISION_2 = 0x02000000;
const EFFECTIVE = 1;

/**
 * The attribute `security.capability` that permits these and makes them effective, as `setcap NAMES=ep` sets it:
 * `struct vfs_cap_data` of linux/capability.h, revision 2, little-endian.
 */
export function capabilityAttribute(capabilities: readonly Capability[]): Buffer {
  const attribute = Buffer.alloc(20);
  attribute.writeUInt32LE(REVISION_2 | EFFECTIVE, 0);
  for (const capability of capabilities) {
    const bit = CAPABILITIES.indexOf(capability);
    // Two words, each followed by one of inheritable capabilities.
    const at = bit < 32 ? 4 : 12;
    attribute.writeUInt32LE((attribute.readUInt32LE(at) | (1 << (bit % 32))) >>> 0, at);
  }
  return attribute;
}
